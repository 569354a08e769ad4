"""Bytes from outside, none of it trusted: downloads, archives and their limits, encodings, times as text.

What an example is, or which label it has, does not belong here.
"""
