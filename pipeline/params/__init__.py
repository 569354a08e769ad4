"""params.yaml: read, explained, checked block against block.

What one block holds belongs to schema/, what changes the file to commands/.
"""
