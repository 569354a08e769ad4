"""A trained network that answers: arrays, image files, texts, forecasts.

What is measured of the answers belongs to evaluate/.
"""
