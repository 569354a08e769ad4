"""The learning rate range test: losses under a rising rate, a suggestion, its picture.

The training itself belongs to train/.
"""
