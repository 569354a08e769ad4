"""Units that follow something are found, on a text that they were not chosen on; noise is taken for noise."""

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.explain.sequences import find_followers, text_features
from saccade.explain.sequences.features import absent_features
from saccade.explain.sequences.tracking import correlations


def slow_noise(random: np.random.Generator, length: int, units: int) -> np.ndarray:
    """Random walks that forget: each value is near the last one, as a cell's is."""
    steps_ND = random.normal(size=(length, units))
    for t in range(1, length):
        steps_ND[t] = 0.95 * steps_ND[t - 1] + 0.3 * steps_ND[t]
    return steps_ND


def lines(random: np.random.Generator, length: int) -> str:
    return "".join(random.choice([*"abc def", "\n"], length))


def test_a_planted_unit_is_found_and_noise_is_not() -> None:
    random = np.random.default_rng(0)
    states, features = [], []
    for _ in range(2):
        text = lines(random, 3000)
        features.append(
            {"line": text_features(text)["characters since the line began"], "noise": slow_noise(random, 3000, 1)[:, 0]}
        )
        units_ND = slow_noise(random, 3000, 60)
        units_ND[:, 17] = -2.0 * features[-1]["line"] + units_ND[:, 17]
        states.append(units_ND)
    line, noise = find_followers(states[0], features[0], states[1], features[1], seed=1)
    assert (line.feature, line.unit) == ("line", 17) and line.r < -0.9 and line.is_found and line.p < 0.01
    # Of 60 slow units the best one reaches a good deal by chance, on the text it was chosen on above all
    assert noise.feature == "noise" and not noise.is_found and noise.bound > 0.1
    assert abs(noise.r_chosen) > abs(noise.r) and noise.p > 0.05


def test_correlation_is_pearsons() -> None:
    random = np.random.default_rng(3)
    units_ND, features_NQ = random.normal(size=(500, 4)), random.normal(size=(500, 2)) + 100
    units_ND[:, 3] = 1.5  # never changes
    found_DQ = correlations(units_ND, features_NQ)
    for d in range(3):
        for q in range(2):
            assert found_DQ[d, q] == pytest.approx(np.corrcoef(units_ND[:, d], features_NQ[:, q])[0, 1], abs=1e-5)
    assert (found_DQ[3] == 0).all()


def test_a_short_text_is_refused() -> None:
    short = np.zeros((999, 2))
    with pytest.raises(UserError, match=r"999 characters\) must have at least 1,000"):
        find_followers(short, {}, short, {})


def test_features_of_a_play() -> None:
    text = 'ROMEO:\nSay "ay (no)\nor".\n\nNURSE:\nAy.\n'
    features = text_features(text)
    assert features["characters since the line began"][:9].tolist() == [1, 2, 3, 4, 5, 6, 0, 1, 2]
    assert features["characters until the line ends"][:8].tolist() == [6, 5, 4, 3, 2, 1, 0, 12]
    assert features["letters of the word so far"][:11].tolist() == [1, 2, 3, 4, 5, 0, 0, 1, 2, 3, 0]
    head = features["in the first line of a part, before its colon"]
    assert "".join(c for c, inside in zip(text, head, strict=True) if inside) == "ROMEONURSE"
    quoted = features["inside quotation marks"]
    assert "".join(c for c, inside in zip(text, quoted, strict=True) if inside) == '"ay (no)\nor'
    bracketed = features["inside brackets"]
    assert "".join(c for c, inside in zip(text, bracketed, strict=True) if inside) == "(no"
    assert features["lines since an empty one"][[0, 7, 20, 26, 33]].tolist() == [0, 1, 2, 0, 1]
    assert "inside brackets" in absent_features("no such\n") and not absent_features(text)
