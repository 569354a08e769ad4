"""From examples to the arrays of the three splits, whatever the kind: problems, groups, splits, folds, writing.

What only one kind of data needs belongs to that kind.
"""
