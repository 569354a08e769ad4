"""Whether new inputs are like the data that a network knows: a hint, from its features and from simple statistics.

What errors differ by, and how well a network answers, belongs to evaluate/.
"""
