"""A trained network that answers: arrays, image files, texts, forecasts; averaged over augmented views.

What is measured of the answers belongs to evaluate/.
"""
