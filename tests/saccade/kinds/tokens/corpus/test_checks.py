"""Texts that are the same, in one class, in several, in several splits: what is found, told, and left out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.kinds.tokens.corpus.checks import TextFindings, examine_texts, require_sound_texts
from saccade.kinds.tokens.corpus.class_texts import ClassTexts
from saccade.kinds.tokens.corpus.token_store import tokenize_all
from saccade.readers.examples import TextExamples

#         0           1           2           3           4           5          6           7          8
PAIRS = [("a", "x"), ("b", "x"), ("a", "x"), ("b", "y"), ("b", "x"), ("", "y"), ("c", "y"), ("d", "x"), ("c", "y")]


def examples(pairs: Sequence[tuple[str, str]] = PAIRS, **fields: Any) -> TextExamples:
    texts = ClassTexts()
    for text, class_name in pairs:
        texts.add(text, class_name)
    return replace(texts.examples(lambda i: f"f.txt, line {i + 1}"), **fields)


def examined(folder: Path, source: TextExamples, **options: Any) -> TextFindings:
    spool = tokenize_all(source.texts, folder, unit="words", lower_case=True)
    return examine_texts(source, spool.digests, **options)


def test_copies_and_conflicts(tmp_path: Path) -> None:
    found = examined(tmp_path, examples())
    assert found.repeated == [[0, 2], [6, 8]] and found.conflicting == [[1, 3, 4]] and found.leaking == []
    assert found.same == [[0, 2], [6, 8], [1, 3, 4]] and found.dropped == 0
    assert np.flatnonzero(found.left_out).tolist() == [1, 3, 4, 5]
    kept = examined(tmp_path, examples(), on_conflict="keep")
    assert np.flatnonzero(kept.left_out).tolist() == [5] and kept.conflicting == [[1, 3, 4]]


def test_repeats_are_dropped_but_for_the_first_of_each_class(tmp_path: Path) -> None:
    found = examined(tmp_path, examples(), on_conflict="keep", repeats="drop")
    assert np.flatnonzero(found.left_out).tolist() == [2, 4, 5, 8] and found.dropped == 3
    found = examined(tmp_path, examples(), on_conflict="quarantine", repeats="drop")
    assert np.flatnonzero(found.left_out).tolist() == [1, 2, 3, 4, 5, 8] and found.dropped == 2
    (note,) = require_sound_texts(examples(unreadable={}), replace(found, unreadable={}, conflicting=[]))
    assert note == "repeated texts (2 copies): left out, as preprocess.repeats: drop asks for"


def test_texts_that_the_network_cannot_tell_apart_are_the_same(tmp_path: Path) -> None:
    pairs = [("Good  film", "x"), ("good film", "x"), ("goodfilm", "x"), ("good film!", "y")]
    assert examined(tmp_path, examples(pairs)).repeated == [[0, 1]]


def test_copies_and_groups_in_several_published_splits(tmp_path: Path) -> None:
    splits = ["train", "train", "test", "test", "train", "test", "test", "train", "validation"]
    groups = ["p", "q", "p", "q", "r", "s", "t", "t", "u"]
    options = {"published": splits, "on_conflict": "keep"}
    assert examined(tmp_path, examples(), **options).leaking == [[0, 2], [1, 3, 4], [6, 8]]
    assert examined(tmp_path, examples(), groups=groups, **options).leaking == [
        [0, 2], [1, 3, 4], [6, 8], [0, 2], [1, 3], [6, 7]
    ]  # fmt: skip
    assert examined(tmp_path, examples(), repeats="drop", **options).leaking == [[1, 3]]


def test_each_trouble_stops_until_it_is_decided(tmp_path: Path) -> None:
    source = examples(published_splits=["train"] * 6 + ["test"] * 3)
    found = examined(tmp_path, source, published=["train", "train", "test", *["train"] * 6])
    with pytest.raises(UserError) as raised:
        require_sound_texts(source, found)
    assert str(raised.value).splitlines() == [
        "texts that cannot be read (1 of 9):",
        "  f.txt, line 6 must not be empty: it holds nothing but white space",
        "Correct them, or leave them out: preprocess.on_unreadable: quarantine",
    ]
    with pytest.raises(UserError) as raised:
        require_sound_texts(source, found, on_unreadable="quarantine")
    first, second, remedy = str(raised.value).splitlines()
    assert first == "texts that are in several classes (1, 3 examples):"
    assert second == "  b: f.txt, line 2 (x) = f.txt, line 4 (y) = f.txt, line 5 (x)"
    assert "preprocess.on_conflict: keep leaves them in" in remedy and "quarantine leaves all" in remedy
    with pytest.raises(UserError, match=r"several of the published splits \(1\)") as raised:
        require_sound_texts(source, found, on_unreadable="quarantine", on_conflict="quarantine")
    assert "split.allow_leakage: true" in str(raised.value)
    notes = require_sound_texts(source, found, on_unreadable="quarantine", on_conflict="quarantine", allow_leakage=True)
    assert [note.rsplit(": ", 1)[1] for note in notes] == [
        "left out",
        "left out, 3 examples",
        "left as published; the test split measures some of what was learnt by heart",
    ]


def test_kept_conflicts_are_told(tmp_path: Path) -> None:
    found = examined(tmp_path, examples(), on_conflict="keep")
    notes = require_sound_texts(examples(), found, on_unreadable="quarantine", on_conflict="keep")
    assert notes[1].endswith("kept, each text in one split; no network can be right about all of them")


def test_many_are_counted_and_few_are_listed(tmp_path: Path) -> None:
    pairs = [(f"text {i} {'long ' * 20}\N{RIGHT-TO-LEFT OVERRIDE}", label) for i in range(9) for label in "xy"]
    found = examined(tmp_path, examples(pairs))
    with pytest.raises(UserError) as raised:
        require_sound_texts(examples(pairs), found)
    lines = str(raised.value).splitlines()
    assert len(lines) == 8 and lines[-2] == "  and 4 more" and all(len(line) < 200 for line in lines)
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in str(raised.value) and "…: f.txt" in lines[1]
