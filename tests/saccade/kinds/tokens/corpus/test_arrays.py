"""Texts as arrays: padding and cutting, parts and windows, against texts put together by hand."""

from pathlib import Path

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.data.prepared import DatasetInfo, open_split, read_dataset_info
from saccade.data.spec import PAD, SPLITS, UNKNOWN, Spec
from saccade.kinds.tokens.corpus.arrays import TokenCounts, cut_stream, stream_arrays, text_arrays, windows
from saccade.kinds.tokens.corpus.class_texts import ClassTexts
from saccade.kinds.tokens.corpus.token_store import tokenize_all
from saccade.kinds.tokens.text.tokenizer import tokenizer_of
from saccade.prepare.arrays import write_arrays
from saccade.readers.examples import TextExamples

PAIRS = [("ab", "x"), ("abba", "y"), ("c", "x"), ("abcabcabc", "y"), ("zz", "x"), ("q", "y")]
ROWS = {"train": np.array([0, 1, 3]), "validation": np.array([2]), "test": np.array([4])}


def examples() -> TextExamples:
    texts = ClassTexts()
    for text, class_name in PAIRS:
        texts.add(text, class_name)
    return texts.examples(lambda i: f"text {i}")


def written(folder: Path, *, max_length: int = 100, max_vocabulary: int = 100) -> tuple[DatasetInfo, TokenCounts]:
    source = examples()
    spool = tokenize_all(source.texts, folder, unit="characters", lower_case=False)
    form, tokens = text_arrays(source, spool, ROWS, max_length=max_length, max_vocabulary=max_vocabulary)
    return write_arrays(folder, form, ROWS), tokens


def test_labelled_texts_are_padded_at_the_end(tmp_path: Path) -> None:
    description, tokens = written(tmp_path)
    spec = description.spec
    assert spec == Spec("tokens", (9,), ("x", "y"), vocabulary=("<pad>", "<unknown>", "a", "b", "c"), unit="characters")
    assert read_dataset_info(tmp_path) == description and description.mean == description.std == []
    assert description.counts == {"train": 3, "validation": 1, "test": 1}
    assert description.class_counts == {"train": [1, 2], "validation": [1, 0], "test": [1, 0]}
    decode = tokenizer_of(spec).decode
    for name in SPLITS:
        split = open_split(tmp_path, name)
        assert split.examples.dtype == np.int32 and split.labels.dtype == np.int64
        np.testing.assert_array_equal(split.rows, ROWS[name])
        assert split.labels.tolist() == ["xy".index(PAIRS[row][1]) for row in ROWS[name]]
        lengths = (split.examples != PAD).sum(axis=1)
        assert lengths.tolist() == [len(PAIRS[row][0]) for row in ROWS[name]]
        assert all((ids[:length] != PAD).all() for ids, length in zip(split.examples, lengths, strict=True))
    assert [decode(ids.tolist()) for ids in open_split(tmp_path, "train").examples] == ["ab", "abba", "abcabcabc"]
    assert open_split(tmp_path, "test").examples[0, :3].tolist() == [UNKNOWN, UNKNOWN, PAD]
    assert [tokens.unknown(name) for name in SPLITS] == [0, 0, 2] and tokens.most_frequent("test", 9) == [("z", 2)]
    assert tokens.most_frequent("test", 9, only_unknown=True) == [("z", 2)]
    assert tokens.most_frequent("train", 1) == [("a", 6)]
    assert tokens.most_frequent("train", 9, only_unknown=True) == []


def test_long_texts_are_cut_and_the_vocabulary_is_of_what_is_left(tmp_path: Path) -> None:
    description, tokens = written(tmp_path, max_length=2, max_vocabulary=3)
    assert description.spec.shape == (2,) and description.spec.vocabulary == ("<pad>", "<unknown>", "a")
    assert tokens.cut == {"train": 2, "validation": 0, "test": 0}
    assert [tokens.total(name) for name in SPLITS] == [6, 1, 2]
    assert [tokens.unknown(name) for name in SPLITS] == [
        3,
        1,
        2,
    ]
    assert open_split(tmp_path, "train").examples.tolist() == [[2, 1], [2, 1], [2, 1]]


def test_the_vocabulary_does_not_know_validation_and_test(tmp_path: Path) -> None:
    for i, row in enumerate((4, 5)):
        (tmp_path / str(i)).mkdir()
        source = examples()
        spool = tokenize_all(source.texts, tmp_path / str(i), unit="characters", lower_case=False)
        form, _ = text_arrays(source, spool, ROWS | {"test": np.array([row])}, max_length=9, max_vocabulary=9)
        assert form.spec.vocabulary == ("<pad>", "<unknown>", "a", "b", "c")


@pytest.mark.parametrize("length", range(1, 8))
@pytest.mark.parametrize("stride", range(1, 8))
def test_windows_ask_for_every_token_but_the_first(length: int, stride: int) -> None:
    if stride > length:
        return
    for start in (0, 5):
        for count in range(2, 20):
            end = start + count
            starts = windows(start, end, length, stride, "train")
            asked: list[int] = []
            for place in starts.tolist():
                asked += range(place + 1, min(place + length + 1, end))
            assert set(asked) == set(range(start + 1, end))
            assert (np.diff(starts) == stride).all() and starts[0] == start
            if stride == length:
                assert len(asked) == len(set(asked))  # each once
            if len(starts) > 1:
                assert starts[-2] + length < end - 1  # none begins after all is asked for


def test_a_part_of_one_token_has_no_next_one() -> None:
    with pytest.raises(UserError, match=r"the validation part must hold 2 tokens at least.*but holds 1.*overfit"):
        windows(4, 5, 3, 3, "validation")


@pytest.mark.parametrize("num_tokens", [6, 7, 10, 99, 1_115_394])
def test_parts_follow_each_other(num_tokens: int) -> None:
    parts = cut_stream(num_tokens, test=0.15, validation=0.1)
    assert list(parts) == list(SPLITS)
    assert parts["train"][0] == 0 and parts["test"][1] == num_tokens
    assert parts["train"][1] == parts["validation"][0] and parts["validation"][1] == parts["test"][0]
    assert parts["test"][1] - parts["test"][0] == round(0.15 * num_tokens)
    assert parts["validation"][1] - parts["validation"][0] == round(0.1 * num_tokens)


TEXT = "the quick brown fox jumps over the lazy dog, and again over the dog"


@pytest.mark.parametrize("stride", [1, 3, 8])
def test_windows_of_a_text_hold_the_next_letters(tmp_path: Path, stride: int) -> None:
    spool = tokenize_all([TEXT[:20], TEXT[20:]], tmp_path, unit="characters", lower_case=False)
    parts = cut_stream(len(TEXT), test=0.2, validation=0.3)
    form, rows_of, tokens = stream_arrays(spool, parts, length=8, stride=stride, max_vocabulary=100)
    description = write_arrays(tmp_path, form, rows_of)
    assert description.spec.output == "per_token" and description.spec.shape == (8,)
    assert description.spec.classes == () and description.class_counts == {}
    assert description.spec.num_outputs == len(description.spec.vocabulary)
    encode = tokenizer_of(description.spec).encode
    for name in SPLITS:
        split, (start, end) = open_split(tmp_path, name), parts[name]
        assert split.examples.dtype == np.int32 and split.labels.dtype == np.int64
        for ids, labels, row in zip(split.examples, split.labels, split.rows, strict=True):
            reads, asked = TEXT[row : min(row + 8, end - 1)], TEXT[row + 1 : min(row + 9, end)]
            assert start <= row and len(reads) == len(asked) > 0
            assert ids.tolist() == encode(reads).tolist() + [PAD] * (8 - len(reads))
            assert labels.tolist() == encode(asked).tolist() + [PAD] * (8 - len(asked))
        assert np.diff(split.rows).tolist() == [stride if name == "train" else 8] * (len(split.rows) - 1)
    assert tokens.total("train") == parts["train"][1]
    assert set(description.spec.vocabulary[2:]) == set(TEXT[: parts["train"][1]])


def test_a_word_learnt_by_heart_is_one_window(tmp_path: Path) -> None:
    spool = tokenize_all(["hello"], tmp_path, unit="characters", lower_case=False)
    for length in (4, 64):
        form, rows_of, _ = stream_arrays(
            spool, dict.fromkeys(SPLITS, (0, 5)), length=length, stride=length, max_vocabulary=100
        )
        decode = tokenizer_of(form.spec).decode
        assert form.spec.shape == (4,) and all(rows_of[name].tolist() == [0] for name in SPLITS)
        assert decode(form.examples(rows_of["test"])[0]) == "hell"
        assert decode(form.labels(rows_of["test"])[0]) == "ello"
