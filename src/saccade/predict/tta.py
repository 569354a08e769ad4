"""Test-time augmentation: a classifier's answers averaged over an image and augmented views of it.

Shapes: N examples, H height, W width, C channels, K classes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from saccade.core.progress import Progress, no_progress
from saccade.data.prepared import Split
from saccade.predict.predictor import Predictor
from saccade.transforms.albumentations_adapter import augment_image, build


def average_over_views(
    answers_NK: np.ndarray,
    predictor: Predictor,
    test: Split,
    *,
    views: int,
    transforms: Sequence[Mapping[str, Any]],
    seed: int,
    batch_size: int,
    colors: np.ndarray | None = None,
    progress: Progress = no_progress,
) -> np.ndarray:
    """Mean probabilities over each image as it is and augmented views of it, however many images there are.

    The answers are averaged as the network gives them, without a temperature: the mean is less sure than they are, and
    a temperature was fitted on answers about single images.

    Where evaluation looks at the middle of an image, a view is not cropped once more: the transforms have enlarged it.
    The pixels of a view depend on (seed, view, row of the source) alone. Training views are made with seeds from 0
    on; these with -1 - seed, so that no view is drawn as one that was trained on.

    Args:
        answers_NK: float32, of the images as they are, without a temperature.
        predictor: what answers.
        test: images uint8 (N, H, W, C) in the order of the answers, and their rows.
        views: how many are averaged over, the image as it is among them; from 2.
        transforms: albumentations' own names and arguments, in order, as training views are made with.
        seed: of the training views, from 0.
        batch_size: images at once, here and in the network.
        colors: of the training split, from ``albumentations_adapter.colors_for``.
        progress: called with images answered so far.

    Returns:
        Float32 (N, K).

    Raises:
        UserError: a transform refuses its arguments or the images.
    """
    compose = build(transforms, colors)
    N = len(test.examples)
    mean_NK = np.empty_like(answers_NK)
    for start in range(0, N, batch_size):
        part = slice(start, min(start + batch_size, N))
        sum_BK = answers_NK[part].astype(np.float64)
        for view in range(1, views):
            made = [
                augment_image(compose, image, seed=-1 - seed, view=view, index=int(row))
                for image, row in zip(test.examples[part], test.rows[part], strict=True)
            ]
            sum_BK += predictor.outputs(torch.from_numpy(np.stack(made)), batch_size, are_views=True, calibrated=False)
        mean_NK[part] = sum_BK / views
        progress(f"{views - 1} views of each", part.stop, N)
    return mean_NK
