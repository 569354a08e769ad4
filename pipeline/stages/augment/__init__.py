"""The stage augment, and the preview of its views.

Transforms and policies belong to the library.
"""
