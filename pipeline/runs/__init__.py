"""A training on record: identity, journal, run store, where it comes from.

Sending it to MLflow belongs to tracking/.
"""
