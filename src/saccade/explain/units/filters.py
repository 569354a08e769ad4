"""Filters of the first layer: what each looks for, which do nothing, and which do the same.

Shapes: N filters, C channels, h and w sides of a filter, H and W sides of the image.
"""

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from saccade.explain.architecture.trace import trace
from saccade.explain.attribution.frozen import frozen

DUPLICATE = 0.95  # cosine from which two filters do the same, with either sign
DEAD = 0.01  # of the largest norm: below it a filter does nothing
_FINE = 64  # points a side of the spectrum, however small the filter


@dataclass(frozen=True)
class Filters:
    """Filters of one layer, and what they look for.

    Attributes:
        layer: name of the layer.
        weights: float64 (N, C, h, w).
        frequency: cycles a pixel of the strongest wave in each filter, in [0, 0.71]; 0: it takes a mean.
        orientation: degrees from a vertical wave's stripes, in [0, 180); NaN where the frequency is 0. 0: upright
            stripes, 90: lying ones.
        is_dead: whether each does nothing.
        duplicates: pairs that do the same, as numbers of filters.
    """

    layer: str
    weights: np.ndarray
    frequency: np.ndarray
    orientation: np.ndarray
    is_dead: np.ndarray
    duplicates: list[tuple[int, int]]

    @property
    def num_repeated(self) -> int:
        """How many filters could be left out, because an earlier one does the same."""
        return len({second for _, second in self.duplicates})


def first_filters(network: nn.Module, x_BCHW: Tensor) -> Filters | None:
    """The filters of the first layer that weighs pixels.

    Args:
        network: module that takes ``x_BCHW``.
        x_BCHW: an image as the network takes it.

    Returns:
        Of a convolution over the image, or of a linear layer over all of its pixels; None where neither comes first,
        such as in a network that reads row by row.
    """
    with frozen(network):
        root = trace(network, x_BCHW[:1])
    channels, height, width = x_BCHW.shape[1:]
    for call in root.all():
        if isinstance(call.module, nn.Conv2d) and call.input_shape[1:2] == (channels,):
            return _of_weights(call.name, call.module.weight.detach().double().cpu().numpy())
        if isinstance(call.module, nn.Linear) and call.input_shape[1:] == (channels * height * width,):
            weight_NF = call.module.weight.detach().double().cpu()
            return _of_weights(call.name, weight_NF.unflatten(1, (channels, height, width)).numpy())
        if call.own_parameters() and call.is_leaf and isinstance(call.module, nn.Conv1d | nn.Linear | nn.RNNBase):
            return None
    return None


def _of_weights(layer: str, weights_NChw: np.ndarray) -> Filters:
    norms_N = np.sqrt((weights_NChw**2).sum(axis=(1, 2, 3)))
    is_dead_N = norms_N <= DEAD * norms_N.max()
    waves = [strongest_wave(weight_Chw) for weight_Chw in weights_NChw]
    return Filters(
        layer,
        weights_NChw,
        np.array([frequency for frequency, _ in waves]),
        np.array([orientation for _, orientation in waves]),
        is_dead_N,
        _duplicates(weights_NChw, norms_N, is_dead_N),
    )


def strongest_wave(weight_Chw: np.ndarray) -> tuple[float, float]:
    """The wave that a filter answers to most, its mean included.

    Args:
        weight_Chw: weights of a filter.

    Returns:
        Cycles a pixel, and degrees of the stripes from upright, clockwise as seen; (0, NaN) for a mean.
    """
    power_FF = (np.abs(np.fft.fft2(weight_Chw, s=(_FINE, _FINE))) ** 2).sum(axis=0)
    row, column = np.unravel_index(int(power_FF.argmax()), power_FF.shape)
    down, right = np.fft.fftfreq(_FINE)[[row, column]]
    frequency = math.hypot(down, right)
    if frequency == 0:
        return 0.0, math.nan
    return frequency, math.degrees(math.atan2(down, right)) % 180  # 0: the wave runs to the right, its stripes upright


def _duplicates(weights_NChw: np.ndarray, norms_N: np.ndarray, is_dead_N: np.ndarray) -> list[tuple[int, int]]:
    flat_ND = weights_NChw.reshape(len(weights_NChw), -1) / np.maximum(norms_N, 1e-30)[:, None]
    cosine_NN = np.abs(flat_ND @ flat_ND.T)
    cosine_NN[is_dead_N] = cosine_NN[:, is_dead_N] = 0
    first, second = np.nonzero(np.triu(cosine_NN, k=1) >= DUPLICATE)
    return list(zip(first.tolist(), second.tolist(), strict=True))


def as_pictures(weights_NChw: np.ndarray) -> list[np.ndarray]:
    """Filters as pictures of 0 to 1, 0 being grey: (h, w, 3) of three channels, else (h, w), the mean over channels.

    Args:
        weights_NChw: weights of filters.

    Returns:
        One a filter, each on a scale of its own.
    """
    pictures = []
    for weight_Chw in weights_NChw:
        picture = weight_Chw.transpose(1, 2, 0) if len(weight_Chw) == 3 else weight_Chw.mean(axis=0)
        top = float(np.abs(picture).max())
        pictures.append(picture / (2 * top) + 0.5 if top > 0 else np.full(picture.shape, 0.5))
    return pictures
