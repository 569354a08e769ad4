"""What a sequence's steps do to an answer, and what recurrent layers remember: texts, series, rows of images.

Maps over the pixels of images belong to attribution/; reading files and printing to the command.
"""

import importlib
from typing import Any

_HOMES = {
    "Explained": "examples",
    "Follower": "tracking",
    "Influence": "influence",
    "LayerStates": "states",
    "explain_stored": "examples",
    "explain_text": "examples",
    "find_followers": "tracking",
    "gradients_over_time": "gradients",
    "influences": "influence",
    "methods_for": "influence",
    "read_states": "states",
    "text_features": "features",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a part only when somebody asks for it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'saccade.explain.sequences' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
