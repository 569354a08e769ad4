"""From bytes to pixels: image files and IDX files decoded, images brought to a height, width and channels.

What is wrong with the images of a dataset belongs to ../checks.
"""
