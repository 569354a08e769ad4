"""The sections of a dataset page that only texts have.

How a page is rendered belongs to report/.
"""
