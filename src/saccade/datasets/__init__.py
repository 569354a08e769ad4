"""Registered: one file a source of data, with fetch and read.

What several sources share belongs to io/, readers/ or a kind.
"""
