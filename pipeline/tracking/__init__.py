"""The copy of a run in MLflow: sent beside the training, replayed later, status, the logged model.

The record itself belongs to runs/.
"""
