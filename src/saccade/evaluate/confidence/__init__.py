"""A classifier's confidence: whether it is right as often as it says, and what is left when it may refuse to answer.

The temperature that makes it so belongs to bundle/, how right it is to metrics.py.
"""
