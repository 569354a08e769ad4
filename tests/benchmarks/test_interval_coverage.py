"""The simulation of benchmarks/interval_coverage.py in small: it tells methods that hold the truth from others."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))  # its files import each other by bare names

from interval_coverage import Case, classes, exact_coverage, groups, losses, simulated_coverage


def test_what_is_exact_is_what_the_outcomes_say() -> None:
    assert exact_coverage(0.99, 50) == pytest.approx(0.9106, abs=1e-4)  # 48, 49 or 50 of 50 right
    assert exact_coverage(0.9, 269) == pytest.approx(0.9476, abs=1e-4)


@pytest.mark.parametrize(
    ("case", "method", "other"),
    [
        (
            classes([0.8, 0.95], [5, 200]),
            "balanced accuracy, stratified Wilson",
            "balanced accuracy, stratified bootstrap",
        ),
        (groups(20, 0.9, 0.2), "accuracy, Wilson of the effective number", "accuracy, Wilson as if independent"),
        (losses(50, 0.1), "loss, studentised bootstrap", "loss, expanded percentiles"),
    ],
)
def test_what_is_used_holds_the_true_value_more_often(case: Case, method: str, other: str) -> None:
    found = simulated_coverage(case, 60)
    assert found[method][0] >= 0.85 and found[method][0] >= found[other][0]
    assert all(held + above + below == pytest.approx(1) for held, above, below, _ in found.values())
