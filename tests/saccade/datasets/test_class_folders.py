"""Classes and splits from the names of folders."""

from pathlib import Path

import pytest

from saccade.datasets._class_folders import place_folders
from saccade.errors import UserError

WHERE = Path("pets.zip")


def placed(*folders: str) -> dict[str, tuple[str | None, str]]:
    return {folder: tuple(place) for folder, place in place_folders(folders, WHERE).items()}


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        pytest.param(["cat", "dog"], [(None, "cat"), (None, "dog")], id="classes"),
        pytest.param(
            ["cat", "cat/2019/jan", "çã 猫"], [(None, "cat"), (None, "cat"), (None, "çã 猫")], id="folders in classes"
        ),
        pytest.param(
            ["train/cat", "train/dog", "test/cat", "test/dog"],
            [("train", "cat"), ("train", "dog"), ("test", "cat"), ("test", "dog")],
            id="splits",
        ),
        pytest.param(
            ["Train/a", "Train/b/c", "val/a", "val/b", "validation/a", "validation/b"],
            [("train", "a"), ("train", "b"), *[("validation", "a"), ("validation", "b")] * 2],
            id="two names of validation",
        ),
        pytest.param(["train/cat", "train/dog"], [("train", "cat"), ("train", "dog")], id="one split"),
        pytest.param(["pets/cat", "pets/dog/old"], [(None, "cat"), (None, "dog")], id="a folder around"),
        pytest.param(
            ["x/y/train/a", "x/y/train/b", "x/y/test/a", "x/y/test/b"],
            [("train", "a"), ("train", "b"), ("test", "a"), ("test", "b")],
            id="folders around splits",
        ),
        pytest.param(["bus", "car", "train"], [(None, "bus"), (None, "car"), (None, "train")], id="a class train"),
    ],
)
def test_classes_and_splits(folders: list[str], expected: list[tuple[str | None, str]]) -> None:
    assert placed(*folders, folders[0]) == dict(zip(folders, expected, strict=True))


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        pytest.param(["cat"], r"pets\.zip must hold at least two classes, but there is only 'cat'\. Put", id="one"),
        pytest.param(["all/cat/a", "all/cat"], "there is only 'cat'", id="one, with a folder around"),
        pytest.param(["train/cat", "test/cat"], "there is only 'cat'", id="one in each split"),
        pytest.param([""], "examples in its root must lie in a folder of their class", id="no folder"),
        pytest.param(
            ["", "cat", "dog"], r"in its root must lie .* cat/1\.jpg, or train/cat/1\.jpg$", id="some in root"
        ),
        pytest.param(
            ["train/a", "train/b", "test"],
            r"examples in test must lie in a folder of their class\. .* leave them out: exclude: \['test/\*'\]",
            id="a split without classes",
        ),
        pytest.param(
            ["train", "train/a", "train/b"], r"examples in train must lie .* train/cat/1\.jpg$", id="beside classes"
        ),
        pytest.param(
            ["train/a", "train/b", "test/a"],
            r"class 'b' must have examples in each split, but has none in test\. .* exclude: \['\*/b/\*'\]",
            id="missing in test",
        ),
        pytest.param(
            ["train/a", "train/b", "val/a", "val/b", "val/c"], "class 'c' .* has none in train", id="missing in train"
        ),
        pytest.param(
            ["train/a", "test/a", "new", "also"],
            r"test, train look like splits, but also, new beside them like classes\. .* exclude: \['\*also/\*'\]",
            id="splits beside classes",
        ),
    ],
)
def test_what_says_no_class_is_refused(folders: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        placed(*folders)
