"""What more labels would bring: a known power law is found again, and noise is called noise."""

import numpy as np
import pytest

from saccade.evaluate.about_data.label_cost import (
    draws_of_answers,
    draws_of_intervals,
    expected_gain,
    gain_in_words,
)

EXAMPLES = [250, 500, 1000]


def answers(errors: list[float], N: int) -> np.ndarray:
    """Right answers to N examples, of which the hardest are the same for all shares."""
    return np.stack([np.arange(N) >= round(error * N) for error in errors]).astype(float)


def test_a_power_law_is_found_and_carried_on_to_twice_the_examples() -> None:
    error = 2.0 * np.array(EXAMPLES, dtype=float) ** -0.5
    gain = expected_gain(EXAMPLES, 1 - error, None, is_error=False)
    assert gain.curve == pytest.approx((2.0, 0.5)) and (gain.before, gain.after) == (1000, 2000)
    assert gain.value == pytest.approx(2.0 * (1000**-0.5 - 2000**-0.5)) and gain.low is None
    of_loss = expected_gain(EXAMPLES, error, None, is_error=True)
    assert of_loss.value == pytest.approx(gain.value) and gain.is_extrapolated


def test_no_error_at_all_is_no_logarithm_of_nothing() -> None:
    perfect = expected_gain(
        EXAMPLES, np.ones(3), draws_of_intervals(np.ones(3), *[np.ones(3)] * 2, np.zeros(3)), is_error=False
    )
    assert perfect.value == pytest.approx(0, abs=1e-12) and not perfect.is_beyond_noise
    tiny = expected_gain(EXAMPLES, 1e-9 * np.array([4.0, 2.0, 1.0]), None, is_error=True)
    assert tiny.curve[1] == pytest.approx(1.0) and tiny.value == pytest.approx(0.5e-9)


def test_on_many_test_examples_a_gain_is_beyond_noise_and_on_few_it_is_not() -> None:
    errors = [0.08, 0.0566, 0.04]
    for N, is_real in ((5_000, True), (60, False)):
        right_FN = answers(errors, N)
        random = np.random.default_rng(0)
        right_FN = np.stack([random.permutation(right_N) for right_N in right_FN])
        gain = expected_gain(EXAMPLES, right_FN.mean(axis=1), draws_of_answers(right_FN), is_error=False)
        assert gain.is_beyond_noise is is_real and gain.low < gain.value < gain.high
        sentence = gain_in_words(gain, "accuracy", is_error=False, trainings=1)
        assert sentence.startswith(
            "another 1,000 training examples would be worth about 1.2 points"
            if is_real
            else ("another 1,000 training examples would be worth nothing beyond noise")
        )
        assert "an extrapolation; of one training each: `--seeds 3`" in sentence


def test_draws_pair_the_examples_and_have_the_deviation_of_a_share() -> None:
    right_FN = answers([0.2, 0.2, 0.1], 400)
    draws_DF = draws_of_answers(right_FN)
    assert (draws_DF[:, 0] == draws_DF[:, 1]).all()  # the same answers, the same draws
    assert draws_DF.std(axis=0) == pytest.approx(np.sqrt([0.16 / 400, 0.16 / 400, 0.09 / 400]), rel=0.05)
    assert draws_of_answers(np.ones((2, 50))).max() < 1  # no logarithm of 0
    wider_DF = draws_of_answers(right_FN, np.array([0.03, np.nan, 0.0]))  # what trainings differ by comes on top
    assert wider_DF[:, 0].std() == pytest.approx(np.hypot(0.02, 0.03), rel=0.05)
    assert (wider_DF[:, 1:] == draws_DF[:, 1:]).all()


def test_two_shares_are_compared_and_nothing_is_carried_on() -> None:
    right_FN = answers([0.10, 0.04], 4_000)
    gain = expected_gain([300, 900], right_FN.mean(axis=1), draws_of_answers(right_FN), is_error=False)
    assert not gain.is_extrapolated and gain.curve is None and (gain.before, gain.after) == (300, 900)
    assert gain.value == pytest.approx(0.06) and gain.is_beyond_noise
    sentence = gain_in_words(gain, "accuracy", is_error=False, trainings=3)
    assert sentence.startswith("the last 600 training examples were worth about 6.0 points of accuracy (")
    assert sentence.endswith("three shares or more would tell what others might bring")


def test_other_metrics_draw_from_their_intervals_and_from_what_trainings_differ_by() -> None:
    values_F, nan = np.array([0.5, 0.4, 0.3]), np.full(3, np.nan)
    draws_DF = draws_of_intervals(values_F, values_F - 0.0392, values_F + 0.0392, np.full(3, 0.015))
    assert draws_DF.std(axis=0) == pytest.approx(np.full(3, np.hypot(0.02, 0.015)), rel=0.05)
    assert draws_of_intervals(values_F, nan, nan, np.full(3, 0.01)).std(axis=0) == pytest.approx([0.01] * 3, rel=0.05)
    assert draws_of_intervals(values_F, nan, nan, nan) is None
    gain = expected_gain(EXAMPLES, values_F, None, is_error=True)
    sentence = gain_in_words(gain, "mae", is_error=True, trainings=2)
    assert "about 0.0" in sentence and "of mae, and how much of it is noise is not known" in sentence
