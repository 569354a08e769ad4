"""The contract between the stages: Spec, arrays on disk, dataset.json, the times of a series.

How a kind of data is read, checked or split does not belong here.
"""
