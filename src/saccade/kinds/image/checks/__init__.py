"""What is wrong with a set of images: unreadable, equal, contradictory, leaking, nearly the same.

What is shown of it belongs to ../page.
"""
