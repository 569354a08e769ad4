"""What a folder, an archive or a file that nobody has described seems to hold, for ``saccade start``.

Which source reads it, and by which arguments, each source says itself: see ``recognise`` of the files in datasets/.
"""
