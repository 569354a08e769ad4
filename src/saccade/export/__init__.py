"""From a bundle to a file that others run or load: ONNX with its proof, smaller ONNX of 8 bits, plain tensors.

Answering with such a file belongs to predict/, what is known of a run besides its bundle to the pipeline.
"""
