"""The loop: epochs and steps, state, checkpoints, early stopping, frozen layers, statistics of layers.

What is made of its record belongs to doctor/ and display/.
"""
