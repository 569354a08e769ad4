"""Text to ids and back: against a literal implementation, and against Python's own decoding of the same characters."""

import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.data.spec import PAD, RESERVED, UNKNOWN, Spec
from saccade.kinds.tokens.text.tokenizer import (
    SHOWN_UNKNOWN,
    Tokenizer,
    Unit,
    build_vocabulary,
    count_tokens,
    cut,
    normalise,
    tokenizer_of,
)

TEXTS = (
    "Don't stop; l’été, rock'n'roll -- 'quoted' 3.14 snake_case",
    "हिन्दी भाषा, ไม่ใช่ภาษา, שָׁלוֹם, العربيّة, می‌خواهم",
    "中文字 と 日本語。 한국어! 👍🏽 e\N{COMBINING ACUTE ACCENT}t\tx\n\ny\N{NO-BREAK SPACE}z",
    "''' a' 'b c''d \N{COMBINING ACUTE ACCENT}alone",
)


def words_literally(text: str) -> list[str]:
    """Character by character, as the module says it in words."""

    def is_inside(character: str) -> bool:
        return character.isalnum() or unicodedata.category(character)[0] == "M" or character in "_\u200c\u200d"

    words, i = [], 0
    while i < len(text):
        start = i
        while i < len(text) and is_inside(text[i]):
            i += 1
            if i > start and i + 1 < len(text) and text[i] in "'’" and is_inside(text[i + 1]):
                i += 1
        if i == start:
            i += 1
            if text[start].isspace():
                continue
        words.append(text[start:i])
    return words


def tokenizer(unit: Unit, *texts: str, most: int = 1000, lower_case: bool = False) -> Tokenizer:
    counts = count_tokens([normalise(text, lower_case=lower_case) for text in texts], unit)
    return Tokenizer(build_vocabulary(counts, most), unit, lower_case)


@pytest.mark.parametrize("text", TEXTS)
def test_words_are_what_the_module_says(text: str) -> None:
    assert cut(text, "words") == words_literally(text)


def test_words_keep_marks_joiners_and_apostrophes() -> None:
    assert cut("l’été हिन्दी می‌خواهم a--b", "words") == ["l’été", "हिन्दी", "می‌خواهم", "a", "-", "-", "b"]


@pytest.mark.parametrize("unit", ["characters", "words"])
@pytest.mark.parametrize("text", TEXTS)
def test_what_was_encoded_is_encoded_to_the_same_ids_again(unit: Unit, text: str) -> None:
    tokens = tokenizer(unit, text)
    ids_T = tokens.encode(text)
    assert ids_T.dtype == np.int32 and len(ids_T) > 0 and (ids_T > UNKNOWN).all()
    np.testing.assert_array_equal(tokens.encode(tokens.decode(ids_T)), ids_T)


@pytest.mark.parametrize("text", TEXTS)
def test_characters_come_back_as_they_were(text: str) -> None:
    assert tokenizer("characters", text).decode(tokenizer("characters", text).encode(text)) == normalise(text)


def test_an_accent_typed_as_two_characters_is_one() -> None:
    tokens = tokenizer("characters", "é")
    assert tokens.encode("e\N{COMBINING ACUTE ACCENT}").tolist() == tokens.encode("é").tolist() == [2]


def test_line_ends_are_one_character() -> None:
    assert normalise("a\r\nb\rc\n\r\nd") == "a\nb\nc\n\nd"


def test_capitals_become_small_when_asked_for() -> None:
    assert normalise("ÀÉÎ STRASSE İ", lower_case=True) == "àéî strasse i̇"
    assert tokenizer("words", "the", lower_case=True).encode("The THE").tolist() == [2, 2]
    assert tokenizer("words", "the").encode("The THE the").tolist() == [UNKNOWN, UNKNOWN, 2]


@pytest.mark.parametrize("text", TEXTS)
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text, lower_case=True)
    assert normalise(once, lower_case=True) == once


def test_the_order_is_by_count_and_then_by_code_point() -> None:
    counts = Counter({"b": 2, "a": 2, "é": 2, "c": 5, "z": 1})
    assert build_vocabulary(counts, 100) == (*RESERVED, "c", "a", "b", "é", "z")
    assert build_vocabulary(counts, 4) == (*RESERVED, "c", "a")


def test_unknown_and_padding() -> None:
    tokens = tokenizer("characters", "abc")
    assert tokens.encode("a?c🙂").tolist() == [2, UNKNOWN, 4, UNKNOWN]
    assert tokens.decode([2, UNKNOWN, 4, PAD, PAD]) == f"a{SHOWN_UNKNOWN}c"
    assert tokens.encode("").shape == (0,)
    words = tokenizer("words", "a b c")
    assert words.decode([2, UNKNOWN, 4, PAD]) == f"a {SHOWN_UNKNOWN} c"
    assert words.encode(words.decode([2, UNKNOWN, 4])).tolist() == [2, UNKNOWN, 4]


def test_text_cannot_name_padding() -> None:
    for unit in ("characters", "words"):
        tokens = tokenizer(unit, "a <pad> <unknown>")
        assert PAD not in tokens.encode("<pad> <unknown>")
        assert tokens.vocabulary[:2] == RESERVED


def test_a_lone_surrogate_is_unknown() -> None:
    """What a terminal hands over where an argument is no UTF-8."""
    assert tokenizer("characters", "a").encode("a\udcff").tolist() == [2, UNKNOWN]
    assert tokenizer("words", "a").encode("a \udcff").tolist() == [2, UNKNOWN]


def test_the_spec_holds_all_that_reading_needs() -> None:
    tokens = tokenizer("words", "The cat.", lower_case=True)
    spec = Spec("tokens", (5,), ("x", "y"), vocabulary=tokens.vocabulary, unit="words", lower_case=True)
    assert tokenizer_of(Spec.from_dict(spec.to_dict())) == tokens


def test_bad_vocabularies() -> None:
    with pytest.raises(UserError, match=r"max_vocabulary \(2\) must be at least 3"):
        build_vocabulary(Counter("abc"), 2)
    with pytest.raises(UserError, match="holds no token"):
        build_vocabulary(count_tokens([" \n"], "words"), 10)


def test_real_text_comes_back(real_data: Callable[[str], Path]) -> None:
    text = real_data("tinyshakespeare.txt").read_text(encoding="utf-8")
    tokens = tokenizer("characters", text)
    assert len(text) == 1_115_394 and len(tokens.vocabulary) == 67
    assert tokens.decode(tokens.encode(text)) == text
    some = text[:20_000]
    assert cut(some, "words") == words_literally(some)
