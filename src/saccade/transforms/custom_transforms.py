"""Transforms that albumentations does not have, or not so that they work on 8 bits: as plain functions of pixels.

``albumentations_adapter.py`` wraps them, so that params.yaml names them as any other transform. Their randomness comes
from the generator they are handed, and nowhere else.

Shapes: N images, H height, W width, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_MAX_IMAGES = 2000  # that the colours of a training set are measured on: of CIFAR-10, 2 million pixels
_MIN_INTENSITY = 1.0 / 255.0  # the optical density of black would be infinite


def principal_colors(images_NHWC: np.ndarray) -> np.ndarray:
    """The principal components of the colours of a set of images, each times its eigenvalue.

    Values of pixels count from 0 to 1, so that a shift is a share of white. Of many images some are measured, spread
    evenly over all. The sums are of whole numbers: their order does not matter.

    Args:
        images_NHWC: uint8, may be memory-mapped.

    Returns:
        float64 (C, C): column i is eigenvector i of the covariance of the channels, times its eigenvalue.
    """
    rows = np.unique(np.linspace(0, len(images_NHWC) - 1, _MAX_IMAGES).round().astype(int))
    channels = images_NHWC.shape[-1]
    count, sums_C, products_CC = 0, np.zeros(channels, np.int64), np.zeros((channels, channels), np.int64)
    for row in rows:
        pixels_PC = np.asarray(images_NHWC[row]).reshape(-1, channels).astype(np.int64)
        count += len(pixels_PC)
        sums_C += pixels_PC.sum(axis=0)
        products_CC += pixels_PC.T @ pixels_PC
    mean_C = sums_C / count
    covariance_CC = (products_CC / count - np.outer(mean_C, mean_C)) / 255.0**2
    values_C, vectors_CC = np.linalg.eigh(covariance_CC)
    # Both v and -v are eigenvectors; which one a library gives must not change the pixels
    largest_C = np.abs(vectors_CC).argmax(axis=0)
    vectors_CC = vectors_CC * np.sign(vectors_CC[largest_C, np.arange(channels)])
    return vectors_CC * values_C.clip(min=0.0)


@dataclass(frozen=True)
class PrincipalColorShift:
    """Move all pixels of an image by one colour: ``sum_i alpha_i lambda_i v_i``, with alpha_i ~ N(0, std).

    v_i and lambda_i are the eigenvectors and eigenvalues of the covariance of the training set's colours. On grey
    images it is a shift of brightness.

    Source: A. Krizhevsky, I. Sutskever, G. Hinton, NIPS 2012, section 4.1. albumentations' FancyPCA takes each image's
    own components and multiplies its pixels' distances from their mean by them: CIFAR-10's bytes change by 0.2 of 255
    on average (2.0.8, alpha 0.1, 58 images).

    Attributes:
        std: standard deviation of alpha; the paper has 0.1.
    """

    std: float = 0.1

    def __post_init__(self) -> None:
        if not _is_number(self.std) or not 0 <= self.std <= 10:
            raise ValueError(f"std ({self.std!r}) must be a number in [0, 10]")

    def __call__(self, image_HWC: np.ndarray, random: np.random.Generator, colors_CC: np.ndarray) -> np.ndarray:
        """One shift, drawn anew: uint8 (H, W, C)."""
        shift_C = 255.0 * (colors_CC @ random.normal(0.0, self.std, size=image_HWC.shape[2]))
        return _as_bytes(image_HWC + shift_C)


@dataclass(frozen=True)
class InkSpread:
    """Let strokes swell or thin out by part of a pixel, whichever of light and dark is the ink.

    The image is mixed with its dilation or erosion by a disc of radius 1/40 of the side, at least a pixel.

    Attributes:
        amount_range: bounds of the mixture, in [-1, 1]: 1 swells by the whole radius, -1 thins by it.
    """

    amount_range: Sequence[float] = field(default=(-0.5, 0.8))

    def __post_init__(self) -> None:
        _check_range("amount_range", self.amount_range, -1, 1)

    def __call__(self, image_HWC: np.ndarray, random: np.random.Generator, colors_CC: np.ndarray) -> np.ndarray:
        """Strokes swollen or thinned: uint8 (H, W, C)."""
        import cv2

        amount = _between(random, self.amount_range)
        radius = max(1, round(min(image_HWC.shape[:2]) / 40))
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        ink_is_dark = _paper(image_HWC).mean() > image_HWC.mean()
        towards = cv2.erode if (amount > 0) == ink_is_dark else cv2.dilate
        moved_HWC = towards(image_HWC, disc).reshape(image_HWC.shape)
        return _as_bytes(image_HWC + abs(amount) * (moved_HWC.astype(float) - image_HWC))


@dataclass(frozen=True)
class BrokenStrokes:
    """Break strokes where ink did not reach the paper: short cuts in the colour of the paper, each over some ink.

    A cut is as long as 3/10 of the side: one that runs along a stroke leaves most of it.

    Attributes:
        count_range: least and greatest number of cuts.
        width_range: least and greatest width in pixels.
    """

    count_range: Sequence[int] = field(default=(1, 2))
    width_range: Sequence[int] = field(default=(1, 1))

    def __post_init__(self) -> None:
        for name in ("count_range", "width_range"):
            _check_range(name, getattr(self, name), 1, 1000)
            if any(not isinstance(value, int) for value in getattr(self, name)):
                raise ValueError(f"{name} ({list(getattr(self, name))}) must hold whole numbers")

    def __call__(self, image_HWC: np.ndarray, random: np.random.Generator, colors_CC: np.ndarray) -> np.ndarray:
        """The strokes cut: uint8 (H, W, C)."""
        import cv2

        paper_C = _paper(image_HWC)
        contrast_HW = np.abs(image_HWC - paper_C).sum(axis=2)
        inked_y, inked_x = np.nonzero(contrast_HW > contrast_HW.max() / 2)
        broken_HWC = image_HWC.copy()
        if len(inked_y) == 0:
            return broken_HWC
        for _ in range(random.integers(self.count_range[0], self.count_range[1] + 1)):
            at, angle = random.integers(len(inked_y)), random.uniform(0, np.pi)
            reach = 0.15 * min(image_HWC.shape[:2]) * np.array([np.cos(angle), np.sin(angle)])
            middle = np.array([inked_x[at], inked_y[at]])
            start, end = ([round(float(value)) for value in middle + sign * reach] for sign in (-1, 1))
            thickness = int(random.integers(self.width_range[0], self.width_range[1] + 1))
            broken_HWC = cv2.line(broken_HWC, start, end, tuple(map(float, paper_C)), thickness)
        return broken_HWC.reshape(image_HWC.shape)


@dataclass(frozen=True)
class PaperTexture:
    """Paper that is not even: clouds of several sizes, and fibres, which make it darker; ink stays as dark as it is.

    Pixels are multiplied by 1 - s t, where t goes from 0 to 1 over the picture.

    Attributes:
        strength_range: bounds of s.
    """

    strength_range: Sequence[float] = field(default=(0.05, 0.25))

    def __post_init__(self) -> None:
        _check_range("strength_range", self.strength_range, 0, 1)

    def __call__(self, image_HWC: np.ndarray, random: np.random.Generator, colors_CC: np.ndarray) -> np.ndarray:
        """On other paper: uint8 (H, W, C)."""
        import cv2

        height, width, _ = image_HWC.shape
        side = min(height, width)
        texture_HW = np.zeros((height, width), np.float32)
        for share in (1.0, 0.35, 0.12):  # of the shorter side: how far apart the clouds' middles lie
            grid = tuple(max(2, round(length / (share * side)) + 1) for length in (height, width))
            coarse = random.random(grid, dtype=np.float32)
            texture_HW += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        for _ in range(int(random.integers(0, 2 + 3 * width // side))):
            (x, y), angle = random.random(2) * (width, height), random.uniform(0, np.pi)
            reach = random.uniform(0.1, 0.4) * side * np.array([np.cos(angle), np.sin(angle)])
            start, end = ([round(float(value)) for value in (x, y) + sign * reach] for sign in (-1, 1))
            texture_HW = cv2.line(texture_HW, start, end, float(texture_HW.max()), 1, cv2.LINE_AA)
        texture_HW -= texture_HW.min()
        texture_HW /= max(float(texture_HW.max()), 1e-6)
        return _as_bytes(image_HWC * (1 - _between(random, self.strength_range) * texture_HW[..., None]))


@dataclass(frozen=True)
class Stamp:
    """Part of a stamp over the picture: an arc of its ring, or a bar of its frame, in translucent ink.

    Attributes:
        darkness_range: bounds of the share of light that the stamp's ink takes away.
    """

    darkness_range: Sequence[float] = field(default=(0.1, 0.35))

    def __post_init__(self) -> None:
        _check_range("darkness_range", self.darkness_range, 0, 1)

    def __call__(self, image_HWC: np.ndarray, random: np.random.Generator, colors_CC: np.ndarray) -> np.ndarray:
        """Stamped: uint8 (H, W, C)."""
        import cv2

        height, width, _ = image_HWC.shape
        side = min(height, width)
        ink_HW = np.zeros((height, width), np.float32)
        thickness = max(1, round(side * random.uniform(0.05, 0.14)))
        (x, y), angle = random.random(2) * (width, height), random.uniform(0, 2 * np.pi)
        away = np.array([np.cos(angle), np.sin(angle)])
        if random.random() < 0.5:
            radius = side * random.uniform(0.8, 2.5)
            middle = [round(float(value)) for value in (x, y) + radius * away]
            ink_HW = cv2.circle(ink_HW, middle, round(radius), 1.0, thickness, cv2.LINE_AA)
        else:
            reach = 2.0 * side
            start, end = ([round(float(value)) for value in (x, y) + sign * reach * away] for sign in (-1, 1))
            ink_HW = cv2.line(ink_HW, start, end, 1.0, thickness, cv2.LINE_AA)
        ink_HW *= 0.6 + 0.4 * random.random((height, width), dtype=np.float32)  # rubber does not print evenly
        return _as_bytes(image_HWC * (1 - _between(random, self.darkness_range) * ink_HW[..., None]))


@dataclass(frozen=True)
class StainJitter:
    """More or less of each stain of a tissue section: hematoxylin, eosin, and what is left.

    Optical density is split into the three stains by the colours of Ruifrok and Johnston, each is multiplied by a
    factor and shifted, and they are put together again. Factors of 1 and shifts of 0 leave the image as it is.

    Source: A. Ruifrok, D. Johnston, Quantification of Histochemical Staining by Color Deconvolution, 2001; the jitter
    is that of D. Tellez et al. 2018, https://arxiv.org/abs/1808.05896

    Attributes:
        scale_range: bounds of the factors.
        shift_range: bounds of the shifts, in units of density.
    """

    scale_range: Sequence[float] = field(default=(0.9, 1.1))
    shift_range: Sequence[float] = field(default=(-0.02, 0.02))

    def __post_init__(self) -> None:
        _check_range("scale_range", self.scale_range, 0, 10)
        _check_range("shift_range", self.shift_range, -1, 1)

    def __call__(self, image_HWC: np.ndarray, random: np.random.Generator, colors_CC: np.ndarray) -> np.ndarray:
        """Stained otherwise: uint8 (H, W, 3)."""
        if image_HWC.shape[2] != 3:
            raise ValueError("StainJitter takes 3 channels: stains are told apart by their colours")
        stains_33 = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])  # rows: H, E, residual
        stains_33 /= np.linalg.norm(stains_33, axis=1, keepdims=True)
        density_HW3 = -np.log(np.maximum(image_HWC / 255.0, _MIN_INTENSITY))
        amounts_HW3 = density_HW3 @ np.linalg.inv(stains_33)
        amounts_HW3 = amounts_HW3 * _between(random, self.scale_range, 3) + _between(random, self.shift_range, 3)
        return _as_bytes(255.0 * np.exp(-(amounts_HW3 @ stains_33)))


@dataclass(frozen=True)
class UnevenLight:
    """Light that falls unevenly: a slope across the image, or a brighter or darker spot.

    Pixels are multiplied by 1 + s f, where f goes from -1 to 1 along the slope, or from 0 to 1 in the middle of the
    spot. albumentations' Illumination is much the same, and fails on images of one channel (2.0.8).

    Attributes:
        strength_range: bounds of s, drawn with either sign.
    """

    strength_range: Sequence[float] = field(default=(0.05, 0.3))

    def __post_init__(self) -> None:
        _check_range("strength_range", self.strength_range, 0, 1)

    def __call__(self, image_HWC: np.ndarray, random: np.random.Generator, colors_CC: np.ndarray) -> np.ndarray:
        """In another light: uint8 (H, W, C)."""
        height, width, _ = image_HWC.shape
        y_H1, x_1W = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
        strength = _between(random, self.strength_range) * random.choice([-1, 1])
        if random.random() < 0.5:
            angle = random.uniform(0, 2 * np.pi)
            across_HW = np.cos(angle) * x_1W + np.sin(angle) * y_H1
            light_HW = across_HW / np.abs(across_HW).max()
        else:
            (y, x), radius = random.uniform(-1, 1, size=2), random.uniform(0.4, 1.2)
            light_HW = np.exp(-((y_H1 - y) ** 2 + (x_1W - x) ** 2) / (2 * radius**2))
        return _as_bytes(image_HWC * (1 + strength * light_HW[..., None]))


CUSTOM_TRANSFORMS = {
    kind.__name__: kind
    for kind in (PrincipalColorShift, InkSpread, BrokenStrokes, PaperTexture, Stamp, StainJitter, UnevenLight)
}


def _paper(image_HWC: np.ndarray) -> np.ndarray:
    """The colour behind the ink: the median of the border, float (C,)."""
    image = image_HWC
    border_PC = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    return np.median(border_PC, axis=0)


def _between(random: np.random.Generator, bounds: Sequence[float], size: int | None = None) -> Any:
    return random.uniform(bounds[0], bounds[1], size)


def _as_bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(values.clip(0, 255)).astype(np.uint8)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_range(name: str, values: Sequence[float], lowest: float, highest: float) -> None:
    if not isinstance(values, list | tuple) or len(values) != 2 or not all(map(_is_number, values)):
        raise ValueError(f"{name} ({values!r}) must be two numbers: the smallest and the largest")
    if not lowest <= values[0] <= values[1] <= highest:
        raise ValueError(f"{name} ({list(values)}) must be in ascending order and lie in [{lowest}, {highest}]")
