"""Simple numbers of an example that need no network: how bright, how long, how much of it is unknown.

Shapes: N examples, H height, W width, C channels, T steps or tokens, F features.
"""

import numpy as np

from saccade.data.spec import PAD, UNKNOWN, Spec
from saccade.evaluate.about_data.slices import Property

MAX_FEATURES = 6  # features of a series or a vector that have statistics of their own, the first ones


def statistics(stored: np.ndarray, spec: Spec) -> list[Property]:
    """What is told of examples by their layout.

    Args:
        stored: examples as they lie in data/prepared.
        spec: of the network.

    Returns:
        Of images brightness, contrast, sharpness and, of coloured ones, colour; of texts their length, the share of
        unknown tokens and how often tokens come again; of series their length, and level, spread and roughness of each
        feature; of vectors each feature.
    """
    layout = spec.layout
    if layout == "image":
        return _of_images(stored)
    if layout == "tokens":
        return _of_tokens(stored, spec)
    names = spec.features or [f"feature {f + 1}" for f in range(spec.shape[-1])]
    if layout == "vector":
        return [Property(names[f], stored[:, f].astype(np.float64)) for f in range(min(MAX_FEATURES, stored.shape[1]))]
    return _of_series(stored, spec, list(names))


def _of_images(image_NHWC: np.ndarray) -> list[Property]:
    brightness, contrast, sharpness, colour = (np.zeros(len(image_NHWC)) for _ in range(4))
    for i, image_HWC in enumerate(image_NHWC):  # one at a time: whole numbers take a quarter of the memory of floats
        grey_HW = image_HWC.mean(axis=2)
        brightness[i], contrast[i] = grey_HW.mean(), grey_HW.std()
        steps = [np.abs(np.diff(grey_HW, axis=axis)).mean() for axis in (0, 1) if grey_HW.shape[axis] > 1]
        sharpness[i] = np.mean(steps) if steps else 0.0
        colour[i] = (image_HWC.max(axis=2).astype(np.int16) - image_HWC.min(axis=2)).mean()
    found = [
        Property("brightness", brightness, "grey levels"),
        Property("contrast", contrast, "grey levels"),
        Property("sharpness", sharpness, "grey levels a pixel"),
    ]
    return [*found, Property("colour", colour, "grey levels")] if image_NHWC.shape[3] == 3 else found


def _of_tokens(token_NT: np.ndarray, spec: Spec) -> list[Property]:
    lengths = np.maximum((token_NT != PAD).sum(axis=1), 1)
    unknown = (token_NT == UNKNOWN).sum(axis=1) / lengths
    again = np.array(
        [1 - len(np.unique(token_T[token_T != PAD])) / n for token_T, n in zip(token_NT, lengths, strict=True)]
    )
    return [
        Property("length", lengths.astype(np.float64), spec.unit),
        Property("unknown", unknown, f"share of {spec.unit or 'tokens'}"),
        Property("repeated", again, f"share of {spec.unit or 'tokens'}"),
    ]


def _of_series(x_NTF: np.ndarray, spec: Spec, names: list[str]) -> list[Property]:
    found = []
    x_NTF = x_NTF.astype(np.float64)
    if spec.is_padded:  # behind the end of a series stand steps of NaN
        found.append(Property("length", (~np.isnan(x_NTF).all(axis=2)).sum(axis=1).astype(np.float64), "steps"))
    for f in range(min(MAX_FEATURES, x_NTF.shape[2])):
        values_NT = x_NTF[:, :, f]
        found += [
            Property(f"level of {names[f]}", np.nanmean(values_NT, axis=1)),
            Property(f"spread of {names[f]}", np.nanstd(values_NT, axis=1)),
        ]
        if values_NT.shape[1] > 1:
            found.append(Property(f"roughness of {names[f]}", np.nanmean(np.abs(np.diff(values_NT, axis=1)), axis=1)))
    return found
