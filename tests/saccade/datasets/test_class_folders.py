"""Classes and splits from the names of folders."""

import posixpath
from pathlib import Path
from typing import Any

import pytest

from saccade.core.errors import UserError
from saccade.readers.labels_from_paths import labels_from_paths

WHERE = Path("pets.zip")


def placed(*folders: str, **options: Any) -> dict[str, tuple[str | None, str]]:
    places = labels_from_paths([f"{folder}/1.jpg".lstrip("/") for folder in folders], WHERE, **options).places
    return {posixpath.dirname(name): tuple(place) for name, place in places.items()}


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


def grid(outer: str, inner: str, pattern: str = "{}/{}") -> list[str]:
    return [pattern.format(first, second) for first in outer.split() for second in inner.split()]


TWO = {("train", "a"), ("train", "b"), ("test", "a"), ("test", "b")}
VALID = {("train", "a"), ("train", "b"), ("validation", "a"), ("validation", "b")}


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (grid("train valid", "a b"), VALID),
        (grid("brain/Training brain/Testing", "a b"), TWO),
        (grid("seg_train seg_test", "a b", "{0}/{0}/{1}"), TWO),
        ([*grid("seg_train seg_test", "a b"), "seg_pred/seg_pred"], TWO),
        (grid("training_set test_set", "a b"), TWO),
        (grid("old_train new_test", "a b"), TWO),
        (["x_train/a", "x_train/b", "x_test/c"], {("train", "a"), ("train", "b"), ("test", "c")}),
        (grid("asl_alphabet_train asl_alphabet_test", "a b"), TWO),
        (grid("train2017 val2017", "a b"), VALID),
        (grid("01_train 02_HOLDOUT", "a b"), TWO),
        (grid("TrainImages DevImages", "images/a images/b"), VALID),
        (grid("train dev evaluation test", "a b"), TWO | VALID),
        (grid("a b", "train test"), TWO),
        (grid("train test", "a b", "{}_{}"), TWO),
        (grid("train test", "a b", "{1}_{0}"), TWO),
        (["training shoes", "test tube", "bus"], {(None, "training shoes"), (None, "test tube"), (None, "bus")}),
        (["train", "test tube", "bus"], {(None, "train"), (None, "test tube"), (None, "bus")}),
        (["MT_a/Imgs", "MT_b/Imgs"], {(None, "MT_a"), (None, "MT_b")}),
        (["a", "a/2019", "a/2020", "b", "b/2019", "b/2020"], {(None, "a"), (None, "b")}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_splits_by_any_name(folders: list[str], expected: set[tuple[str | None, str]]) -> None:
    assert set(placed(*folders).values()) == expected


def test_what_was_read_as_a_split_is_told() -> None:
    names = [f"{folder}/1.jpg" for folder in [*grid("seg_train seg_test", "a b"), "seg_pred"]]
    assert labels_from_paths(names, WHERE).notes == (
        "splits by folder: 'seg_train' is train, 'seg_test' is test",
        "left out 'seg_pred', which holds no folder of a class",
    )
    assert labels_from_paths([f"{folder}/1.jpg" for folder in grid("train test", "a b")], WHERE).notes == ()


@pytest.mark.parametrize(
    ("folders", "message", "remedies"),
    [
        (
            grid("2023 2024", "ok defect"),
            r"'2023', '2024' hold the same folders \('defect', 'ok'\): are they splits\? "
            r"splits: \{train: 2023, test: 2024\}; or class_from: parent .*; or class_from: first",
            {"splits": {"train": 2023, "test": 2024}},
        ),
        (
            [*grid("teste treino", "a b"), "treino/a/x"],
            r"splits: \{train: treino, test: teste\}",
            {"splits": {"train": "treino", "test": "teste"}},
        ),
        (
            grid("p1 p2 p3 p4", "0 1"),
            r"'p3', \.\.\. hold .* which is the class\?",
            {"class_from": "parent"},
        ),
        (grid("p1 p2 p3 p4", "0 1"), r"class_from: first \(classes 'p1'", {"class_from": "first"}),
        (
            grid("bottle cable", "train/good test/good test/broken"),
            r"are those splits, and the folders in them the classes \('broken', 'good'\)\? "
            r"splits: \{train: train, test: test\}; or class_from: first",
            {"splits": {"train": "train", "test": "test"}},
        ),
        (
            grid("train dev eval", "a b"),
            r"'dev' and 'eval' can be .* splits: \{train: train, validation: dev, test: eval\}, or",
            {"splits": {"train": "train", "validation": "dev", "test": "eval"}},
        ),
        (
            grid("train dev eval", "a b"),
            r"or splits: \{train: train, validation: \[dev, eval\]\}$",
            {"splits": {"train": "train", "validation": ["dev", "eval"]}},
        ),
    ],
)
def test_folders_that_can_be_read_in_two_ways_are_asked_about(
    folders: list[str], message: str, remedies: dict[str, Any]
) -> None:
    with pytest.raises(UserError, match=message):
        placed(*folders)
    assert len(set(placed(*folders, **remedies).values())) > 1  # the remedy works


def test_masks_beside_the_pictures_of_each_class_are_neither_classes_nor_splits() -> None:
    folders = grid("Normal COVID Viral", "images masks")
    with pytest.raises(UserError, match=r"include: \['\*/images/\*'\], and the classes are 'COVID', 'Normal', 'Viral'"):
        placed(*folders)
    assert len(set(placed(*grid("Normal COVID Viral", "images")).values())) == 3  # the remedy works


def test_splits_that_the_user_names() -> None:
    folders = grid("set/2022 set/2023 set/2024", "a b")
    splits = {"train": ["2022", 2023], "test": "2024"}
    assert set(placed(*folders, splits=splits).values()) == TWO
    assert set(placed(*grid("a b", "Teil1 Teil2"), splits={"train": "Teil1", "test": "Teil2"}).values()) == TWO
    assert set(placed(*folders, splits={"train": "202[23]", "test": "2024"}).values()) == TWO
    with pytest.raises(UserError, match=r"splits \(2025\) must be the name of a folder .* there are 'set'"):
        placed(*folders, splits={"train": "2022", "test": "2025"})
    with pytest.raises(UserError, match=r"'set/2023/a' and 1 other .* exclude: \['/set/2023/a/\*'\]"):
        placed(*folders, splits={"train": "2022", "test": "2024"})
    with pytest.raises(UserError, match=r"splits \(trian\) must name train, validation, test"):
        placed(*folders, splits={"trian": "2022"})


def test_class_names_have_one_form() -> None:
    labelled = labels_from_paths(
        [
            f"{name}/1.jpg"
            for name in ("cafe\u0301", "caf\xe9", "cat ", "cat", "Dog", "dog", "dog", "a b", "a_b", "A", "a")
        ],
        WHERE,
    )
    assert {place.class_name for place in labelled.places.values()} == {
        *("caf\xe9", "cat", "Dog", "dog", "a b", "a_b", "A", "a"),
    }
    why = "Unicode forms and spaces around a name do not count"
    assert labelled.notes == (
        f"'cafe\\u0301' (1) and 'caf\\xe9' (1) are one class, 'café': {why}",
        f"'cat' (1) and 'cat ' (1) are one class, 'cat': {why}",
    )
    assert labelled.warnings == (
        "classes 'Dog' (1) and 'dog' (2) differ in capitals, spaces or dashes alone. If they are one: "
        "rename_classes: {Dog: dog}",
        "classes 'a b' (1) and 'a_b' (1) differ in capitals, spaces or dashes alone. If they are one: "
        "rename_classes: {a b: a_b}",
    )


def test_classes_are_renamed_and_become_one() -> None:
    names = ["Dog/1.jpg", "dog/2.jpg", "cat/3.jpg"]
    labelled = labels_from_paths(names, WHERE, rename={"Dog": "dog", "cat": 7})
    assert [labelled.places[name].class_name for name in names] == ["dog", "dog", "7"] and labelled.warnings == ()
    with pytest.raises(UserError, match=r"rename_classes \('dgo'\) must name a class, which are Dog, cat, dog"):
        labels_from_paths(names, WHERE, rename={"dgo": "dog"})
    with pytest.raises(UserError, match=r"a folder's name \(' '\) must hold more than spaces"):
        labels_from_paths(["a/1.jpg", " /1.jpg"], WHERE)


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
    places = labels_from_paths(names, WHERE, class_from).places
    return [tuple(places[name]) for name in names]


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
        pytest.param("parent", ["a/1.jpg", "b/2.jpg", "3.jpg"], "examples in its root must lie in a", id="root"),
        pytest.param(
            "parent", ["train/a/1.jpg", "test/1.jpg"], "examples in 'test' must lie in a folder", id="in the split"
        ),
    ],
)
def test_names_that_say_no_class_are_refused(class_from: str, names: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_from(class_from, *names)
