"""A trained network behind HTTP: what a request may hold, how several are answered at once, the page to try it.

What a network is and how inputs are read belongs to saccade; the command line belongs to cli/ and commands/.
"""
