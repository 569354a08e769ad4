"""Answers about very many examples as a table: streamed, in order, gone on with after a kill.

What is printed of a few belongs to commands/predict.py, what a network answers to the library's predict/.
"""
