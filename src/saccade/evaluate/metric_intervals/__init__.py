"""The 95 % intervals of all metrics of a task, each with the method that holds for its examples.

How examples are drawn again is ../bootstrap.py; what is measured is in the files beside it.
"""
