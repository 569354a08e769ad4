"""Metrics, test-time augmentation, labels of one dataset in the order of another.

What a task shows of them belongs to tasks/.
"""
