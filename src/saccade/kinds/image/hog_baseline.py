"""What a network has to beat: the answer without looking, and a linear model over hand-made features.

Shapes: N examples, H height, W width, C channels, B examples at a time, D features, O orientations of a gradient.
"""

import functools
from typing import Any

import numpy as np

from saccade.kinds.image.linear_classifier import Features, check_images, fit_and_measure, most_examples

SIDE = 32  # pixels; longer sides are shrunk to it, and gradients are counted on SIDE x SIDE
CELL = 4  # pixels
BLOCK = 2  # cells; blocks do not overlap, which is a third of the values at 0.1 points less on MNIST
ORIENTATIONS = 9  # over half a turn: light on dark and dark on light count alike
BATCH_VALUES = 4_000_000  # pixel values turned into features at a time


def _shrunk(images_NHWC: np.ndarray) -> Any:
    """Float tensor in [0, 1]; sides above SIDE are averaged down to it."""
    import torch
    import torch.nn.functional as F

    pixels_NCHW = torch.from_numpy(np.array(images_NHWC)).permute(0, 3, 1, 2).float() / 255
    H, W = pixels_NCHW.shape[2:]
    if max(H, W) > SIDE:
        pixels_NCHW = F.interpolate(pixels_NCHW, size=(min(H, SIDE), min(W, SIDE)), mode="area")
    return pixels_NCHW


def gradient_histograms(pixels_NCHW: Any) -> Any:
    """Histograms of oriented gradients: how strong the edges of each direction are in each cell of the image.

    Each pixel votes with the length of its gradient, taken from the channel where it is longest, shared linearly
    between the two nearest orientations and the nearest cells; each block of cells is normalised, clipped at 0.2 and
    normalised again.

    Source: Dalal, Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005
    (https://lear.inrialpes.fr/people/triggs/pubs/Dalal-cvpr05.pdf). We differ: no gamma, no Gaussian window over a
    block, blocks do not overlap. Written out here because OpenCV 5 no longer has ``HOGDescriptor``.

    Args:
        pixels_NCHW: float32 tensor, values in [0, 1]; stretched to SIDE x SIDE.

    Returns:
        float32 tensor (N, D), D = (SIDE / CELL) ** 2 * ORIENTATIONS, each in [0, 1].
    """
    import torch
    import torch.nn.functional as F

    if pixels_NCHW.shape[2:] != (SIDE, SIDE):
        pixels_NCHW = F.interpolate(pixels_NCHW, size=(SIDE, SIDE), mode="bilinear")
    padded = F.pad(pixels_NCHW, (1, 1, 1, 1), mode="replicate")
    across_NCHW = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    down_NCHW = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    length_N1HW, channel_N1HW = torch.hypot(across_NCHW, down_NCHW).max(dim=1, keepdim=True)
    angle_N1HW = torch.atan2(down_NCHW.gather(1, channel_N1HW), across_NCHW.gather(1, channel_N1HW))

    # Angles in units of one orientation, half a turn being the period; centres at 0.5, 1.5, ...
    position_N1HW = torch.remainder(angle_N1HW * (ORIENTATIONS / torch.pi), ORIENTATIONS)
    distance_NOHW = (position_N1HW - (torch.arange(ORIENTATIONS) + 0.5).view(1, -1, 1, 1)).abs()
    distance_NOHW = torch.minimum(distance_NOHW, ORIENTATIONS - distance_NOHW)
    votes_NOHW = (1 - distance_NOHW).clamp_(min=0) * length_N1HW

    # The same sharing along each axis of the image, as a matrix from pixels to cells.
    centre_of_pixel = torch.arange(SIDE) + 0.5
    centre_of_cell = torch.arange(CELL / 2, SIDE, CELL)
    share = (1 - (centre_of_pixel[None] - centre_of_cell[:, None]).abs() / CELL).clamp_(min=0)
    cells_NOhw = share @ votes_NOHW @ share.T

    N, _, h, w = cells_NOhw.shape
    blocks = cells_NOhw.view(N, ORIENTATIONS, h // BLOCK, BLOCK, w // BLOCK, BLOCK)
    blocks = blocks.permute(0, 2, 4, 1, 3, 5).flatten(3)  # (N, block row, block column, values of the block)
    # 0.1: the length below which a block counts as flat, and noise is not blown up to full strength.
    blocks = blocks / (blocks.square().sum(dim=-1, keepdim=True) + 0.1**2).sqrt()
    blocks = blocks.clamp(max=0.2)
    blocks = blocks / (blocks.square().sum(dim=-1, keepdim=True) + 0.01**2).sqrt()
    return blocks.flatten(1)


def _features(images_NHWC: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Gradient histograms and pixels of the examples that ``rows`` names, float32, read a few at a time."""
    import torch

    _, H, W, C = images_NHWC.shape
    D = (SIDE // CELL) ** 2 * ORIENTATIONS + min(H, SIDE) * min(W, SIDE) * C
    # The histograms' intermediate values are ORIENTATIONS planes of SIDE x SIDE, whatever the image's size.
    B = max(1, BATCH_VALUES // max(H * W * C, SIDE * SIDE * ORIENTATIONS))
    features_ND = np.empty((len(rows), D), dtype=np.float32)
    with torch.no_grad():
        for start in range(0, len(rows), B):
            pixels_BCHW = _shrunk(images_NHWC[rows[start : start + B]])
            batch_BD = torch.cat([gradient_histograms(pixels_BCHW), pixels_BCHW.flatten(1)], dim=1)
            features_ND[start : start + B] = batch_BD.numpy()
    return features_ND


def image_baseline(
    train_images_NHWC: np.ndarray,
    train_labels_N: np.ndarray,
    validation_images_NHWC: np.ndarray,
    validation_labels_N: np.ndarray,
    test_images_NHWC: np.ndarray,
    test_labels_N: np.ndarray,
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """Accuracy on test of a multinomial logistic regression over gradient histograms and raw pixels.

    How it is fitted, ``linear_classifier.fit_and_measure`` says. Data too large for memory or patience are thinned,
    classes in proportion.

    Args:
        train_images_NHWC: uint8, may be memory-mapped, as may the other two; all of one size.
        train_labels_N: integers, at least two different ones.
        validation_images_NHWC: uint8, at least one.
        validation_labels_N: integers. Only these choose C.
        test_images_NHWC: uint8, at least one. Used for the answer only.
        test_labels_N: integers.
        seed: which examples the search (and a thinned fit) sees; nothing else is random.

    Returns:
        As of ``linear_classifier.fit_and_measure``, and ``model``, its name.

    Raises:
        ValueError: images and labels differ in number, a split is empty or of another size, or training has one class.
    """
    splits = {
        "train": (train_images_NHWC, train_labels_N),
        "validation": (validation_images_NHWC, validation_labels_N),
        "test": (test_images_NHWC, test_labels_N),
    }
    check_images(splits)
    D, K = _features(train_images_NHWC, np.arange(1)).shape[1], len(np.unique(train_labels_N))
    train, validation, test = (
        Features(functools.partial(_features, images_NHWC), labels_N) for images_NHWC, labels_N in splits.values()
    )
    measured = fit_and_measure(train, validation, test, most=most_examples(D, K), seed=seed)
    return measured | {"model": "hog+pixels logistic regression"}
