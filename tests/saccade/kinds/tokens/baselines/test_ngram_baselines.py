"""What a network over texts has to beat, on texts whose answer is known and on real ones."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from saccade.data.prepared import Split
from saccade.data.spec import PAD, SPLITS, Spec
from saccade.datasets import text_folder
from saccade.kinds.tokens.baselines import ngram_baselines
from saccade.kinds.tokens.baselines.ngram_baselines import STRENGTHS, text_baseline
from saccade.kinds.tokens.baselines.ngram_model import fit_ngrams
from saccade.kinds.tokens.corpus.arrays import cut_stream, stream_arrays, text_arrays
from saccade.kinds.tokens.corpus.token_store import tokenize_all
from saccade.kinds.tokens.text.tokenizer import Unit, build_vocabulary, count_tokens, tokenizer_of
from saccade.prepare.arrays import ArrayBuilder

Splits = tuple[Split, Split, Split]


def prepared(pairs: Sequence[tuple[str, int]], classes: Sequence[str], unit: Unit, count: int) -> tuple[Splits, Spec]:
    """Three splits: the first half, a quarter, a quarter."""
    vocabulary = build_vocabulary(count_tokens([text for text, _ in pairs], unit), 10_000)
    spec = Spec("tokens", (count,), tuple(classes), vocabulary=vocabulary, unit=unit)
    tokens = np.full((len(pairs), count), PAD, dtype=np.int32)
    for row, (text, _) in enumerate(pairs):
        ids = tokenizer_of(spec).encode(text)[:count]
        tokens[row, : len(ids)] = ids
    labels, rows = np.array([label for _, label in pairs]), np.arange(len(pairs))
    first, second = len(pairs) // 2, len(pairs) * 3 // 4

    def part(at: slice) -> Split:
        return Split(tokens[at], labels[at], rows[at])

    return (part(slice(first)), part(slice(first, second)), part(slice(second, None))), spec


def by_words(count: int, seed: int) -> list[tuple[str, int]]:
    """Which of two words comes first tells the class; letters and single words do not."""
    random, made = np.random.default_rng(seed), []
    for _ in range(count):
        label = int(random.integers(2))
        filling = random.choice(["so", "is", "it", "as", "go"], 4).tolist()
        made.append((" ".join([*filling[:2], *(["gul", "rot"] if label else ["rot", "gul"]), *filling[2:]]), label))
    return made


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_words_in_their_order_tell_the_class(unit: Unit) -> None:
    splits, spec = prepared(by_words(400, seed=0), ("a", "b"), unit, 40)
    result = text_baseline(*splits, spec)
    words = result["both"]["word n-grams (1 to 2), logistic regression"]
    assert words == {"accuracy": 1.0, "validation_accuracy": 1.0} and result["accuracy"] == 1.0
    assert result["balanced_accuracy"] == result["macro_f1"] == 1.0 and 0 < result["loss"] < 0.3
    assert set(result["both"]) == {
        "character n-grams (1 to 5), logistic regression",
        "word n-grams (1 to 2), logistic regression",
    }
    assert result["train_examples"] == 200 and result["C"] in STRENGTHS and result["converged"] is True


def test_how_a_word_ends_tells_the_class() -> None:
    random = np.random.default_rng(1)
    stems = ["".join(random.choice(list("bdfgklmnprst" + "aeiou"), 7)) for _ in range(600)]
    pairs = [(stem + ("ov" if i % 2 else "um"), i % 2) for i, stem in enumerate(stems)]
    splits, spec = prepared(pairs, ("a", "b"), "characters", 12)
    result = text_baseline(*splits, spec)
    assert result["model"].startswith("character") and result["accuracy"] == 1.0
    assert result["both"]["word n-grams (1 to 2), logistic regression"]["accuracy"] < 0.7


def test_the_test_split_chooses_nothing() -> None:
    (train, validation, test), spec = prepared(by_words(200, seed=2), ("a", "b"), "words", 8)
    once = text_baseline(train, validation, test, spec)
    other = Split(test.examples, 1 - test.labels, test.rows)
    again = text_baseline(train, validation, other, spec)
    assert again["accuracy"] == 1 - once["accuracy"]
    for key in ("model", "C", "validation_accuracy", "features"):
        assert again[key] == once[key]


def test_validation_chooses_between_characters_and_words(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = {"character": (0.5, 0.9), "word": (0.6, 0.1)}  # on validation, on test

    def classify(family: str, *_: object) -> dict[str, object]:
        validation, test = measured[family]
        return {"model": family, "validation_accuracy": validation, "accuracy": test}

    monkeypatch.setattr(ngram_baselines, "_classify", classify)
    splits, spec = prepared(by_words(20, seed=2), ("a", "b"), "words", 8)
    assert text_baseline(*splits, spec)["model"] == "word"
    measured["character"] = (0.6, 0.0)
    assert text_baseline(*splits, spec)["model"] == "character"  # of equals the first


def test_the_same_whatever_is_held_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    splits, spec = prepared(by_words(200, seed=3), ("a", "b"), "characters", 40)
    once = text_baseline(*splits, spec)
    monkeypatch.setattr(ngram_baselines, "BATCH", 17)
    assert text_baseline(*splits, spec) == once


def test_many_texts_are_thinned_and_rare_classes_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [(text, label if i % 50 else 2) for i, (text, label) in enumerate(by_words(800, seed=4))]
    splits, spec = prepared(pairs, ("a", "b", "rare", "never"), "words", 8)
    for name, value in (("MAX_RUNS", 1500), ("MIN_EXAMPLES", 50), ("SEARCH_EXAMPLES", 40)):
        monkeypatch.setattr(ngram_baselines, name, value)
    result = text_baseline(*splits, spec)
    assert 40 < result["train_examples"] < 130 and result["accuracy"] > 0.9


def of_form(form: ArrayBuilder, rows_of: Mapping[str, np.ndarray]) -> Splits:
    train, validation, test = (
        Split(form.examples(rows_of[name]), form.labels(rows_of[name]), rows_of[name]) for name in SPLITS
    )
    return train, validation, test


def streamed(folder: Path, text: str, *, length: int, stride: int) -> tuple[Splits, Spec]:
    folder.mkdir()
    spool = tokenize_all([text], folder, unit="characters", lower_case=False)
    form, rows_of, _ = stream_arrays(
        spool, cut_stream(len(text), test=0.2, validation=0.2), length=length, stride=stride, max_vocabulary=100
    )
    return of_form(form, rows_of), form.spec


def test_overlapping_windows_count_once_and_borders_not_at_all(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    text = "".join(random.choice(["ab", "cad", "bca", " "], 400))
    (train, validation, test), spec = streamed(tmp_path / "a", text, length=7, stride=7)
    (overlapping, *_), _ = streamed(tmp_path / "b", text, length=7, stride=3)
    result = text_baseline(train, validation, test, spec)
    assert text_baseline(overlapping, validation, test, spec) == result

    border = cut_stream(len(text), test=0.2, validation=0.2)["train"][1]
    ids = tokenizer_of(spec).encode(text[:border])[None].astype(np.int64)
    model = fit_ngrams([(ids[:, :-1], ids[:, 1:])], num_ids=len(spec.vocabulary), order=5)
    probabilities = model.probabilities(test.examples.astype(np.int64), test.labels)[test.labels != PAD]
    loss = float(-np.log(probabilities).mean())
    assert result["loss"] == pytest.approx(loss, rel=1e-12) and result["perplexity"] == pytest.approx(np.exp(loss))
    assert result["bits_per_character"] == pytest.approx(loss / np.log(2))
    assert result["train_tokens"] == border - 1 and len(probabilities) == round(0.2 * len(text)) - 1


def test_only_the_last_tokens_of_a_very_long_text_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    splits, spec = streamed(tmp_path / "a", "abcd" * 500, length=10, stride=10)
    monkeypatch.setattr(ngram_baselines, "MAX_TOKENS", 100)
    result = text_baseline(*splits, spec)
    assert 100 <= result["train_tokens"] < 120 and result["loss"] < 0.2


def test_windows_of_no_one_text_are_read_one_by_one() -> None:
    tokens = np.array([[2, 3, 4], [4, 3, 2], [2, 3, 4], [3, 3, 3]])
    labels = np.array([[3, 4, 5], [3, 2, 5], [3, 4, 5], [3, 3, 0]])
    spec = Spec("tokens", (3,), vocabulary=("", "", "a", "b", "c", "d"), unit="words", output="per_token")
    split = Split(tokens, labels, np.arange(4))
    result = text_baseline(split, split, split, spec)
    assert result["train_tokens"] == 11 and "bits_per_character" not in result and 0 < result["loss"] < np.log(5)


@pytest.mark.slow
def test_surnames(tmp_path: Path, real_data: Callable[[str], Path]) -> None:
    text_folder.fetch(tmp_path, path=str(real_data("names")), examples="lines")
    examples = text_folder.read(tmp_path, examples="lines")
    rows = np.random.default_rng(0).permutation(len(examples.labels))
    rows_of = {"train": rows[:6000], "validation": rows[6000:7500], "test": rows[7500:9000]}
    spool = tokenize_all(examples.texts, tmp_path, unit="characters", lower_case=False)
    form, _ = text_arrays(examples, spool, rows_of, max_length=20, max_vocabulary=100)
    result = text_baseline(*of_form(form, rows_of), form.spec)
    assert result["model"].startswith("character") and 0.74 < result["accuracy"] < 0.85
