"""A trained network on disk and what is around it: config, weights, inputs, outputs, weights from elsewhere.

Answering with it belongs to predict/.
"""
