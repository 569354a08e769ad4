"""params.yaml: read, explained, checked block against block, merged with recipes.

What one block holds belongs to schema/.
"""
