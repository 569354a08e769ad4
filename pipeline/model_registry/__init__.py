"""Registered models: what a version holds, which run may become one, its card, and where its bundle is found again.

Logging the model of a run belongs to tracking/; asking a network belongs to commands/.
"""
