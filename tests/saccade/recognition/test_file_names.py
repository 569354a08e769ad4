"""Classes in the names of folders and files, where nobody has said how they are to be read."""

from pathlib import Path

import pytest
from written_files import class_folders

from saccade.core.errors import UserError
from saccade.recognition.file_names import by_answers, by_file_names, by_folders, by_inner_folders

WHERE = Path("photos")


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ("{c}_{n}.jpg", "{class}_[0-9]*"),
        ("{c}.{n}.jpg", "{class}.[0-9]*"),
        ("{c}-{n:04}.jpg", "{class}-[0-9]*"),
        ("{c} ({n}).jpg", "{class} ([0-9]*"),
        ("{c}{n}.jpg", "{class}[0-9]*"),
        ("{n}_{c}.jpg", "[0-9]*_{class}.*"),
        ("img_{n}_{c}.jpg", "*_{class}.*"),
        ("train/{c}_{n}.jpg", "{class}_[0-9]*"),
    ],
)
def test_patterns_of_names(form: str, pattern: str) -> None:
    names = [form.format(c=c, n=n) for c in ("cat", "dog") for n in range(6)]
    found = next(by_file_names(names, WHERE))
    assert found.counts == {"cat": 6, "dog": 6}
    if "img" not in form:
        assert found.class_from == pattern


@pytest.mark.parametrize("form", ["{c}.{n}.jpg", "{c}_{n}.jpg"])
def test_a_separator_is_no_part_of_a_class(form: str) -> None:
    names = [form.format(c=c, n=n) for c in ("cat", "american_bulldog") for n in range(6)]
    assert next(set(found.counts) for found in by_file_names(names, WHERE)) == {"cat", "american_bulldog"}
    assert not any(name.endswith((".", "_")) for found in by_file_names(names, WHERE) for name in found.counts)


def test_the_first_digit_of_an_age_is_no_class() -> None:
    names = [f"{age}_{n % 2}_1_2017011617{n:02}.jpg" for age in (20, 31, 42, 55) for n in range(10)]
    assert not any(set(found.counts) == {"2", "3", "4", "5"} for found in by_file_names(names, WHERE))


def test_names_without_a_class() -> None:
    assert not list(by_file_names([f"IMG_{n:04}.jpg" for n in range(20)], WHERE))
    assert not list(by_file_names([f"{n}.jpg" for n in range(20)], WHERE))


def test_inner_folders_are_another_reading_unless_they_are_numbered() -> None:
    names = class_folders(["birds/eagle", "birds/owl", "mammals/cat", "mammals/dog"], 4)
    inner = by_inner_folders(names, WHERE, by_folders(names, WHERE))
    assert inner is not None and sorted(inner.counts) == ["cat", "dog", "eagle", "owl"]
    numbered = class_folders(["crack/part 1", "crack/part 2", "free/part 3", "free/part 4"], 4)
    assert by_inner_folders(numbered, WHERE, by_folders(numbered, WHERE)) is None


def test_of_pictures_with_masks_in_each_class_the_pictures_are_taken() -> None:
    names = class_folders([f"{c}/{part}" for c in ("cat", "dog", "bird") for part in ("images", "masks")], 4)
    with pytest.raises(UserError) as question:
        by_folders(names, WHERE)
    (found,) = by_answers(names, WHERE, str(question.value))
    assert found.arguments == {"include": ["*/images/*"]} and found.counts == {"cat": 4, "dog": 4, "bird": 4}
    assert found.notes[-1] == "left out the 12 files that are none of */images/*"
