"""What counted runs of characters and words reach on the same texts.

Metrics belong to evaluate/.
"""
