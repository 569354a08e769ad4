"""Which examples of an evaluation are explained, and what is said of how they were chosen."""

import numpy as np
import pytest

from saccade.data.spec import Spec
from saccade.explain.evaluation.cases import (
    cases_of,
    cases_of_classes,
    cases_of_labels,
    cases_of_numbers,
    cases_of_tokens,
)
from saccade.explain.evaluation.work import Work

NAMES = ("cat", "dog", "eel")


def test_of_classes_the_surest_mistakes_with_the_true_class() -> None:
    answers = np.array([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.0, 0.1, 0.9], [0.6, 0.3, 0.1]])
    found = cases_of_classes(answers, np.array([1, 1, 0, 2]), NAMES, most=2)
    assert [(case.place, case.answers) for case in found.shown] == [(2, (2, 0)), (3, (0, 2))]
    assert found.shown[0].said == ("said eel 0.900", "is cat 0.000")
    assert found.sentence == "The 2 surest of 3 mistakes"
    assert cases_of_classes(answers[:3], np.array([1, 1, 0]), NAMES, most=2).sentence == "All 2 mistakes"


def test_without_a_mistake_what_it_was_least_sure_of_with_the_runner_up() -> None:
    answers = np.array([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3]])
    found = cases_of_classes(answers, np.array([0, 1]), NAMES, most=1)
    assert [(case.place, case.answers) for case in found.shown] == [(1, (1, 2))]
    assert found.sentence == "It made no mistake: the answer that it was least sure of"


def test_of_labels_the_one_that_is_furthest_off_by_its_own_threshold() -> None:
    answers, labels = (
        np.array([[0.4, 0.9], [0.35, 0.2], [0.8, 0.1]]),
        np.array([[0, 1], [1, 0], [1, 0]], dtype=np.uint8),
    )
    found = cases_of_labels(answers, labels, [0.3, 0.5], NAMES[:2], most=3)
    assert [(case.place, case.answers, case.said) for case in found.shown] == [(0, (0,), ("said cat 0.400, has not",))]
    assert found.sentence == "The one example with a wrong label"
    right = cases_of_labels(answers[1:], labels[1:], [0.3, 0.5], NAMES[:2], most=1)
    assert right.shown[0].said == ("said cat 0.350, has",) and right.sentence.startswith("No label was told wrongly")


def test_of_numbers_the_furthest_off_in_units_of_each_deviation() -> None:
    truth = np.array([[0.0, 100.0], [1.0, 300.0], [2.0, 500.0]])
    said = truth + np.array([[0.0, 40.0], [0.9, 0.0], [0.0, 0.0]])  # 0.9 is more of a deviation than 40
    found = cases_of_numbers(said, truth, ("a", "b"), most=2, wanted=[0, 1])
    assert [case.place for case in found.shown] == [1, 0]
    assert found.shown[1].said == ("said a 0, was 0", "said b 140, was 100")
    assert found.sentence == "The 2 answers that are furthest off, of 3"


def test_of_a_forecast_the_first_target_at_both_ends() -> None:
    targets = ("a +1", "b +1", "a +2", "b +2")
    spec = Spec("series", (9, 2), targets=targets, features=("a", "b"), step="1 day", horizon=2)
    found = cases_of(spec, np.ones((1, 4)), np.zeros((1, 4)), (), most=3)
    assert found.shown[0].answers == (0, 2)


def test_of_tokens_the_greatest_surprise_of_each_text_after_a_little_reading() -> None:
    labels = np.full((2, 20), 3)
    labels[1, 15:] = 0  # padding
    nats, predicted = np.ones((2, 20)), np.full((2, 20), 4)
    nats[0, 2], nats[0, 12], nats[1, 16], nats[1, 9] = 9.0, 5.0, 8.0, 4.0
    predicted[1, 10], nats[1, 10] = 3, 7.0  # as expected, so no surprise
    found = cases_of_tokens(nats, predicted, labels, ("", "?", "x", "a", "b"), most=3)
    assert [(case.place, case.read, case.answers) for case in found.shown] == [(0, 13, (4, 3)), (1, 10, (4, 3))]
    assert found.shown[0].said[0] == "expected 'b'"


@pytest.mark.parametrize(
    "multiply_adds, examples, passes", [(40_000_000_000, 10, 1), (40_000_000_000, 1000, 50), (1_000_000, 10, 40_000)]
)
def test_spent_is_a_second_or_a_twentieth_of_the_answers(multiply_adds: int, examples: int, passes: int) -> None:
    assert Work(multiply_adds, examples).passes == passes
