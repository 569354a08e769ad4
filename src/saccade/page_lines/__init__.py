"""Whole pages of print: lines found by classical methods in OpenCV, read, put in order, searched for fields.

How a line becomes a text belongs to transcripts/ and predict/, words on any command line to pipeline/.
"""
