"""What people look at, whatever the data are: the style of figures, sections of pages, common figures.

What only one kind of data shows belongs to that kind.
"""
