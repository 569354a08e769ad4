"""The model of characters: a distribution that knows where lines begin and end, and travels as arrays."""

import numpy as np
import pytest

from saccade.transcripts.language_model import CharacterModel, fit_characters

LINES_NL = np.array([[2, 3, 4, 0, 0], [2, 3, 4, 2, 3], [2, 4, 0, 0, 0], [3, 0, 0, 0, 0]])


def test_probabilities_of_what_comes_next_sum_to_one() -> None:
    model = fit_characters(LINES_NL, num_ids=5, order=4)
    for ids in ([], [2], [2, 3], [4, 4, 4, 4], [3, 2, 1]):
        p = np.exp(model.log_probabilities(model.context(ids)))
        assert p[1:].sum() == pytest.approx(1.0)
        assert (p[1:] > 0).all()


def test_it_knows_how_lines_begin_and_end() -> None:
    model = fit_characters(LINES_NL, num_ids=5, order=3)
    first = np.exp(model.log_probabilities(model.context([])))
    assert first[2] == max(first[1:])  # three of four lines begin with it
    after_4 = np.exp(model.log_probabilities(model.context([3, 4])))
    assert after_4[model.end] > 0.3
    assert np.exp(model.log_probabilities(model.context([2])))[model.end] < 0.1


def test_a_whole_line_is_the_product_of_its_characters_as_the_mean_over_lines_has_it() -> None:
    model = fit_characters(LINES_NL, num_ids=5, order=3)
    lines = [[k for k in row if k] for row in LINES_NL.tolist()]
    total = sum(model.log_probability(ids) for ids in lines)
    assert model.nats_per_character(LINES_NL) == pytest.approx(-total / sum(len(ids) + 1 for ids in lines))


def test_it_is_the_same_after_it_was_written_as_arrays() -> None:
    model = fit_characters(LINES_NL, num_ids=5, order=3)
    again = CharacterModel.from_arrays(model.to_arrays())
    for ids in ([], [2, 3], [9 % 5, 4]):
        assert again.log_probabilities(again.context(ids)) == model.log_probabilities(model.context(ids))


def test_order_one_counts_characters_alone() -> None:
    model = fit_characters(LINES_NL, num_ids=5, order=1)
    assert model.context([2, 3]) == () == model.context([])
    assert np.exp(model.log_probabilities(()))[1:].sum() == pytest.approx(1.0)
