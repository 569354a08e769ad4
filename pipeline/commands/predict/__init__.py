"""saccade predict: one file for what each kind of input and answer needs.

The answers themselves come from the library.
"""
