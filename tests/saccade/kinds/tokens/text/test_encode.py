"""New texts, brought to what a network takes."""

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.kinds.tokens.text.encode import read_texts

LETTERS = Spec("tokens", (5,), ("x", "y"), (), ("<pad>", "<unknown>", *"abc"), "characters")
WORDS = Spec("tokens", (3,), ("x", "y"), (), ("<pad>", "<unknown>", "good", "bad"), "words", lower_case=True)


def test_texts_are_stripped_encoded_and_padded_behind_their_ends() -> None:
    read = read_texts(["  ab\n", "c", "bXa"], LETTERS)
    assert read.tokens.tolist() == [[2, 3, 0], [4, 0, 0], [3, 1, 2]] and read.tokens.dtype == np.int32
    assert (read.cut, read.unknown, read.total) == ((), (0, 0, 1), 6)


def test_texts_longer_than_the_training_data_are_cut_and_told() -> None:
    read = read_texts(["Good, BAD film", "bad"], WORDS)
    assert read.tokens.tolist() == [[2, 1, 3], [3, 0, 0]]  # good , bad
    assert (read.cut, read.unknown, read.total) == ((0,), (1, 0), 4)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("abc", r"texts \('abc'\) must be several: for a single one, pass \[text\]"),
        (["a", " \n"], r"texts\[1\] \(' \\n'\) must hold one of the characters at least: leave it out"),
        (["a", 3], r"texts\[1\] \(int\) must be text"),
    ],
)
def test_what_is_no_text_is_refused(texts: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_texts(texts, LETTERS)
