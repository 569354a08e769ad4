"""Pages: from sections as values to HTML and Markdown.

What a section says belongs to the kind that knows it.
"""
