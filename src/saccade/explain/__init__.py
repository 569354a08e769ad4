"""What a network is made of, and what a trained one sees: ``explain.explain_image(saccade.load("models/x"), image)``.

What is measured of answers belongs to evaluate/; training and its diagnosis have rooms of their own.
"""

import importlib
from typing import Any

_HOMES = {
    "ImageExplainer": "attribution.image_explainer",
    "saliency": "attribution.gradients",
    "smooth_grad": "attribution.gradients",
    "integrated_gradients": "attribution.gradients",
    "grad_cam": "attribution.class_activation",
    "layer_cam": "attribution.class_activation",
    "occlusion": "attribution.occlusion",
    "deconvolution": "attribution.relu_rules",
    "guided_backpropagation": "attribution.relu_rules",
    "spatial_layers": "attribution.spatial_layers",
    "explain_image": "sheets.explained",
    "explain_text": "sequences.examples",
    "explain_stored": "sequences.examples",
    "draw_example": "sheets.example_sheet",
    "RunData": "sheets.run_sheets",
    "draw_run": "sheets.run_sheets",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Import torch only when somebody asks for what needs it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'saccade.explain' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
