"""All texts of a dataset: on disk while they are read, checked, counted, and as arrays; memory stays flat.

What the forms of the kind make of them belongs to the files beside this folder.
"""
