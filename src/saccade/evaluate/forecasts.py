"""Errors of forecasts that can be compared between series: in the data's own unit, scaled, and in per cent.

Shapes: N windows, H steps to forecast, G targets, O = H * G numbers to predict.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.core.files import replacing_file
from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.data.timeline import Timeline
from saccade.display.style import BLUE, GREY, ORANGE, new_figure, save_figure, shorten, style

_MAX_DRAWN = 40  # series
_DOTS = {"persistence": (GREY, "v"), "seasonal": (GREY, "s"), "ridge": (ORANGE, "D")}


@dataclass(frozen=True)
class OwnUnit:
    """From what is stored of several series, each in units of its own deviation, to the data's own unit.

    Attributes:
        mean: mean of the series of each window, float64 (N, G); None where values are stored as they are.
        std: standard deviation of the series of each window, float64 (N, G); None likewise.
    """

    mean: np.ndarray | None = None
    std: np.ndarray | None = None

    @classmethod
    def of(cls, test: Split, spec: Spec, timeline: Timeline | None) -> "OwnUnit":
        """The unit of each window of a split.

        Args:
            test: the split.
            spec: spec of the dataset.
            timeline: timeline of the dataset; None: values are stored as they are.

        Returns:
            What restores them.
        """
        if timeline is None or not timeline.panel or not spec.horizon:
            return cls()
        series_N = [timeline.series_of(int(window)) for window in test.rows]
        mean_SG, std_SG = (np.array([getattr(one, what) for one in timeline.panel]) for what in ("mean", "std"))
        return cls(mean_SG[series_N], std_SG[series_N])

    def restore(self, values_NO: np.ndarray) -> np.ndarray:
        """Numbers to predict in the data's own unit, (N, O)."""
        if self.mean is None or self.std is None:
            return values_NO
        steps = values_NO.shape[1] // self.mean.shape[1]
        restored: np.ndarray = values_NO * np.tile(self.std, steps) + np.tile(self.mean, steps)
        return restored

    def restore_input(self, values_W: np.ndarray, window: int, target: int) -> np.ndarray:
        """Inputs of one window and target in the data's own unit, (W,)."""
        if self.mean is None or self.std is None:
            return values_W
        restored: np.ndarray = values_W * self.std[window, target] + self.mean[window, target]
        return restored


def smape(answers_NO: np.ndarray, truth_NO: np.ndarray) -> float:
    """Symmetric mean absolute percentage error, in [0, 200] per cent; where both are 0, the error is 0.

        100 * mean of 2 |y - f| / (|y| + |f|)

    Args:
        answers_NO: forecasts f, float.
        truth_NO: what came, y, float.

    Returns:
        The mean over all windows, steps and targets.

    Source: S. Makridakis et al., "The M4 Competition", 2020.

    >>> smape(np.array([[110.0, 0.0]]), np.array([[90.0, 0.0]]))
    10.0
    """
    return float(smape_terms(answers_NO, truth_NO).mean())


def smape_terms(answers_NO: np.ndarray, truth_NO: np.ndarray) -> np.ndarray:
    """What ``smape`` is the mean of, float64 (N, O)."""
    size_NO = np.abs(answers_NO) + np.abs(truth_NO)
    error_NO = np.abs(answers_NO - truth_NO)
    terms_NO: np.ndarray = 200 * np.divide(error_NO, size_NO, out=np.zeros_like(size_NO), where=size_NO > 0)
    return terms_NO


def naive_errors(windows_N: np.ndarray, spec: Spec, timeline: Timeline | None) -> np.ndarray | None:
    """The error of the naive forecast on the training part of each window's series, which MASE divides by.

    Args:
        windows_N: numbers of windows, int64.
        spec: spec of the dataset.
        timeline: timeline of the dataset.

    Returns:
        float64 (N, O), NaN where it is 0 or unknown; None where nobody has measured it.
    """
    if timeline is None or not (timeline.panel or timeline.naive_mae):
        return None
    each = [one.naive_mae for one in timeline.panel] or [timeline.naive_mae]
    errors_SG = np.array([[error or np.nan for error in errors] for errors in each], dtype=np.float64)
    series_N = [timeline.series_of(int(window)) if timeline.panel else 0 for window in windows_N]
    return np.tile(errors_SG[series_N], spec.horizon)


def mean_scaled_error(errors_NO: np.ndarray, naive_NO: np.ndarray) -> float | None:
    """MASE: the mean of absolute errors, each over that of the naive forecast on the training part of its series.

    Below 1, forecasts are better than the naive one was there, one step (or one season) ahead.

    Args:
        errors_NO: forecast less truth, float.
        naive_NO: from ``naive_errors``.

    Returns:
        The mean over what can be scaled; None where nothing can.

    Source: R. Hyndman, A. Koehler, "Another look at measures of forecast accuracy", 2006.

    >>> mean_scaled_error(np.array([[1.0, -3.0]]), np.array([[2.0, np.nan]]))
    0.5
    """
    is_known_NO = ~np.isnan(naive_NO)
    return float((np.abs(errors_NO)[is_known_NO] / naive_NO[is_known_NO]).mean()) if is_known_NO.any() else None


def write_by_series(
    folder: Path,
    answers: Mapping[str, np.ndarray],
    truth_NO: np.ndarray,
    windows_N: np.ndarray,
    naive_NO: np.ndarray | None,
    timeline: Timeline,
) -> None:
    """Write by_series.csv, a row a series, and by_series.png.

    Args:
        folder: gets the files.
        answers: name to forecasts, float (N, O), the network's first.
        truth_NO: what came, float.
        windows_N: numbers of the windows, int64.
        naive_NO: from ``naive_errors``; None: there is no MASE.
        timeline: timeline of the dataset.
    """
    series_N = np.array([timeline.series_of(int(window)) for window in windows_N])
    rows = []
    for series in np.unique(series_N).tolist():
        mine_N = series_N == series
        row: dict[str, str | int | float | None] = {"series": timeline.panel[series].name, "windows": int(mine_N.sum())}
        for name, answer_NO in answers.items():
            error_NO = answer_NO[mine_N] - truth_NO[mine_N]
            prefix = "" if name == "network" else f"{name}_"
            row[f"{prefix}mae"] = float(np.abs(error_NO).mean())
            if name == "network":
                row["rmse"] = float(np.sqrt(np.square(error_NO).mean()))
                row["smape"] = smape(answer_NO[mine_N], truth_NO[mine_N])
            if naive_NO is not None:
                row[f"{prefix}mase"] = mean_scaled_error(error_NO, naive_NO[mine_N])
        rows.append(row)
    with replacing_file(folder / "by_series.csv") as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows[0])
        for row in rows:
            writer.writerow(f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row.values())
    _draw_by_series(rows, list(answers), folder / "by_series.png")


def _draw_by_series(rows: list[dict[str, str | int | float | None]], names: list[str], path: Path) -> None:
    """A line a series, from the best to the worst: the error of the network and of each baseline."""
    has_mase = all(row.get("mase") is not None for row in rows)
    what = "mase" if has_mase else "mae"
    ordered = sorted(rows, key=lambda row: float(row[what] or 0))
    shown = [ordered[i] for i in np.unique(np.linspace(0, len(ordered) - 1, _MAX_DRAWN).round().astype(int))]
    with style():
        figure = new_figure(8, 0.28 * len(shown) + 1.7)
        axes = figure.add_subplot()
        for name in reversed(names):  # the network's dots lie on top
            key = what if name == "network" else f"{name}_{what}"
            color, marker = _DOTS.get(name, (BLUE, "o"))
            size = 40 if name == "network" else 18
            axes.scatter(
                [float(row[key] or 0) for row in shown], range(len(shown)), s=size, c=color, marker=marker, label=name
            )
        axes.set_yticks(range(len(shown)), [shorten(str(row["series"]), 30) for row in shown])
        axes.invert_yaxis()
        axes.set_xlim(left=0)
        axes.set_xlabel("mean absolute scaled error (MASE)" if has_mase else "mean absolute error")
        many = f", {len(shown)} of {len(rows):,}" if len(shown) < len(rows) else ""
        axes.set_title(f"Errors on the test split by series{many}")
        axes.grid(axis="x")
        figure.legend(loc="outside lower center", ncols=len(names), frameon=False)
        save_figure(figure, path)
