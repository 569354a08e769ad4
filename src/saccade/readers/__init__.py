"""A user's folder, archive or table, brought to data/raw and read as named, labelled files.

What is inside a file belongs to its kind, in kinds/.
"""
