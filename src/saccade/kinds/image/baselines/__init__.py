"""What networks over images are compared with: linear models on gradient histograms, or on frozen features.

Which of them a dataset gets is decided in the folder above.
"""
