"""One reader for every table: delimited text, JSON records, Parquet and spreadsheets, row by row, each with its line.

What a column means to a dataset (a path, a time, a target) does not belong here.
"""
