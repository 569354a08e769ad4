"""Baselines for several classes an example, and for numbers: linear models that find what is linear."""

import numpy as np
import pytest

from saccade.kinds.image.baselines import linear_targets
from saccade.kinds.image.baselines.hog_baseline import image_baseline
from saccade.kinds.image.baselines.linear_classifier import Features
from saccade.kinds.image.baselines.linear_targets import fit_classes_and_measure, fit_numbers_and_measure


def split(count: int, seed: int, *, numbers: bool) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, 6), and labels that the first of them say, with a little noise."""
    random = np.random.default_rng(seed)
    x_ND = random.normal(size=(count, 6)).astype(np.float32)
    if numbers:
        return x_ND, np.stack([50 + 10 * x_ND[:, 0], -x_ND[:, 1]], axis=1) + 0.1 * random.normal(size=(count, 2))
    y_NK = (x_ND[:, :3] + 0.1 * random.normal(size=(count, 3)) > [0, 0.5, -1]).astype(np.uint8)
    return x_ND, y_NK


def features(*, numbers: bool) -> list[Features]:
    found = []
    for seed, count in enumerate((200, 60, 80)):
        x_ND, labels = split(count, seed, numbers=numbers)
        found.append(Features(lambda rows, x_ND=x_ND: x_ND[rows].copy(), labels))
    return found


def test_several_classes_are_found() -> None:
    measured = fit_classes_and_measure(*features(numbers=False), most=10_000)
    assert measured["mean_average_precision"] > 0.97 and measured["macro_f1"] > 0.9
    assert measured["train_examples"] == 200 and measured["test_examples"] == 80
    thinned = fit_classes_and_measure(*features(numbers=False), most=20)
    assert thinned["train_examples"] == 20 and thinned["mean_average_precision"] > 0.8


def test_a_class_that_all_training_examples_have_or_none_is_answered_all_the_same() -> None:
    train, validation, test = features(numbers=False)
    labels_NK = train.labels_N.copy()
    labels_NK[:, 1], labels_NK[:, 2] = 0, 1
    measured = fit_classes_and_measure(Features(train.read, labels_NK), validation, test, most=10_000)
    assert 0.5 < measured["mean_average_precision"] < 0.9


def test_numbers_are_found_in_their_own_unit_beside_the_constant() -> None:
    train, validation, test = features(numbers=True)
    measured = fit_numbers_and_measure(train, validation, test, most=10_000)
    constant_O = np.median(train.labels_N, axis=0)
    assert measured["constant_mae"] == pytest.approx(np.abs(test.labels_N - constant_O).mean())
    assert measured["mae"] < 0.15 < 3 < measured["constant_mae"] and measured["rmse"] >= measured["mae"]


def test_one_number_is_no_other_thing_than_several() -> None:
    """scikit-learn answers (N,) to one target, which would spread to (N, N) against (N, 1)."""
    train, validation, test = (Features(each.read, each.labels_N[:, :1]) for each in features(numbers=True))
    assert fit_numbers_and_measure(train, validation, test, most=10_000)["mae"] < 0.2


def test_images_are_measured_by_what_their_labels_are() -> None:
    random = np.random.default_rng(0)
    images_NHWC = random.integers(0, 60, (120, 8, 8, 1), dtype=np.uint8)
    has_NK = (random.random((120, 2)) < 0.5).astype(np.uint8)
    images_NHWC[:, :4] += 120 * has_NK[:, 0, None, None, None]
    images_NHWC[:, 4:] += 120 * has_NK[:, 1, None, None, None]
    parts = [slice(0, 60), slice(60, 90), slice(90, 120)]
    several = image_baseline(*(array for part in parts for array in (images_NHWC[part], has_NK[part])))
    assert several["mean_average_precision"] > 0.95
    assert set(linear_targets.STRENGTHS) >= {several["C"]}
    numbers_NO = has_NK.sum(axis=1, keepdims=True).astype(np.float32)
    numbers = image_baseline(*(array for part in parts for array in (images_NHWC[part], numbers_NO[part])))
    assert numbers["mae"] < 0.3 < numbers["constant_mae"]
