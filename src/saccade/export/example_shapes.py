"""Examples in which an exported file is compared with the network: of every length and number that it must take.

Shapes: N examples, T time steps, F features.
"""

from dataclasses import dataclass

import numpy as np

from saccade.bundle.bundle import NetworkConfig
from saccade.data.spec import PAD

_SMALL_IMAGE = 96 * 96  # pixels; of larger images fewer are computed
_SHORT = 512  # steps; likewise
_FEW_ANSWERS = 2**18  # an example; likewise


@dataclass(frozen=True)
class Examples:
    """A batch of made examples.

    Attributes:
        name: what is tried with it, such as "batch 1" or "padding inside".
        stored: array as it would lie in data/prepared.
    """

    name: str
    stored: np.ndarray


def made_examples(config: NetworkConfig, *, least_steps: int | None, seed: int = 0) -> list[Examples]:
    """Batches of made examples: one, an odd number, many; the shortest and the longest; with padding inside.

    Args:
        config: config of the network.
        least_steps: least number of steps that it takes, where examples may have another number than those of
            training; None: they may not.
        seed: decides the numbers.

    Returns:
        Five batches at least.
    """
    random = np.random.default_rng(seed)
    T = steps_of(config)
    wanted = [("batch 1", 1), ("batch 2", 2), ("odd batch", 5), ("odd batch, again", 7)]
    found = [Examples(name, draw(config, number, T, random)) for name, number in wanted]
    found.append(Examples("large batch", draw(config, _many(config), T, random)))
    if least_steps is not None:
        found += [
            Examples("shortest", draw(config, 3, least_steps, random)),
            Examples("shortest, alone", draw(config, 1, least_steps, random)),
            Examples("short", draw(config, 4, least_steps + 1, random)),
            Examples("longer than in training", draw(config, 3, T + 3, random)),
        ]
    if config.spec.has_lengths:
        found.append(Examples("padding inside", _padded(draw(config, 9, T, random))))
    return found


def steps_of(config: NetworkConfig) -> int:
    """How many time steps the examples of training have; 0 of images and vectors."""
    return config.spec.shape[0] if config.spec.layout in ("tokens", "series") else 0


def _many(config: NetworkConfig) -> int:
    """Examples of a large batch: fewer where each takes long."""
    spec = config.spec
    if spec.layout == "image":
        return 33 if spec.shape[0] * spec.shape[1] <= _SMALL_IMAGE else 9
    answers = spec.num_outputs * steps_of(config) if spec.output == "per_token" else 1
    return 33 if steps_of(config) <= _SHORT and answers <= _FEW_ANSWERS else 9


def draw(config: NetworkConfig, number: int, steps: int, random: np.random.Generator) -> np.ndarray:
    """Examples as they would lie in data/prepared.

    Args:
        config: config of the network.
        number: how many.
        steps: time steps of each, of texts and series.
        random: source of the numbers.

    Returns:
        uint8 images, int32 tokens without padding, or float32 series and vectors about the mean of training.
    """
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
