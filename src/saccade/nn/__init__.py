"""Parts that models share: layers, geometry, padding, pooling, recurrence.

A whole architecture is a file in models/.
"""
