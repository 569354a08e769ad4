"""Tokens on the disk, against collections.Counter and plain lists."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from saccade.data.spec import PAD
from saccade.kinds.tokens.corpus import token_store
from saccade.kinds.tokens.corpus.token_store import TokenStore, tokenize_all
from saccade.kinds.tokens.text.tokenizer import Tokenizer, Unit, count_tokens, cut, normalise

TEXTS = ["the cat, the dog", "", "The end. 👍", "the cat, the dog", "don't\nstop", "a  b", "a b"]


def spooled(folder: Path, unit: Unit, lower_case: bool = False, texts: list[str] = TEXTS) -> TokenStore:
    return tokenize_all(texts, folder, unit=unit, lower_case=lower_case)


@pytest.mark.parametrize("unit", ["characters", "words"])
@pytest.mark.parametrize("lower_case", [False, True])
def test_the_tokens_are_those_of_the_texts(tmp_path: Path, unit: Unit, lower_case: bool) -> None:
    spool = spooled(tmp_path, unit, lower_case)
    expected = [list(cut(normalise(text, lower_case=lower_case), unit)) for text in TEXTS]
    got = [
        [spool.token(number) for number in spool.numbers[spool.ends[i] : spool.ends[i + 1]].tolist()]
        for i in range(len(TEXTS))
    ]
    assert got == expected and spool.lengths.tolist() == list(map(len, expected))
    same = [spool.digests[i] == spool.digests[j] for i in range(len(TEXTS)) for j in range(len(TEXTS))]
    assert same == [expected[i] == expected[j] for i in range(len(TEXTS)) for j in range(len(TEXTS))]


def test_white_space_tells_characters_apart_and_words_not(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    characters, words = spooled(tmp_path / "c", "characters"), spooled(tmp_path, "words")
    assert characters.digests[5] != characters.digests[6] and words.digests[5] == words.digests[6]


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_counts_and_vocabulary(tmp_path: Path, unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_store, "_CHUNK_TOKENS", 3)
    monkeypatch.setattr(token_store, "_CHUNK_ROWS", 1)
    spool, rows = spooled(tmp_path, unit), np.array([0, 2, 4])
    expected = count_tokens([TEXTS[row] for row in rows], unit)
    assert spool.named(spool.count_rows(rows)) == expected
    cut_short = Counter(token for row in rows for token in list(cut(TEXTS[row], unit))[:2])
    assert spool.named(spool.count_rows(rows, 2)) == cut_short
    everything = [token for text in TEXTS for token in cut(text, unit)]
    assert spool.named(spool.count(0, len(everything))) == Counter(everything)
    assert spool.named(spool.count(2, 7)) == Counter(everything[2:7])
    assert spool.count_rows(np.zeros(0, dtype=np.int64)).sum() == 0
    vocabulary = spool.vocabulary(spool.count_rows(rows), 6)
    assert vocabulary[2:] == tuple(sorted(expected, key=lambda token: (-expected[token], token))[:4])


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_ids_are_those_of_the_tokenizer(tmp_path: Path, unit: Unit) -> None:
    spool = spooled(tmp_path, unit, lower_case=True)
    vocabulary = spool.vocabulary(spool.count_rows(np.array([0, 4])), 8)
    tokens = Tokenizer(vocabulary, unit, lower_case=True)
    padded = spool.padded(np.arange(len(TEXTS)), spool.ids_of_numbers(vocabulary), 7)
    assert padded.dtype == np.int32 and padded.shape == (len(TEXTS), 7)
    for row, text in zip(padded, TEXTS, strict=True):
        ids = tokens.encode(text)[:7]
        np.testing.assert_array_equal(row[: len(ids)], ids)
        assert (row[len(ids) :] == PAD).all()


def test_no_text_at_all(tmp_path: Path) -> None:
    spool = spooled(tmp_path, "characters", texts=["", ""])
    assert len(spool.numbers) == 0 and spool.lengths.tolist() == [0, 0]


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_texts_are_equal_where_what_is_read_of_them_is(tmp_path: Path, unit: Unit) -> None:
    texts = ["one two three", "one two tall", "one two", "one too", "one"]
    for most in (1, 2, 5, 9, 10, 99):
        (tmp_path / str(most)).mkdir()
        digests = tokenize_all(texts, tmp_path / str(most), unit=unit, lower_case=False, most=most).digests
        read = [list(cut(text, unit))[:most] for text in texts]
        assert [[a == b for b in digests] for a in digests] == [[a == b for b in read] for a in read], most
