"""The sections of a dataset page that only images have.

How a page is rendered belongs to report/.
"""
