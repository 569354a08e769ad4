"""A trained network on disk and what is around it: config, weights, input and output layers, ensembles.

Weights from elsewhere belong to transfer/, answering with a network to predict/.
"""
