"""Labels of another dataset, matched by name."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.data.alphabet import vocabulary_of
from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.evaluate.about_data import match_labels
from saccade.evaluate.about_data.match_labels import join_names, match_examples

OWN = Spec("image", (3, 2, 1), classes=("cat", "dog", "eel", "fox"))


def split_of(labels: list[int], first: int = 0) -> Split:
    """Example i is full of the value ``first + i``."""
    values_N = np.arange(first, first + len(labels), dtype=np.uint8)
    examples = np.broadcast_to(values_N[:, None, None, None], (len(labels), 3, 2, 1)).copy()
    return Split(examples, np.array(labels, np.int64), values_N.astype(np.int64) * 10)


def test_the_same_classes_in_another_order_are_taken_as_they_lie(tmp_path: Path) -> None:
    theirs = Spec("image", (3, 2, 1), classes=("fox", "eel", "dog", "cat"))
    split = split_of([0, 1, 2, 3, 3])
    got = match_examples([split], theirs, OWN, tmp_path)
    assert got.split.labels.tolist() == [3, 2, 1, 0, 0]
    assert got.split.examples is split.examples and got.split.rows.tolist() == [0, 10, 20, 30, 40]
    assert (got.left_out, got.absent, list(tmp_path.iterdir())) == ({}, (), [])


def test_unknown_classes_are_left_out_and_counted_and_absent_ones_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(match_labels, "_CHUNK_BYTES", 13)  # two examples at once
    theirs = Spec("image", (3, 2, 1), classes=("ant", "dog", "bee", "cat", "cow"))
    got = match_examples([split_of([0, 1, 2, 3, 1]), split_of([0, 0, 3], first=100)], theirs, OWN, tmp_path)
    assert got.split.labels.tolist() == [1, 0, 1, 0]
    assert got.split.examples[:, 0, 0, 0].tolist() == [1, 3, 4, 102] and got.split.examples.shape == (4, 3, 2, 1)
    assert got.split.rows.tolist() == [10, 30, 40, 1020]
    assert got.left_out == {"ant": 3, "bee": 1}  # no cow was there to leave out
    assert got.absent == ("eel", "fox")


def test_groups_go_with_their_examples_where_all_splits_have_them(tmp_path: Path) -> None:
    theirs = Spec("image", (3, 2, 1), classes=("ant", "dog", "cat", "eel"))
    first, second = split_of([0, 1, 2]), split_of([3, 1], first=50)
    grouped = [replace(first, groups=np.array([4, 5, 6])), replace(second, groups=np.array([7, 5]))]
    got = match_examples(grouped, theirs, OWN, tmp_path).split
    assert got.groups is not None and got.groups.tolist() == [5, 6, 7, 5]
    assert match_examples([grouped[0], second], theirs, OWN, tmp_path).split.groups is None
    alone = match_examples(grouped[1:], theirs, OWN, tmp_path).split
    assert alone.groups is not None and alone.groups.tolist() == [7, 5]


def test_several_classes_are_matched_by_name_and_none_may_be_unknown(tmp_path: Path) -> None:
    own = Spec("image", (3, 2, 1), classes=("cat", "dog"), multilabel=True)
    theirs = Spec("image", (3, 2, 1), classes=("dog", "ant", "cat"), multilabel=True)
    split = split_of([0, 0, 0])
    several = Split(split.examples, np.array([[1, 1, 0], [0, 1, 0], [1, 0, 0]], np.uint8), split.rows)
    got = match_examples([several], theirs, own, tmp_path)
    assert got.split.labels.tolist() == [[0, 1], [0, 0], [0, 1]] and (got.left_out, got.absent) == ({}, ("cat",))
    with pytest.raises(UserError, match="says nothing of ant"):
        match_examples([several], own, theirs, tmp_path)
    with pytest.raises(UserError, match=r"must have several classes or none an example.*but has one class"):
        match_examples([split], OWN, own, tmp_path)


def test_numbers_are_matched_by_name(tmp_path: Path) -> None:
    own, theirs = (Spec("series", (4, 2), targets=targets) for targets in (("b", "a"), ("a", "c", "b")))
    split = Split(np.zeros((2, 4, 2), np.float32), np.array([[1, 2, 3], [4, 5, 6]], np.float32), np.arange(2))
    got = match_examples([split], theirs, own, tmp_path)
    assert got.split.labels.tolist() == [[3, 1], [6, 4]] and (got.left_out, got.absent) == ({}, ())
    with pytest.raises(UserError, match=r"must have the numbers that the network predicts \(a, c, b\), but has no c"):
        match_examples([split], own, theirs, tmp_path)


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        (Spec("series", (3, 2), classes=("cat",)), "must hold images, which the network takes, but holds series"),
        (
            Spec("image", (3, 2, 1), targets=("weight",)),
            "must have classes, which the network answers with, but has numbers to predict",
        ),
        (
            Spec("image", (6, 4, 3), classes=("cat",)),
            "must hold images of 3x2x1, but was prepared with 6x4x3: name its source in params.yaml once more, with "
            "preprocess: {size: [3, 2], channels: 1}",
        ),
        (
            Spec("image", (3, 2, 1), classes=("ant", "bee")),
            "must hold examples of classes that the network knows (cat, dog, eel, fox), but all of these 3 are of "
            "others (ant (1), bee (2)). Give classes that are the same the same names.",
        ),
    ],
)
def test_what_does_not_fit_is_refused(theirs: Spec, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        match_examples([split_of([0, 1, 1])], theirs, OWN, tmp_path)
    assert str(caught.value) == f"the dataset {message}"


LETTERS = ("<pad>", "<unknown>", "a", "b", "c")


def test_tokens_are_translated_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match_labels, "_CHUNK_BYTES", 17)  # one example at once
    own = Spec("tokens", (9,), ("cat", "dog"), (), LETTERS, "characters")
    theirs = Spec("tokens", (4,), ("dog", "emu", "cat"), (), ("<pad>", "<unknown>", "c", "x", "a"), "characters")
    tokens = np.array([[2, 3, 4, 0], [1, 0, 0, 0], [4, 4, 2, 3]], np.int32)
    got = match_examples([Split(tokens, np.array([0, 1, 2]), np.array([5, 6, 7]))], theirs, own, tmp_path)
    assert got.split.examples.tolist() == [[4, 1, 2, 0], [2, 2, 4, 1]] and got.split.examples.dtype == np.int32
    assert got.split.labels.tolist() == [1, 0] and got.split.rows.tolist() == [5, 7]
    assert got.left_out == {"emu": 1}


def test_next_tokens_are_translated_as_the_texts_are(tmp_path: Path) -> None:
    own = Spec("tokens", (2,), (), (), LETTERS, "characters", output="per_token")
    theirs = Spec("tokens", (3,), (), (), ("<pad>", "<unknown>", "b", "a"), "characters", output="per_token")
    tokens, labels = np.array([[2, 3, 3], [3, 1, 0]], np.int32), np.array([[3, 3, 2], [1, 2, 0]], np.int64)
    got = match_examples([Split(tokens, labels, np.arange(2))], theirs, own, tmp_path).split
    assert got.examples.tolist() == [[3, 2, 2], [2, 1, 0]]
    assert got.labels.tolist() == [[2, 2, 3], [1, 3, 0]] and got.labels.dtype == np.int64


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        (
            Spec("tokens", (4,), ("cat",), (), LETTERS, "words"),
            "must be prepared with unit: characters, lower_case: fal",
        ),
        (
            Spec("tokens", (4,), ("cat",), (), LETTERS, "characters", lower_case=True),
            "must be prepared with unit: characters, lower_case: false, as the network's was",
        ),
        (
            Spec("tokens", (4,), (), (), LETTERS, "characters", output="per_token"),
            "must ask for an answer a text, as the network's did, but asks for the next token at each step",
        ),
    ],
)
def test_texts_of_another_form_are_refused(theirs: Spec, message: str, tmp_path: Path) -> None:
    own = Spec("tokens", (4,), ("cat", "dog"), (), LETTERS, "characters")
    split = Split(np.ones((1, 4), np.int32), np.zeros(1, np.int64), np.arange(1))
    with pytest.raises(UserError, match=f"the dataset {message}"):
        match_examples([split], theirs, own, tmp_path)


def line_spec(characters: str, shape: tuple[int, ...] = (3, 2, 1)) -> Spec:
    return Spec(
        "image", shape, vocabulary=vocabulary_of(characters), unit="characters", output="transcript", is_padded=True
    )


def test_transcripts_are_translated_and_pictures_of_lines_are_not(tmp_path: Path) -> None:
    own, theirs = line_spec("abd"), line_spec("bcd")
    # b, d, filling; c, what their alphabet lacks, filling
    split = replace(split_of([0, 0]), labels=np.array([[2, 4, 0], [3, 1, 3]], np.int64))
    got = match_examples([split], theirs, own, tmp_path)
    assert got.split.labels.tolist() == [[3, 4, 0], [1, 1, 1]] and got.split.labels.dtype == np.int64
    assert got.split.examples is split.examples
    assert got.unreadable == {"c": 2, "<unknown>": 1}
    assert match_examples([split], theirs, theirs, tmp_path).unreadable == {"<unknown>": 1}


def test_lines_of_another_form_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"prepared with 3x4x1: .* preprocess: \{height: 3, max_width: 2, channels: 1\}"
    ):
        match_examples([split_of([0])], line_spec("ab", (3, 4, 1)), line_spec("ab"), tmp_path)
    with pytest.raises(UserError, match=r"must ask for what stands in each line, .* asks for an answer an example"):
        match_examples([split_of([0])], OWN, line_spec("ab"), tmp_path)
    with pytest.raises(UserError, match=r"must ask for an answer an example, .* asks for what stands in each line"):
        match_examples([split_of([0])], line_spec("ab"), OWN, tmp_path)


def test_a_split_without_examples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has none in this split"):
        match_examples([split_of([])], OWN, OWN, tmp_path)


def test_long_lists_of_names_are_cut_short() -> None:
    assert join_names("abc") == "a, b, c"
    assert join_names(map(str, range(1022))).endswith("18, 19 and 1,002 more")
