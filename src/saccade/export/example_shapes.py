"""Examples in which an exported file is compared with the network: of every length and number that it must take.

Shapes: N examples, T time steps, F features.
"""

from dataclasses import dataclass

import numpy as np

from saccade.bundle.bundle import NetworkConfig
from saccade.data.spec import PAD

_SMALL_IMAGE = 96 * 96  # pixels; of larger images fewer are computed
_LONGEST = 100  # steps: texts of a file may take thousands, and no layer knows more after a hundred


@dataclass(frozen=True)
class Examples:
    """A batch of made examples.

    Attributes:
        name: what is tried with it, such as "batch 1" or "padding inside".
        stored: array as it would lie in data/prepared.
    """

    name: str
    stored: np.ndarray


def made_examples(config: NetworkConfig, *, has_any_length: bool, seed: int = 0) -> list[Examples]:
    """Batches of made examples: one, an odd number, many; the shortest and the longest; with padding inside.

    Args:
        config: config of the network.
        has_any_length: whether examples may have another number of steps than those of training.
        seed: decides the numbers.

    Returns:
        Five batches at least.
    """
    spec = config.spec
    random = np.random.default_rng(seed)
    many = 33 if spec.layout != "image" or spec.shape[0] * spec.shape[1] <= _SMALL_IMAGE else 9
    wanted = [("batch 1", 1, 1.0), ("batch 2", 2, 1.0), ("odd batch", 5, 1.0), ("odd batch, again", 7, 1.0)]
    wanted += [("large batch", many, 1.0)]
    T = spec.shape[0] if spec.layout in ("tokens", "series") else 0
    found = [Examples(name, _draw(config, number, T, random)) for name, number, _ in wanted]
    if has_any_length:
        longer = min(T, _LONGEST) * 2 + 1
        found += [
            Examples("shortest", _draw(config, 3, 1, random)),
            Examples("shortest, alone", _draw(config, 1, 1, random)),
            Examples("two steps", _draw(config, 4, 2, random)),
            Examples("longer than in training", _draw(config, 3, longer, random)),
        ]
    if spec.has_lengths:
        found.append(Examples("padding inside", _padded(_draw(config, 9, T, random))))
    return found


def _draw(config: NetworkConfig, number: int, steps: int, random: np.random.Generator) -> np.ndarray:
    spec = config.spec
    match spec.layout:
        case "image":
            return random.integers(0, 256, (number, *spec.shape)).astype(np.uint8)
        case "tokens":
            return random.integers(1, len(spec.vocabulary), (number, steps)).astype(np.int32)
        case "series":
            mean, std = np.array(config.mean, np.float32), np.array(config.std, np.float32)
            return random.standard_normal((number, steps, spec.shape[1]), np.float32) * std + mean
    mean, std = np.array(config.mean, np.float32), np.array(config.std, np.float32)
    return random.standard_normal((number, *spec.shape), np.float32) * std + mean


def _padded(stored: np.ndarray) -> np.ndarray:
    """Examples of all lengths from one step, or none of a text, to all of them."""
    steps = stored.shape[1]
    for row in range(len(stored)):
        length = round(steps * row / (len(stored) - 1))
        if stored.ndim == 2:
            stored[row, length:] = PAD
        else:
            stored[row, max(length, 1) :] = np.nan
    return stored
