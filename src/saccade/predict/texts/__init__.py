"""Answers that are texts: what goes on from a beginning, and what is read in a line of print.

Whoever asks for them is in the folder above.
"""
