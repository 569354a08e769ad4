"""Tables that a forecast goes on with: what is known of the days to come, and what is said of what is not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.data.forecast_inputs import ForecastInputs, SeriesScale
from saccade.data.spec import Spec
from saccade.kinds import Reading
from saccade.kinds.series.to_continue import read_to_continue

W, H = 3, 2
SALES = "day,sales\n" + "".join(f"2024-12-{day},{day}\n" for day in range(26, 31))


def reading(folder: Path, text: str, inputs: ForecastInputs, **preprocess: Any) -> Reading:
    (folder / "a.csv").write_text(text, encoding="utf-8")
    targets = tuple(f"{inputs.measured[0]} +{step}" for step in (1, 2))
    spec = Spec("series", (W, len(inputs.features)), targets=targets, features=inputs.features, step="1 day", horizon=H)
    return Reading("run", spec=Spec(**vars(spec) | {"inputs": inputs}), here=folder, preprocess=preprocess)


def test_holidays_that_were_named_since_count_and_missing_ones_are_told(tmp_path: Path) -> None:
    inputs = ForecastInputs(("sales",), holidays=("2024-12-26",), shifts=(2,))
    (found,), warnings = read_to_continue(reading(tmp_path, SALES, inputs, holidays=["2025-01-01"]), "a.csv")
    assert found.known[:, 0].tolist() == [1, 0, 0, 0, 0, 0, 1] and warnings == []  # the forecast ends with New Year
    (found,), warnings = read_to_continue(reading(tmp_path, SALES, inputs, holidays=["2024-12-26"]), "a.csv")
    assert found.known[:, 0].tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert warnings == [
        "no holidays of 2025 are named, so none is taken to be there; add them to preprocess.holidays (the last is "
        "2024-12-26)"
    ]


def test_series_that_are_too_short_are_left_out_and_new_ones_told(tmp_path: Path) -> None:
    scales = (SeriesScale("a", (1.0,), (2.0,)),)
    inputs = ForecastInputs(("sales",), scales=scales, series_column="shop")
    rows = [f"2024-12-{day},{shop},{day}" for shop in "ab" for day in range(26, 31)] + ["2024-12-30,c,1"]
    found, warnings = read_to_continue(reading(tmp_path, "\n".join(["day,shop,sales", *rows]), inputs), "a.csv")
    assert [one.name for one in found] == ["a", "b"]
    assert warnings == [
        "1 forecast left out, of series shorter than the 3 steps that the network sees: c (1 row)",
        "not seen in training, so their mean and deviation are those of the rows given: b",
    ]
    np.testing.assert_array_equal(found[1].regular.values[:, 0], np.arange(26, 31))
    rows = ["2024-12-29,a,1", "2024-12-30,a,2"]
    with pytest.raises(
        UserError, match=r"a\.csv, shop a and all others have fewer rows than the 3 that the network sees"
    ):
        read_to_continue(reading(tmp_path, "\n".join(["day,shop,sales", *rows]), inputs), "a.csv")
