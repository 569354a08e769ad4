"""The stage evaluate: metrics, baselines, members of an ensemble, other datasets.

What is measured belongs to the library.
"""
