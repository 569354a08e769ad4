"""One text: normalised, cut into tokens, encoded, decoded, and shown to people.

What is done with all texts of a dataset belongs to ../corpus.
"""
