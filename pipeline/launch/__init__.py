"""One training or many: in one process or several, an ensemble, seeds, folds.

The training itself belongs to stages/train.
"""
