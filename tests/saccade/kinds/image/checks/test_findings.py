"""What is found in a small dataset made for it, and when it stops the work.

Shapes: N images, H height, W width.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.kinds.image.checks.decode_pass import inspect_images
from saccade.kinds.image.checks.findings import Findings, examine, require_sound_images
from saccade.readers.examples import ImageExamples

_SIDE = 24


def noise(seed: int) -> np.ndarray:
    """A picture that is like no other, smooth enough to have a brighter copy that looks alike."""
    coarse_HW = np.random.default_rng(seed).integers(20, 200, size=(6, 6)).astype(np.uint8)
    return np.kron(coarse_HW, np.ones((4, 4), np.uint8))


IMAGES: list[np.ndarray | None] = [
    noise(0),
    noise(1),
    noise(0),  # equal to 0, the same class
    noise(2),
    noise(2),  # equal to 3, another class
    None,
    noise(3),
    noise(3) + np.uint8(3),  # nearly the same as 6
    noise(4),
]
LABELS_N = np.array([0, 1, 0, 0, 1, 0, 0, 1, 1])
SPLITS = ["train", "train", "test", "train", "test", "train", "train", "test", "test"]


def decode(image: np.ndarray | None) -> np.ndarray:
    if image is None:
        raise UserError("must be a whole picture: it is cut short")
    return image


def examples(**options: Any) -> ImageExamples:
    names = [f"{'cat' if label == 0 else 'dog'}/{row}.png" for row, label in enumerate(LABELS_N)]
    names[5] = "cat/5\n.png"
    given = ImageExamples(("cat", "dog"), LABELS_N, IMAGES.__getitem__, names, decode, SPLITS, names=names)
    return dataclasses.replace(given, **options)


def find(folder: Path, source: ImageExamples, **options: Any) -> Findings:
    inspected = inspect_images(source, folder, size=(_SIDE, _SIDE), channels=1)
    return examine(source, inspected, **options)


def test_each_kind_of_trouble_is_found(tmp_path: Path) -> None:
    found = find(tmp_path, examples(), published=SPLITS)
    assert found.unreadable == {5: "must be a whole picture: it is cut short"}
    assert found.equal == [[0, 2]] and found.conflicting == [[3, 4]]
    assert found.leaking == [[0, 2]]  # what conflicts is told as such
    assert [(pair.first, pair.second) for pair in found.near] == [(6, 7)]
    assert np.flatnonzero(found.left_out).tolist() == [3, 4, 5]


def test_what_nobody_published_cannot_leak_and_near_ones_are_found_when_asked_for(tmp_path: Path) -> None:
    found = find(tmp_path, examples(), with_near=False)
    assert found.leaking == [] and found.near is None and found.equal == [[0, 2]]


def test_a_group_in_several_published_splits_leaks(tmp_path: Path) -> None:
    groups = ["p0", "p1", "p0", "p2", "p3", "p4", "p5", "p6", "p1"]
    assert find(tmp_path, examples(), published=SPLITS, groups=groups).leaking == [[0, 2], [0, 2], [1, 8]]


def test_sound_data_pass_in_silence(tmp_path: Path) -> None:
    source = examples(labels=LABELS_N[:2], load=IMAGES[:2].__getitem__)
    assert require_sound_images(source, find(tmp_path, source)) == []


@pytest.mark.parametrize(
    ("decided", "message"),
    [
        (
            {},
            r"pictures that cannot be read \(1 of 9\):\n  cat/5\\n\.png must be a whole picture: it is cut short\n"
            r".*preprocess\.on_unreadable: quarantine",
        ),
        (
            {"on_unreadable": "quarantine"},
            r"pictures that are in several classes, .* \(1\):\n  cat/3\.png \(cat\) = dog/4\.png \(dog\)\n"
            r".*preprocess\.on_conflict: quarantine",
        ),
        (
            {"on_unreadable": "quarantine", "on_conflict": "quarantine"},
            r"pictures or groups that are in several of the published splits \(1\):\n"
            r"  cat/2\.png \(test\) = cat/0\.png \(train\)\n"
            r".*split\.allow_leakage: true",
        ),
    ],
)
def test_trouble_stops_until_it_is_decided(tmp_path: Path, decided: dict[str, Any], message: str) -> None:
    source = examples()
    with pytest.raises(UserError, match=message):
        require_sound_images(source, find(tmp_path, source, published=SPLITS), **decided)


def test_what_is_decided_is_told(tmp_path: Path) -> None:
    source = examples()
    found = find(tmp_path, source, published=SPLITS)
    notes = require_sound_images(
        source, found, on_unreadable="quarantine", on_conflict="quarantine", allow_leakage=True
    )
    assert [note.split(":")[-1].strip() for note in notes] == [
        "left out",
        "left out, 2 copies",
        "left as published; the test split measures some of what was learnt by heart",
    ]


def test_long_lists_are_cut(tmp_path: Path) -> None:
    source = examples(labels=np.zeros(20, np.int64), load=lambda row: None, names=[f"{row}.png" for row in range(20)])
    with pytest.raises(UserError, match=r"that cannot be read \(20 of 20\):\n  0\.png .*\n(.*\n){4}  and 15 more\nR"):
        require_sound_images(source, find(tmp_path, source))


def test_what_is_equal_only_after_resizing_is_not_called_equal(tmp_path: Path) -> None:
    """Two pictures of one size whose sharp detail is lost in a prepared image of 2x2."""
    coarse_HW = np.kron(np.array([[40, 200], [90, 10]], np.uint8), np.ones((8, 8), np.uint8))
    board_HW = np.indices((16, 16)).sum(axis=0) % 2 == 0
    sharp = [coarse_HW + np.where(board_HW, 10, 0), coarse_HW + np.where(board_HW, 0, 10)]
    images = [image.astype(np.uint8) for image in (*sharp, sharp[0])]
    source = examples(labels=np.zeros(3, np.int64), load=images.__getitem__, published_splits=None)
    inspected = inspect_images(source, tmp_path, size=(2, 2), channels=1)
    assert len(set(inspected.digests)) == 1
    assert examine(source, inspected).equal == [[0, 2]]
