"""Classes and splits from the names of folders."""

from pathlib import Path

import pytest

from saccade.core.errors import UserError
from saccade.readers.labels_from_paths import labels_from_paths

WHERE = Path("pets.zip")


def placed(*folders: str) -> dict[str, tuple[str | None, str]]:
    names = [f"{folder}/1.jpg".lstrip("/") for folder in folders]
    return {
        folder: (place.split, place.class_name)
        for folder, place in zip(folders, labels_from_paths(names, WHERE), strict=True)
    }


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
            ["", "cat", "dog"],
            r"in its root must lie .* cat/1\.jpg, or train/cat/1\.jpg; class_from reads other layouts$",
            id="some in root",
        ),
        pytest.param(
            ["train/a", "train/b", "test"],
            r"examples in 'test' must lie in a folder of their class\. .* leave them out: exclude: \['/test/\*'\]",
            id="a split without classes",
        ),
        pytest.param(
            ["train", "train/a", "train/b"],
            r"examples in 'train' must lie .* class_from reads other layouts$",
            id="beside classes",
        ),
        pytest.param(
            ["train/a", "train/b", "test/a"],
            r"class 'b' must have examples in each split, but has none in test\. .* exclude: \['b/\*'\]",
            id="missing in test",
        ),
        pytest.param(
            ["train/a", "train/b", "val/a", "val/b", "val/c"], "class 'c' .* has none in train", id="missing in train"
        ),
        pytest.param(
            ["train/a", "test/a", "new", "also"],
            r"test, train look like splits, but 'also', 'new' beside them like classes\. .* exclude: \['also/\*'\]",
            id="splits beside classes",
        ),
    ],
)
def test_what_says_no_class_is_refused(folders: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        placed(*folders)


def read_from(class_from: str, *names: str) -> list[tuple[str | None, str]]:
    return [(place.split, place.class_name) for place in labels_from_paths(names, WHERE, class_from)]


@pytest.mark.parametrize(
    ("class_from", "names", "expected"),
    [
        pytest.param("parent", ["x/a/1.jpg", "y/b/old/1.jpg"], [(None, "a"), (None, "old")], id="parent"),
        pytest.param(
            "parent",
            ["set/train/x/a/1.jpg", "set/train/b/1.jpg", "set/Test/y/a/1.jpg", "set/Test/b/1.jpg"],
            [("train", "a"), ("train", "b"), ("test", "a"), ("test", "b")],
            id="parent, with splits",
        ),
        pytest.param(
            "MT_{class}/Imgs/*",
            ["tiles/MT_Crack/Imgs/1.jpg", "tiles/MT_Fray/Imgs/1.jpg"],
            [(None, "Crack"), (None, "Fray")],
            id="a pattern of folders",
        ),
        pytest.param(
            "{class}_*.jpg", ["cat_1.jpg", "cat_2.jpg", "new/dog_1.jpg"], [(None, c) for c in ("cat", "cat", "dog")]
        ),
        pytest.param(
            "{class}_*.jpg",
            ["s/train/cat_1.jpg", "s/train/dog_1.jpg", "s/val/x/cat_2.jpg", "s/val/dog_2.jpg"],
            [("train", "cat"), ("train", "dog"), ("validation", "cat"), ("validation", "dog")],
            id="a pattern of files, with splits",
        ),
        pytest.param("{class}_*", ["test/cat_1", "test/dog_1"], [("test", "cat"), ("test", "dog")], id="one split"),
    ],
)
def test_classes_from_elsewhere(class_from: str, names: list[str], expected: list[tuple[str | None, str]]) -> None:
    assert read_from(class_from, *names) == expected


@pytest.mark.parametrize(
    ("class_from", "names", "message"),
    [
        pytest.param(
            "frist",
            ["a/1.jpg", "b/1.jpg"],
            r"class_from \(frist\) must be first, parent, or a pattern such as 'MT_\{class\}/Imgs/\*': .* 0 times",
            id="no pattern",
        ),
        pytest.param("{class}/{class}_*", ["a/1.jpg", "b/1.jpg"], "holds it 2 times", id="two fields"),
        pytest.param(
            "{class}_*.jpg",
            ["a_1.jpg", "x/b\n1.jpg", "b_2.jpg", "c1.jpg"],
            r"pets\.zip: 'x/b\\n1\.jpg' must fit class_from \(\{class\}_\*\.jpg\), but it and 1 others of 4 do not\. "
            r'Correct class_from, or leave them out: exclude: \["/x/b\\n1\.jpg"\]',
            id="a misfit",
        ),
        pytest.param(
            "{class}_*", ["a_1.jpg", "a_2.jpg"], r"only 'a'\. Correct class_from \(\{class\}_\*\)", id="one class"
        ),
        pytest.param(
            "MT_{class}/*",
            [f"{split}/MT_{name}/1.jpg" for split, name in (("train", "a"), ("train", "b"), ("test", "a"))],
            r"class 'b' must have examples in each split, but has none in test\. .* exclude: \['MT_b/\*'\]",
            id="missing in test",
        ),
        pytest.param("parent", ["a/1.jpg", "b/2.jpg", "3.jpg"], "examples in its root must lie in a", id="root"),
        pytest.param(
            "parent", ["train/a/1.jpg", "test/1.jpg"], "examples in 'test' must lie in a folder", id="in the split"
        ),
    ],
)
def test_names_that_say_no_class_are_refused(class_from: str, names: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_from(class_from, *names)
