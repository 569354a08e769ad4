"""The dataset report of series: to forecast, and of labelled files.

Shapes: T steps, F features.
"""

import base64
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cut_series import cut_series
from PIL import Image

from saccade.data.forecast_inputs import ForecastInputs
from saccade.display.style import BLUE, ORANGE
from saccade.kinds import Prepared
from saccade.kinds.series.arrays import series_arrays
from saccade.kinds.series.forecasting.covariates import Filling, series_inputs
from saccade.kinds.series.forecasting.examples import ForecastData, cut_all
from saccade.kinds.series.forecasting.windows import WindowSpec
from saccade.kinds.series.page.checked import CheckedSeries
from saccade.kinds.series.page.figures import GREEN
from saccade.kinds.series.page.forecasts import forecast_sections
from saccade.kinds.series.page.labelled_series import labelled_series_sections
from saccade.kinds.series.page.panels import panel_sections
from saccade.kinds.series.reading.labelled_files import check_files
from saccade.kinds.series.reading.regular import regular_series
from saccade.prepare.arrays import rows_of_splits, write_arrays
from saccade.readers.examples import FileSeries, LongSeries, SeriesFiles
from saccade.report.dataset_page import SAMPLES, write_dataset_page

T = 240


def forecast_data(*, holes: tuple[tuple[int, int], ...] = (), shift: float = 0.0, **options: Any) -> ForecastData:
    random = np.random.default_rng(4)
    wave_T = np.sin(2 * np.pi * np.arange(T) / 8)
    values_TF = np.stack([10 + 3 * wave_T + 0.2 * random.normal(size=T), random.normal(size=T)], axis=1)
    values_TF[200:, 0] += shift
    for step, feature in holes:
        values_TF[step, feature] = np.nan
    series = FileSeries(
        "a.csv", ("<b>level</b>", "wind"), values_TF, range(2, T + 2), "day", [str(i) for i in range(T)]
    )
    regular = regular_series(series, "interpolate")
    return cut_series(regular, ("<b>level</b>",), WindowSpec(16, 4), test=0.2, validation=0.15, **options)


def reported(folder: Path, data: ForecastData) -> tuple[str, str]:
    """(report.html, summary.md)."""
    (folder / "prepared").mkdir()
    (folder / "report").mkdir()
    builder, rows_of = series_arrays(data.examples), rows_of_splits(data.splits)
    info = write_arrays(folder / "prepared", builder, rows_of, timeline=data.timeline)
    sections = forecast_sections(info, folder / "prepared", data, folder / "report" / SAMPLES)
    write_dataset_page(folder / "report", "levels", Prepared(info, sections, things="windows", notes=data.notes))
    return tuple((folder / "report" / name).read_text(encoding="utf-8") for name in ("report.html", "summary.md"))  # type: ignore[return-value]


def pictures(page: str) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB")) for one in found]


def has_colour(picture: np.ndarray, hex_colour: str) -> bool:
    wanted = np.array([int(hex_colour[i : i + 2], 16) for i in (1, 3, 5)])
    return bool((np.abs(picture.astype(int) - wanted).max(axis=2) <= 3).sum() >= 100)


def test_the_series_is_drawn_with_its_parts_in_colour(tmp_path: Path) -> None:
    page, summary = reported(tmp_path, forecast_data())
    drawn = pictures(page)
    assert len(drawn) == 4  # parts, windows, values, autocorrelation
    assert all(has_colour(drawn[0], colour) for colour in (BLUE, GREEN, ORANGE))
    with Image.open(tmp_path / "report" / "samples.png") as samples:
        np.testing.assert_array_equal(np.asarray(samples.convert("RGB")), drawn[0])
    # 48 steps of test, 36 of validation, gaps of 16 before each
    for row in (
        "| train | 124 | 0 | 123 | 105 |",
        "| validation | 36 | 140 | 175 | 33 |",
        "| test | 48 | 192 | 239 | 45 |",
        "38 of 221 windows are in no split: 38 across the border of a part.",
        "| Season | 8 steps, found in the autocorrelation of the training part |  |",
        "| Missing values | none |  |",
    ):
        assert row in summary, row
    assert "![examples](samples.png)" in summary and "| windows | 16 × 2 |" in summary


def test_names_from_the_file_are_shown_harmlessly(tmp_path: Path) -> None:
    page, summary = reported(tmp_path, forecast_data())
    assert "<b>level" not in page and "&lt;b&gt;level" in page and "<b>" not in summary.replace("\\<b\\>", "")


def test_what_was_filled_in_is_counted(tmp_path: Path) -> None:
    _, summary = reported(tmp_path, forecast_data(holes=((30, 0), (31, 0), (33, 0), (80, 1))))
    assert "4 of 480 values (0.8 %) were missing, and straight lines were drawn over them" in summary
    assert re.search(r"level\S* \| 3 \| 2 \|", summary) and "| wind | 1 | 1 |" in summary
    assert "| Missing values | 4 interpolated |  |" in summary


def test_a_test_part_where_training_has_hardly_been_asks_for_a_look(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert re.search(
        r"\| Values \| test 0\.\d\d deviations \w+ training at most \|  \|",
        reported(tmp_path / "a", forecast_data())[1],
    )
    _, summary = reported(tmp_path / "b", forecast_data(shift=20.0))
    assert re.search(r"\| Values \| test [5-9]\.\d\d deviations above training at most \| look \|", summary)
    assert "lies where training has hardly been" in summary


def test_a_given_season_and_none(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert "| Season | 5 steps, given |  |" in reported(tmp_path / "a", forecast_data(season=5))[1]
    data = forecast_data()
    values = np.random.default_rng(0).normal(size=(T, 1))
    noise = regular_series(
        FileSeries("a.csv", ("x",), values, range(2, T + 2), "day", [str(i) for i in range(T)]), "error"
    )
    _, summary = reported(tmp_path / "b", cut_series(noise, ("x",), data.cut, test=0.2, validation=0.15))
    assert "| Season | none found |  |" in summary and "`preprocess.season` names one" in summary


def test_the_same_series_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert reported(tmp_path / "a", forecast_data()) == reported(tmp_path / "b", forecast_data())


@pytest.mark.parametrize("num_classes", [2, 15])
def test_labelled_series_are_drawn_class_by_class(tmp_path: Path, num_classes: int) -> None:
    random = np.random.default_rng(2)
    N = 6 * num_classes
    values = [random.normal(size=(9 + i % 2, 2)) if i else np.ones((9, 2)) for i in range(N)]
    copy = 1 + num_classes
    values[copy][:9] = values[1][:9]  # one is longer, for 15 classes; what is cut off does not count
    files = [FileSeries(f"{i}.csv", ("x", "y"), values[i], range(2, 13)) for i in range(N)]
    source = SeriesFiles(
        classes=tuple(f"<i>{k}</i>" for k in range(num_classes)),
        labels=np.arange(N) % num_classes,
        load=files.__getitem__,
        ids=[str(i) for i in range(N)],
        names=[file.name for file in files],
    )
    found = check_files(source, length=9, missing="error")
    splits_N = np.array(["train"] * 4 * num_classes + ["validation"] * num_classes + ["test"] * num_classes)
    (tmp_path / "prepared").mkdir()
    (tmp_path / "report").mkdir()
    info = write_arrays(tmp_path / "prepared", series_arrays(found.examples), rows_of_splits(splits_N))
    checked = CheckedSeries(source.names, found, splits_N)
    sections = labelled_series_sections(info, tmp_path / "prepared", checked, tmp_path / "report" / SAMPLES)
    write_dataset_page(tmp_path / "report", "gestures", Prepared(info, sections, notes=checked.notes))
    page, summary = ((tmp_path / "report" / name).read_text("utf-8") for name in ("report.html", "summary.md"))
    (drawn,) = pictures(page)
    assert ((drawn[..., 2].astype(int) - drawn[..., 0]) > 60).sum() > 1000  # lines, half transparent over each other
    assert "<i>" not in page
    assert f"| Lengths | {N // 2} cut to 9 steps |  |" in summary
    assert "| Series that never change | 1 | look |" in summary and "| 0.csv |" in summary
    assert f"1.csv, {copy}.csv" in summary and "| Equal files | 1, kept in one split |  |" in summary
    assert ("12 of 15 classes are drawn" in summary) == (num_classes == 15)


def test_several_series_are_drawn_and_listed_with_what_is_known_of_them(tmp_path: Path) -> None:
    inputs = ForecastInputs(("level",), ("<i>plan</i>",), shifts=(4,), series_column="shop")
    random, shops = np.random.default_rng(1), []
    for name, steps in (("<b>a</b>", 200), ("b", 240), ("tiny", 20)):
        plan_T = random.integers(0, 2, steps)
        values = np.stack([10 + random.normal(size=steps) + plan_T, plan_T], axis=1)
        times = [str(i) for i in range(steps)]
        series = FileSeries(f"a.csv, shop {name}", ("level", "<i>plan</i>"), values, range(2, steps + 2), "day", times)
        long = LongSeries(series, ("level",), known=("<i>plan</i>",), name=name)
        shops.append(series_inputs(long, inputs, Filling()))
    data = cut_all(shops, ("level",), WindowSpec(16, 4), inputs, test=0.2, validation=0.15)
    (tmp_path / "prepared").mkdir()
    (tmp_path / "report").mkdir()
    builder, rows_of = series_arrays(data.examples), rows_of_splits(data.splits)
    info = write_arrays(tmp_path / "prepared", builder, rows_of, timeline=data.timeline)
    sections = panel_sections(info, tmp_path / "prepared", data, tmp_path / "report" / SAMPLES)
    write_dataset_page(tmp_path / "report", "shops", Prepared(info, sections, things="windows", notes=data.notes))
    page, summary = ((tmp_path / "report" / name).read_text("utf-8") for name in ("report.html", "summary.md"))
    drawn = pictures(page)
    assert len(drawn) == 2 and all(has_colour(drawn[0], colour) for colour in (BLUE, GREEN, ORANGE))
    assert "<i>plan" not in page and "<b>a" not in page
    for fact in (
        "2 of 200 to 240 steps of 1",
        "1 of 3 series left out, too short for a window in each part: tiny (20 rows)",
        "| 240 | 0 | 239 |",
        "known ahead, at each step and 4 steps later",
        "| What a network is shown | 3 numbers a step |",
        "| Missing values | none |",
    ):
        assert fact in summary, fact
