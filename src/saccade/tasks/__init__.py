"""Registered: one file a task: its losses and score, and what its evaluation measures, compares and draws.

Metrics and baselines themselves belong to evaluate/ and kinds/.
"""
