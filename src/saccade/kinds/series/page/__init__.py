"""The sections of a dataset page that only series have.

How a page is rendered belongs to report/.
"""
