"""What makes a view of an image: the albumentations adapter, our own transforms, stored and online views.

What the augment stage does around it belongs to augment/.
"""
