"""Every command that is no stage.

Stages belong to stages/.
"""
