"""A network layer by layer: shapes, operations, memory, receptive fields, its diagram, its speed.

Training and data do not belong here, and nothing that depends on the values of weights.
"""
