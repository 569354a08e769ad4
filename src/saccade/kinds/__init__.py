"""One folder a kind of data, behind one protocol: reading, checks, preparing, its sections of pages, its baseline.

What several kinds share belongs to prepare/, display/ or report/.
"""
