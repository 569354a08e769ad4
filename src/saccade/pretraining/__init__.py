"""Weights from elsewhere, and how they come into a network of one's own."""
