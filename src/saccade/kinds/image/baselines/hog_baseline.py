"""What a network has to beat: the answer without looking, and a linear model over hand-made features.

Shapes: N examples, H height, W width, C channels, B examples at a time, D features.
"""

import functools
from typing import Any

import numpy as np

from saccade.kinds.image.baselines.linear_classifier import Features, check_images, fit_and_measure, most_examples
from saccade.kinds.image.baselines.linear_targets import fit_classes_and_measure, fit_numbers_and_measure

BATCH_VALUES = 4_000_000  # pixel values turned into features at a time


def _features(images_NHWC: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Gradient histograms and pixels of the examples that ``rows`` names, float32, read a few at a time."""
    import torch

    from saccade.nn.images.gradient_histograms import CELL, ORIENTATIONS, SIDE, gradient_histograms, shrink

    _, H, W, C = images_NHWC.shape
    D = (SIDE // CELL) ** 2 * ORIENTATIONS + min(H, SIDE) * min(W, SIDE) * C
    # The histograms' intermediate values are ORIENTATIONS planes of SIDE x SIDE, whatever the image's size.
    B = max(1, BATCH_VALUES // max(H * W * C, SIDE * SIDE * ORIENTATIONS))
    features_ND = np.empty((len(rows), D), dtype=np.float32)
    with torch.no_grad():
        for start in range(0, len(rows), B):
            pixels_BHWC = torch.from_numpy(np.array(images_NHWC[rows[start : start + B]]))
            pixels_BCHW = shrink(pixels_BHWC.permute(0, 3, 1, 2).float() / 255)
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
        train_labels_N: integers, at least two different ones; several classes an example, uint8 (N, K); or numbers to
            predict, float32 (N, O).
        validation_images_NHWC: uint8, at least one.
        validation_labels_N: integers. Only these choose C.
        test_images_NHWC: uint8, at least one. Used for the answer only.
        test_labels_N: integers.
        seed: which examples the search (and a thinned fit) sees; nothing else is random.

    Returns:
        As of ``linear_classifier.fit_and_measure``, or of the functions of ``linear_targets`` for several classes and
        for numbers; and ``model``, its name.

    Raises:
        ValueError: images and labels differ in number, a split is empty or of another size, or training has one class.
    """
    splits = {
        "train": (train_images_NHWC, train_labels_N),
        "validation": (validation_images_NHWC, validation_labels_N),
        "test": (test_images_NHWC, test_labels_N),
    }
    check_images(splits)
    D = _features(train_images_NHWC, np.arange(1)).shape[1]
    train, validation, test = (
        Features(functools.partial(_features, images_NHWC), labels_N) for images_NHWC, labels_N in splits.values()
    )
    if train_labels_N.ndim == 2:
        fit = fit_classes_and_measure if train_labels_N.dtype == np.uint8 else fit_numbers_and_measure
        most = most_examples(D, train_labels_N.shape[1])
        return fit(train, validation, test, most=most, seed=seed) | {"model": "hog+pixels linear model"}
    most = most_examples(D, len(np.unique(train_labels_N)))
    measured = fit_and_measure(train, validation, test, most=most, seed=seed)
    return measured | {"model": "hog+pixels logistic regression"}
