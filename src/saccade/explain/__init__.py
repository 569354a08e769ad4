"""What a network is made of, and what a trained one looks at.

What is measured of answers belongs to evaluate/; training and its diagnosis have rooms of their own.
"""
