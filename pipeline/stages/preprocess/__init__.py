"""The stage preprocess.

What a kind of data needs belongs to saccade/kinds/.
"""
