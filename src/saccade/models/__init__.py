"""Registered: one file an architecture, with ACCEPTS and build(spec, ...).

Parts that several share belong to nn/.
"""
