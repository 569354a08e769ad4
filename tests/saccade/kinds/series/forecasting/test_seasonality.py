"""Seasons, from the autocorrelation.

Shapes: T steps.
"""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from saccade.kinds.series.forecasting.seasonality import autocorrelation, find_season


def test_the_autocorrelation_is_that_of_its_formula() -> None:
    x_T = np.random.default_rng(0).normal(size=97).cumsum()
    time_T = np.arange(97)
    left_T = x_T - np.polyval(np.polyfit(time_T, x_T, 1), time_T)  # numpy takes the trend away
    full = np.correlate(left_T, left_T, "full")[96:] / (left_T @ left_T)
    np.testing.assert_allclose(autocorrelation(x_T, 60), full[:61], rtol=1e-9, atol=1e-12)


def test_a_straight_line_is_like_itself_nowhere() -> None:
    assert autocorrelation(np.arange(50) * 3.0 + 1e6, 10).tolist() == [0] * 11


@pytest.mark.parametrize("season", [2, 3, 7, 12, 24, 52])
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_what_repeats_is_found_also_under_noise_and_a_trend(season: int, noise: float) -> None:
    random = np.random.default_rng(season)
    pattern = random.normal(size=season)
    pattern += 2 * np.cos(2 * np.pi * np.arange(season) / season)  # one tide; else parts of it repeat by chance
    for _ in range(5):
        values_T = np.tile(pattern, 40) + noise * random.normal(size=40 * season) + 0.02 * np.arange(40 * season)
        assert find_season(values_T, 3 * season + 2) == season


def test_of_a_season_and_its_multiples_the_season_counts_whichever_chance_lifts() -> None:
    random = np.random.default_rng(3)
    wave_T = np.sin(2 * np.pi * np.arange(1000) / 12)
    assert [find_season(wave_T + 0.7 * random.normal(size=1000), 50) for _ in range(20)] == [12] * 20


def test_what_does_not_repeat_has_no_season() -> None:
    random = np.random.default_rng(1)
    assert [find_season(random.normal(size=n), 24) for n in (60, 60, 200, 200, 2000)] == [None] * 5
    assert [find_season(random.normal(size=500).cumsum(), 50) for _ in range(5)] == [None] * 5  # a random walk
    assert find_season(np.arange(100.0), 20) is None and find_season(np.ones(100), 20) is None
    assert find_season(np.array([1.0, 2.0]), 20) is None


def test_a_season_that_is_longer_than_allowed_is_not_found() -> None:
    wave_T = np.sin(2 * np.pi * np.arange(600) / 30)
    assert find_season(wave_T, 30) == 30 and find_season(wave_T, 29) is None


def test_eleven_years_of_sunspots(real_data: Callable[[str], Path]) -> None:
    with real_data("monthly-sunspots.csv").open(newline="") as file:
        values_T = np.array([float(row["Sunspots"]) for row in csv.DictReader(file)])
    season = find_season(values_T[:1710], 132)
    assert season is not None and 10.4 < season / 12 < 11.1  # the cycles before 1892 lasted 10.9 years on average
