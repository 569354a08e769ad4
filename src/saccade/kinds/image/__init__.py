"""Images: decoded, resized, checked, prepared, and what they are measured against.

Augmentation is in transforms/ and augment/, networks are in models/.
"""
