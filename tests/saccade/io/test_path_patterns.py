"""Patterns on names, against what fnmatch and YAML say of them."""

import io
from fnmatch import fnmatchcase

import pytest
from ruamel.yaml import YAML

from saccade.core.errors import UserError
from saccade.core.messages import printable
from saccade.io.path_patterns import compile_field, compile_pattern, escape_pattern, exclude_line

NAMES = [
    "1.jpg",
    "cat/1.jpg",
    "pets/cat/1.jpg",
    "pets/cat/old/2.JPG",
    "pets/wildcat/3.jpg",
    "pets/cat/",
    "pets/ca\nt/1 'x' [2].jpg",
    "猫/ção.png",
]


def test_unicode_forms_do_not_count() -> None:
    for pattern in ("caf\xe9/*", "cafe\u0301/*"):
        for name in ("caf\xe9/1.jpg", "cafe\u0301/1.jpg"):
            assert compile_pattern(pattern)(name)
            assert compile_field(f"{pattern[:-1]}{{class}}.jpg", "class")(name) == "1"


@pytest.mark.parametrize(
    "pattern", ["*.jpg", "cat/*", "*/cat/*", "c?t/1.jpg", "[1-3].jpg", "*[!g]", "猫/*", "*'x' [[]2].jpg", "wild*", "t"]
)
def test_a_pattern_fits_the_end_of_a_name_from_any_slash_on(pattern: str) -> None:
    fits = compile_pattern(pattern)
    for name in NAMES:
        ends = [name[i:] for i in range(len(name)) if i == 0 or name[i - 1] == "/"]
        assert fits(name) == any(fnmatchcase(end, pattern) for end in ends), name


@pytest.mark.parametrize("pattern", ["*.jpg", "cat/*", "pets/*", "猫/*"])
def test_a_pattern_with_a_slash_before_it_counts_from_the_root(pattern: str) -> None:
    fits = compile_pattern(f"/{pattern}")
    assert [fits(name) for name in NAMES] == [fnmatchcase(name, pattern) for name in NAMES]


def test_a_pattern_with_a_slash_behind_it_stands_for_what_is_in_the_folder() -> None:
    fits = compile_pattern("cat/")
    assert [name for name in NAMES if fits(name)] == ["cat/1.jpg", "pets/cat/1.jpg", "pets/cat/old/2.JPG", "pets/cat/"]


@pytest.mark.parametrize("pattern", ["", "/"])
def test_an_empty_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(UserError, match=rf"a pattern of file names \('{pattern}'\) must not be empty"):
        compile_pattern(pattern)


@pytest.mark.parametrize("name", [*NAMES[:5], "a*b/[c]?.jpg", "pets/ca\nt/1 'x' [2].jpg", 'back\\slash "x"\t\x1b.png'])
def test_the_line_that_leaves_a_file_out_is_yaml_and_fits_it_alone(name: str) -> None:
    line = exclude_line(escape_pattern(name))
    assert len(line.splitlines()) == 1
    (pattern,) = YAML(typ="safe").load(io.StringIO(line))["exclude"]
    fits = compile_pattern(pattern)
    assert fits(name) and not fits(f"more/{name}") and not fits(name.replace("c", "k") + "x")


@pytest.mark.parametrize(
    ("pattern", "name", "value"),
    [
        ("MT_{class}/Imgs/*", "MT_Crack/Imgs/1.jpg", "Crack"),
        ("MT_{class}/Imgs/*", "set/MT_Crack/Imgs/1.jpg", "Crack"),
        ("/MT_{class}/Imgs/*", "set/MT_Crack/Imgs/1.jpg", None),
        ("/MT_{class}/Imgs/*", "MT_Crack/Imgs/1.jpg", "Crack"),
        ("MT_{class}/Imgs/*", "MT_Crack/Imgs/old/1.jpg", None),
        ("MT_{class}/Imgs/*", "MT_/Imgs/1.jpg", None),
        ("MT_{class}/Imgs/*", "XMT_Crack/Imgs/1.jpg", None),
        ("{class}_*.jpg", "a/b/cat_1.jpg", "cat"),
        ("{class}_*.jpg", "a/b/cat_1.jpeg", None),
        ("{class}_*.jpg", "great_dane_12.jpg", "great"),
        ("{class}_[0-9]*.jpg", "great_dane_12.jpg", "great_dane"),
        ("{class}_[!0-9]*.jpg", "a_1/b_2_c.jpg", "b_2"),
        ("{class}_????.jpg", "great_dane_0012.jpg", "great_dane"),
        ("*_{class}.jpg", "1_left_eye.jpg", "left_eye"),
        ("{class}", "a/two\nlines", "two\nlines"),
        ("{class}/**", "cat/old/1.jpg", "cat"),
        ("pets/{class}/**.jpg", "x/pets/cat/old/1.jpg", "cat"),
        ("{class}.[jJ][pP]*[gG]", "ção 猫.JPEG", "ção 猫"),
        ("a+(b){class}$.jpg", "a+(b)x$.jpg", "x"),
        ("{class}[[]1].jpg", "x[1].jpg", "x"),
        ("{class}[^]a.jpg", "x^a.jpg", "x"),
        ("{class}[]]a.jpg", "x]a.jpg", "x"),
        ("{class}[!a]b", "c/b", None),
        ("{class}[1.jpg", "x[1.jpg", "x"),
    ],
)
def test_what_stands_in_place_of_a_field(pattern: str, name: str, value: str | None) -> None:
    assert compile_field(pattern, "class")(name) == value


def test_a_field_has_the_name_that_is_asked_for() -> None:
    assert compile_field("{class}-{group}.jpg".replace("{class}", "*"), "group")("cat-ann.jpg") == "ann"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("*.jpg", r"the pattern '\*\.jpg' must hold \{group\} once, but holds it 0 times"),
        ("{class}_*", "must hold {group} once, but holds it 0 times"),
        ("{group}/{group}_*", "must hold {group} once, but holds it 2 times"),
        ("{group}_[9-0]", r"the pattern '\{group\}_\[9-0\]' must have sets such as \[ab\] or \[0-9\]"),
    ],
)
def test_a_pattern_without_its_field_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        compile_field(pattern, "group")


@pytest.mark.parametrize(
    ("name", "line"), [("猫 'a'.jpg", "猫 'a'.jpg"), ("a\nb\x1b[31m\u2028.jpg", r"a\nb\x1b[31m\u2028.jpg")]
)
def test_a_name_is_shown_on_one_line(name: str, line: str) -> None:
    assert printable(name) == line and len(line.splitlines()) == 1
