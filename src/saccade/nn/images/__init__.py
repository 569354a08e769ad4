"""Parts of networks for images alone: residual networks, torchvision's backbones, pooling to a fixed size.

What networks for sequences or numbers could use, too, belongs to nn/ itself.
"""
