"""One pydantic model a block of params.yaml: names, types, ranges, descriptions.

Rules between blocks belong to params/.
"""
