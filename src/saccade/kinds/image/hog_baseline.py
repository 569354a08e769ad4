"""What a network has to beat: the answer without looking, and a linear model over hand-made features.

Shapes: N examples, H height, W width, C channels, B examples at a time, D features, O orientations of a gradient.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from saccade.kinds.linear_baseline import SEARCH_EXAMPLES, stratified_rows

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)  # scikit-learn's C: the larger, the weaker the regularisation
FINALISTS = 2  # the best strength on few examples need not be the best on all: MNIST's moves from 0.1 to 0.01
MOST_ITERATIONS = 100  # MNIST converges after about 70

SIDE = 32  # pixels; longer sides are shrunk to it, and gradients are counted on SIDE x SIDE
CELL = 4  # pixels
BLOCK = 2  # cells; blocks do not overlap, which is a third of the values at 0.1 points less on MNIST
ORIENTATIONS = 9  # over half a turn: light on dark and dark on light count alike
BATCH_VALUES = 4_000_000  # pixel values turned into features at a time

MOST_VALUES = 250_000_000  # float32 features held at a time: 1 GB
MOST_PRODUCTS = (
    4_000_000_000  # examples x features x classes, what one step of the solver costs: about 0.2 s on 2 cores
)
FEWEST_EXAMPLES = 2_000  # many classes may cost more time than planned rather than sink below this


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

    Features are standardised by the training examples' mean and standard deviation. Each strength C of ``STRENGTHS`` is
    tried on at most ``SEARCH_EXAMPLES`` training examples, classes in proportion; the ``FINALISTS`` with the highest
    accuracy on validation are fitted on all training examples, and the better of these on validation is the answer (of
    equals, always the smaller C). Nothing is refitted on validation, from which the network does not learn either.
    Data too large for memory or patience are thinned, classes in proportion, to ``MOST_VALUES`` and ``MOST_PRODUCTS``.

    Args:
        train_images_NHWC: uint8, may be memory-mapped, as may the other two; all of one size.
        train_labels_N: integers, at least two different ones.
        validation_images_NHWC: uint8, at least one.
        validation_labels_N: integers. Only these choose C.
        test_images_NHWC: uint8, at least one. Used for the answer only.
        test_labels_N: integers.
        seed: which examples the search (and a thinned fit) sees; nothing else is random.

    Returns:
        ``accuracy`` and ``balanced_accuracy`` (mean recall of the classes that occur) on test, and
        ``validation_accuracy``, all of the final model; ``model``, its name; ``C``;
        ``train_examples`` it was fitted on; ``search_examples`` all strengths were tried on; ``converged``, False when
        the solver was stopped after ``MOST_ITERATIONS`` steps.

    Raises:
        ValueError: images and labels differ in number, a split is empty or of another size, or training has one class.
    """
    from sklearn.metrics import recall_score

    splits = {
        "train": (train_images_NHWC, train_labels_N),
        "validation": (validation_images_NHWC, validation_labels_N),
        "test": (test_images_NHWC, test_labels_N),
    }
    for name, (images_NHWC, labels_N) in splits.items():
        if images_NHWC.ndim != 4 or images_NHWC.dtype != np.uint8 or len(images_NHWC) == 0:
            raise ValueError(
                f"{name}_images_NHWC ({images_NHWC.dtype} {images_NHWC.shape}) must be uint8 (N, H, W, C), N at least 1"
            )
        if images_NHWC.shape[1:] != train_images_NHWC.shape[1:]:
            raise ValueError(
                f"{name}_images_NHWC (each {images_NHWC.shape[1:]}) must be like train's {train_images_NHWC.shape[1:]}"
            )
        if labels_N.shape != images_NHWC.shape[:1]:
            raise ValueError(
                f"{name}_labels_N (shape {labels_N.shape}) must have {len(images_NHWC)} labels, one an image"
            )
    K = len(np.unique(train_labels_N))
    if K < 2:
        raise ValueError(f"train_labels_N ({K} class) must hold at least 2 classes")

    D = _features(train_images_NHWC, np.arange(1)).shape[1]
    most = max(FEWEST_EXAMPLES, min(MOST_VALUES // D, MOST_PRODUCTS // (D * K)))
    rows = stratified_rows(train_labels_N, most, seed)
    features_ND, labels_N = _features(train_images_NHWC, rows), train_labels_N[rows]
    mean_D = features_ND.mean(axis=0, dtype=np.float64).astype(np.float32)
    features_ND -= mean_D
    # Written as a product, because std() makes a copy of the features in float64.
    variance_D = np.einsum("nd,nd->d", features_ND, features_ND, dtype=np.float64) / len(rows)
    scale_D = np.sqrt(variance_D).astype(np.float32)
    scale_D[scale_D < 1e-6] = 1  # a feature that never changes stays 0 instead of being divided by rounding noise
    features_ND /= scale_D

    def answers_of(models: list[Any], images_NHWC: np.ndarray) -> np.ndarray:
        return np.concatenate([np.stack(part) for part in _answers(models, images_NHWC, mean_D, scale_D)], axis=1)

    def scores_of(models: list[Any]) -> list[float]:
        return _accuracies(answers_of(models, validation_images_NHWC), validation_labels_N)

    search_rows = stratified_rows(labels_N, SEARCH_EXAMPLES, seed)
    models = [_fitted(features_ND[search_rows], labels_N[search_rows], C) for C in STRENGTHS]
    scores = scores_of(models)
    if len(search_rows) < len(rows):
        strengths = sorted(models[i].C for i in np.argsort(-np.array(scores), kind="stable")[:FINALISTS])
        models = [_fitted(features_ND, labels_N, C) for C in strengths]
        scores = scores_of(models)
    best = int(np.argmax(scores))
    final = models[best]
    answers_MN = answers_of([final], test_images_NHWC)
    return {
        "accuracy": _accuracies(answers_MN, test_labels_N)[0],
        "balanced_accuracy": float(
            recall_score(test_labels_N, answers_MN[0], labels=np.unique(test_labels_N), average="macro")
        ),
        "model": "hog+pixels logistic regression",
        "C": final.C,
        "train_examples": len(rows),
        "validation_accuracy": scores[best],
        "search_examples": len(search_rows),
        "converged": bool(final.n_iter_.max() < MOST_ITERATIONS),
    }


def _fitted(features_ND: np.ndarray, labels_N: np.ndarray, C: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told by the result's ``converged``
        return LogisticRegression(C=C, solver="lbfgs", max_iter=MOST_ITERATIONS).fit(features_ND, labels_N)


def _answers(
    models: list[Any], images_NHWC: np.ndarray, mean_D: np.ndarray, scale_D: np.ndarray
) -> Iterator[list[np.ndarray]]:
    """What each model says of a few thousand images at a time, so that memory stays flat."""
    for start in range(0, len(images_NHWC), 4096):
        rows = np.arange(start, min(start + 4096, len(images_NHWC)))
        features_BD = (_features(images_NHWC, rows) - mean_D) / scale_D
        yield [model.predict(features_BD) for model in models]


def _accuracies(answers_MN: np.ndarray, labels_N: np.ndarray) -> list[float]:
    return [int(right) / len(labels_N) for right in (answers_MN == labels_N).sum(axis=1)]
