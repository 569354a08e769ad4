"""What a network has to beat: a linear model over what another network, trained on many pictures, makes of the images.

Nothing of that network is trained here, so this is the least that a few hours of somebody else's computing give.

Shapes: N examples, H height, W width, C channels, D features.
"""

from typing import Any

import numpy as np

from saccade.kinds import FrozenFeatures
from saccade.kinds.image.baselines.linear_classifier import Features, check_images, fit_and_measure
from saccade.kinds.image.baselines.linear_targets import fit_classes_and_measure, fit_numbers_and_measure
from saccade.kinds.linear_baseline import stratified_rows

# Images of a split at most; of more, classes in proportion. The network sees about 95 images a second on two cores of a
# laptop, so all of them take three minutes.
MAX_IMAGES = {"train": 10_000, "validation": 2_000, "test": 5_000}
_BATCH = 512  # images between two notes of progress


def pretrained_baseline(
    train_images_NHWC: np.ndarray,
    train_labels_N: np.ndarray,
    validation_images_NHWC: np.ndarray,
    validation_labels_N: np.ndarray,
    test_images_NHWC: np.ndarray,
    test_labels_N: np.ndarray,
    *,
    features: FrozenFeatures,
    seed: int = 0,
) -> dict[str, Any]:
    """Accuracy on test of a multinomial logistic regression over the features of a network that stays as it is.

    The images are those that were prepared, without augmentation. How the regression is fitted,
    ``linear_classifier.fit_and_measure`` says; of large splits ``MAX_IMAGES`` are looked at.

    Args:
        train_images_NHWC: uint8, may be memory-mapped, as may the other two; all of one size.
        train_labels_N: integers, at least two different ones; several classes an example, uint8 (N, K); or numbers to
            predict, float32 (N, O).
        validation_images_NHWC: uint8, at least one.
        validation_labels_N: integers. Only these choose C.
        test_images_NHWC: uint8, at least one. Used for the answer only.
        test_labels_N: integers.
        features: what the network makes of images.
        seed: which images of large splits are looked at, and which of these the search sees.

    Returns:
        As of ``linear_classifier.fit_and_measure``, or of the functions of ``linear_targets`` for several classes and
        for numbers; and ``model``, its name.

    Raises:
        ValueError: images and labels differ in number, a split is empty or of another size, or training has one class.
        UserError: the weights of the network are not there.
    """
    splits = {
        "train": (train_images_NHWC, train_labels_N),
        "validation": (validation_images_NHWC, validation_labels_N),
        "test": (test_images_NHWC, test_labels_N),
    }
    check_images(splits)
    several = train_labels_N.ndim == 2
    rows = {
        name: stratified_rows(np.zeros(len(labels_N), int) if several else labels_N, MAX_IMAGES[name], seed)
        for name, (_, labels_N) in splits.items()
    }
    done, total = 0, sum(map(len, rows.values()))
    read = {}
    for name, (images_NHWC, labels_N) in splits.items():
        parts = []
        for start in range(0, len(rows[name]), _BATCH):
            part = rows[name][start : start + _BATCH]
            parts.append(features.read(images_NHWC[part]))
            done += len(part)
            features.progress(f"features of {features.network}", done, total)
        read[name] = Features(np.concatenate(parts).__getitem__, labels_N[rows[name]])
    fit = fit_and_measure
    if several:
        fit = fit_classes_and_measure if train_labels_N.dtype == np.uint8 else fit_numbers_and_measure
    measured = fit(read["train"], read["validation"], read["test"], most=MAX_IMAGES["train"], seed=seed)
    if len(rows["test"]) < len(test_labels_N):
        measured |= {"outcome_places": rows["test"].tolist()}
    if several:
        return measured | {"model": f"{features.network} features linear model"}
    return measured | {"model": f"{features.network} features logistic regression"}
