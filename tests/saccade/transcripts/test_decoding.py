"""Decoders against all alignments there are, and the sums against torch's CTC loss. Shapes: T steps, V ids."""

import itertools
from collections import defaultdict

import numpy as np
import pytest
import torch
from torch.nn.functional import ctc_loss

from saccade.transcripts.beam import beam_ids
from saccade.transcripts.greedy import greedy_ids
from saccade.transcripts.language_model import fit_characters
from saccade.transcripts.read_line import best_alignment, line_of, log_probability, shown_characters


def drawn(steps: int, num_ids: int, seed: int, scale: float = 2.0) -> np.ndarray:
    logits_TV = torch.from_numpy(np.random.default_rng(seed).normal(size=(steps, num_ids)) * scale)
    return logits_TV.log_softmax(1).float().numpy()


def collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(k for k, _ in itertools.groupby(path) if k)


def all_texts(log_p_TV: np.ndarray) -> dict[tuple[int, ...], float]:
    """The probability of each text, from every alignment one by one."""
    T, V = log_p_TV.shape
    found: dict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(V), repeat=T):
        found[collapse(path)] += float(np.exp(log_p_TV[np.arange(T), path].astype(np.float64).sum()))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_a_wide_beam_without_a_language_model_finds_the_most_probable_text(seed: int) -> None:
    log_p_TV = drawn(6, 4, seed, scale=0.7)
    texts = all_texts(log_p_TV)
    best = max(texts, key=texts.__getitem__)
    assert tuple(beam_ids(log_p_TV, width=10_000, min_probability=0)) == best
    assert np.exp(log_probability(log_p_TV, best)) == pytest.approx(texts[best], rel=1e-5)


def test_the_most_probable_text_is_not_always_that_of_the_most_probable_alignment() -> None:
    log_p_TV = np.log(np.array([[0.6, 0.4], [0.6, 0.4]]))
    assert greedy_ids(log_p_TV) == []  # 0.36 in one alignment
    assert beam_ids(log_p_TV, width=8) == [1]  # 0.64 in three


@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_finds_the_text_with_the_best_score(seed: int) -> None:
    """Scores of all texts, each from its own sum over alignments and the language model's own sum."""
    rng = np.random.default_rng(seed)
    model = fit_characters(rng.integers(1, 4, (40, 5)) * (rng.random((40, 5)) < 0.8), num_ids=4, order=3)
    log_p_TV, weight, bonus = drawn(5, 4, seed, scale=0.5), 0.8, 0.6
    scores = {
        ids: np.log(p) + weight * model.log_probability(ids) + bonus * len(ids)
        for ids, p in all_texts(log_p_TV).items()
    }
    best = max(scores, key=scores.__getitem__)
    found = beam_ids(log_p_TV, width=10_000, model=model, weight=weight, bonus=bonus, min_probability=0)
    assert tuple(found) == best
    assert best != max(all_texts(log_p_TV), key=all_texts(log_p_TV).__getitem__) or seed  # the model changes one


def test_a_narrow_beam_keeps_what_scores_best_at_each_step() -> None:
    log_p_TV = drawn(12, 6, 3)
    wide, narrow = (beam_ids(log_p_TV, width=width) for width in (200, 4))
    assert log_probability(log_p_TV, narrow) <= log_probability(log_p_TV, wide) + 1e-9
    assert log_probability(log_p_TV, narrow) >= log_probability(log_p_TV, greedy_ids(log_p_TV)) - 1e-9


@pytest.mark.parametrize("ids", [[], [2], [2, 2], [1, 3, 1, 2], [4, 4, 4]])
def test_the_probability_of_a_text_is_that_of_torchs_loss(ids: list[int]) -> None:
    log_p_TV = drawn(9, 5, len(ids))
    loss = ctc_loss(
        torch.from_numpy(log_p_TV)[:, None],
        torch.tensor([ids], dtype=torch.long),
        torch.tensor([9]),
        torch.tensor([len(ids)]),
        reduction="sum",
    )
    assert log_probability(log_p_TV, ids) == pytest.approx(-float(loss), rel=1e-5)


def test_a_text_that_does_not_fit_has_no_probability_and_no_alignment() -> None:
    log_p_TV = drawn(3, 4, 0)
    assert log_probability(log_p_TV, [2, 2]) > -np.inf
    assert log_probability(log_p_TV, [2, 2, 1]) == -np.inf  # it takes a blank between
    with pytest.raises(ValueError, match="3 characters"):
        best_alignment(log_p_TV, [2, 2, 1])


@pytest.mark.parametrize("seed", range(4))
def test_the_alignment_is_the_best_of_all_that_give_the_text(seed: int) -> None:
    log_p_TV = drawn(6, 3, seed)
    ids = greedy_ids(drawn(4, 3, seed + 10)) or [1]
    spans = best_alignment(log_p_TV, ids)
    path = np.zeros(6, int)
    for k, (first, end) in zip(ids, spans, strict=True):
        path[first:end] = k
    assert collapse(tuple(path)) == tuple(ids)
    paths = [p for p in itertools.product(range(3), repeat=6) if collapse(p) == tuple(ids)]
    best = max(float(log_p_TV[np.arange(6), p].sum()) for p in paths)
    assert float(log_p_TV[np.arange(6), path].sum()) == pytest.approx(best, rel=1e-5)


def test_a_line_tells_its_probability_and_where_its_characters_stand() -> None:
    p_TV = np.array(
        [
            [0.90, 0.0, 0.08, 0.02],
            [0.20, 0.0, 0.75, 0.05],
            [0.10, 0.0, 0.88, 0.02],
            [0.97, 0.0, 0.02, 0.01],
            [0.02, 0.0, 0.01, 0.97],
        ]
    )
    log_p_TV = np.log(np.maximum(p_TV, 1e-30))
    vocabulary = ("<pad>", "<unknown>", "a", "b")
    line = line_of(log_p_TV, greedy_ids(log_p_TV), vocabulary)
    assert line.text == "ab"
    a, b = line.characters
    assert (a.text, a.first_step, a.end_step, round(a.probability, 6), a.is_unsure) == ("a", 1, 3, 0.88, True)
    assert (b.text, b.first_step, b.end_step, round(b.probability, 6), b.is_unsure) == ("b", 4, 5, 0.97, False)
    assert line.confidence == pytest.approx(all_texts(log_p_TV)[(2, 3)], rel=1e-5)
    assert (line.num_unsure, line.num_steps) == (1, 5)


def test_what_the_alphabet_does_not_have_is_shown_as_such() -> None:
    assert shown_characters(("<pad>", "<unknown>", "a", "ç")) == ["", "\ufffd", "a", "ç"]


def test_a_line_without_steps_has_no_text() -> None:
    nothing = np.zeros((0, 4))
    assert greedy_ids(nothing) == [] == beam_ids(nothing, width=4)
