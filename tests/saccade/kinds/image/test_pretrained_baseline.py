"""Shapes: N examples, H height, W width, C channels, D features."""

from collections.abc import Callable

import numpy as np
import pytest

from saccade import kinds
from saccade.data.prepared import DatasetInfo
from saccade.data.spec import Spec
from saccade.kinds.image.baselines import pretrained_baseline as module
from saccade.kinds.image.baselines.pretrained_baseline import pretrained_baseline


def features(seen: list[int] | None = None, progress: Callable[..., None] = lambda *_: None) -> kinds.FrozenFeatures:
    """The mean of each corner of an image in place of a network's features."""

    def read(images_NHWC: np.ndarray) -> np.ndarray:
        if seen is not None:
            seen.append(len(images_NHWC))
        corners = [images_NHWC[:, y : y + 2, x : x + 3].mean(axis=(1, 2)) for y in (0, 2) for x in (0, 3)]
        return np.concatenate(corners, axis=1).astype(np.float32)

    return kinds.FrozenFeatures("corners", read, "digest", check=lambda: None, progress=progress)


def bright_corners(N: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images 4 x 6 x 3 of four classes, each with another bright corner, and their labels."""
    random = np.random.default_rng(seed)
    labels_N = np.arange(N) % 4
    images_NHWC = random.integers(0, 100, (N, 4, 6, 3), dtype=np.uint8)
    for image_HWC, label in zip(images_NHWC, labels_N, strict=True):
        y, x = divmod(int(label), 2)
        image_HWC[2 * y : 2 * y + 2, 3 * x : 3 * x + 3] += 120
    return images_NHWC, labels_N


SPLITS = [array for N, seed in ((40, 0), (12, 1), (20, 2)) for array in bright_corners(N, seed)]


def test_what_the_network_tells_apart_is_right_and_what_it_saw_is_counted() -> None:
    seen: list[int] = []
    notes: list[tuple[str, int, int]] = []
    found = pretrained_baseline(*SPLITS, features=features(seen, lambda *note: notes.append(note)))
    assert found["accuracy"] == found["balanced_accuracy"] == found["validation_accuracy"] == 1
    assert [found[f"{split}_examples"] for split in ("train", "validation", "test")] == [40, 12, 20]
    assert found["model"] == "corners features logistic regression"
    assert seen == [40, 12, 20]  # each image once, however many strengths are tried
    assert notes == [("features of corners", done, 72) for done in (40, 52, 72)]


def test_large_splits_are_thinned_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_IMAGES", {"train": 16, "validation": 8, "test": 4})
    seen: list[int] = []
    found = pretrained_baseline(*SPLITS, features=features(seen))
    assert seen == [16, 8, 4]
    assert [found[f"{split}_examples"] for split in ("train", "validation", "test")] == [16, 8, 4]
    assert found["accuracy"] == 1  # labels go with their images


def test_labels_of_the_test_split_choose_nothing() -> None:
    found = pretrained_baseline(*SPLITS, features=features())
    other = pretrained_baseline(*SPLITS[:5], SPLITS[5][::-1].copy(), features=features())
    measured = {"accuracy": None, "balanced_accuracy": None, "outcomes": None}
    assert other["accuracy"] == 0 and other | measured == found | measured


def test_images_that_cannot_be_fitted_are_refused() -> None:
    with pytest.raises(ValueError, match=r"validation_labels_N \(shape \(11,\)\) must have 12 labels"):
        pretrained_baseline(*SPLITS[:3], SPLITS[3][:11], *SPLITS[4:], features=features())


def describe(spec: Spec) -> DatasetInfo:
    return DatasetInfo(spec, {}, {}, [], [], {})


def test_images_have_two_baselines_and_others_one() -> None:
    images = describe(Spec("image", (4, 6, 3), ("a", "b")))
    first, second = kinds.baselines(images, features())
    assert (first.name, second.name, second.decided_by) == ("", "features", "digest")
    assert second.method == "features of corners into a logistic regression"
    assert [each.name for each in kinds.baselines(images)] == [""]
    of_numbers = kinds.baselines(describe(Spec("image", (4, 6, 3), targets=("x",))), features())
    assert [each.name for each in of_numbers] == ["", "features"] and "ridge" in of_numbers[1].method
    assert "constant_mae" in of_numbers[0].metrics and "constant_mae" not in of_numbers[1].metrics
    several = kinds.baselines(describe(Spec("image", (4, 6, 3), ("a", "b"), multilabel=True)), features())
    assert [each.metrics[0] for each in several] == ["mean_average_precision"] * 2
    texts = describe(Spec("tokens", (9,), ("a", "b"), vocabulary=("<pad>", "<unknown>", "x"), unit="characters"))
    assert [each.name for each in kinds.baselines(texts, features())] == [""]
