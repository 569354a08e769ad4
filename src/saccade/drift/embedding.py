"""What a network makes of an example before its last layer: the layer is found by running the network.

Shapes: N examples, B batch, D features, K outputs.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from saccade.predict.predictor import Predictor

_BATCH_SIZE = 64
_LEAST = 1e-7  # of a probability whose logarithm is taken


def embedding(predictor: Predictor, stored: np.ndarray) -> np.ndarray:
    """The input of the layer that answers: the last one with weights that runs.

    Args:
        predictor: network that answers once an example.
        stored: examples as they lie in data/prepared, one at least.

    Returns:
        float32 (N, D). Where that layer is given no numbers, or not one row an example, as in a network that is a
        single layer over tokens, the logarithms of the probabilities, or the numbers that it answers with.
    """
    parts = [_batch(predictor, stored[at : at + _BATCH_SIZE]) for at in range(0, len(stored), _BATCH_SIZE)]
    if any(part is None for part in parts) or len({part.shape[1] for part in parts if part is not None}) > 1:
        outputs_NK = predictor.answers_of(stored)
        return np.log(np.maximum(outputs_NK, _LEAST)) if predictor.spec.classes else outputs_NK
    return np.concatenate([part for part in parts if part is not None])


def _batch(predictor: Predictor, stored: np.ndarray) -> np.ndarray | None:
    seen: list[Any] = [None]

    def look(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        seen[0] = inputs[0] if inputs else None

    layers = [module for module in predictor.network.modules() if any(True for _ in module.parameters(recurse=False))]
    handles = [layer.register_forward_pre_hook(look) for layer in layers]
    try:
        predictor.answers_of(stored, batch_size=len(stored))
    finally:
        for handle in handles:
            handle.remove()
    found = seen[0]
    if not isinstance(found, Tensor) or not found.is_floating_point() or len(found) != len(stored):
        return None
    features_BD: np.ndarray = torch.flatten(found.detach().float(), 1).cpu().numpy()
    return features_BD if np.isfinite(features_BD).all() else None
