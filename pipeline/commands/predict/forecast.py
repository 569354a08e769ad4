"""``saccade predict RUN FILE.csv`` of a run that forecasts: the next steps as a table, as JSON lines, as a picture."""

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import paths
from pipeline.commands.predict.series import read_file
from pipeline.console import say
from saccade.core.errors import UserError
from saccade.kinds.series.figures import Shown, draw_forecasts, targets_to_draw
from saccade.kinds.series.regular import regular_series
from saccade.predict.forecast import Forecast, forecast
from saccade.predict.predictor import Predictor

if TYPE_CHECKING:
    from pipeline.commands.predict.command import Asked
    from pipeline.params.load import DatasetBlock

_DIGITS = 6


def predict_forecast(run: str, predictor: Predictor, asked: "Asked", *, here: Path, dataset: "DatasetBlock") -> None:
    """Forecast what comes after the end of a series, print it and draw it.

    Args:
        run: key in ``runs:``.
        predictor: its network.
        asked: with one path, of a CSV file of the form of the dataset's; in JSON, a picture is drawn only where ``out``
            is given.
        here: the folder that it is relative to; we stand in the tree.
        dataset: the run's, which says how the file is read: column of times, encoding, what is missing.

    Raises:
        UserError: not one file; or it is no such series, with its line.
    """
    if asked.out is not None and asked.out.suffix.lower() != ".png":
        raise UserError(f"--out ({asked.out}) must end with .png")
    if len(asked.paths) != 1:
        raise UserError(f"{run} forecasts one series at a time, but {len(asked.paths)} files are named")
    with contextlib.chdir(here):
        series = read_file(asked.paths[0], predictor.spec, dataset.source, first_is_time=True)
    ahead = forecast(predictor, regular_series(series, dataset.preprocess.missing))
    for line in _json_lines(ahead) if asked.as_json else _table(ahead):
        say(line)
    if asked.out is not None or not asked.as_json:
        picture = asked.out or paths.report(f"{run}-forecast.png")
        _draw(ahead, picture)
        if not asked.as_json:
            say(f"drawn: {picture}")


def _json_lines(ahead: Forecast) -> Iterable[str]:
    for h, time in enumerate(ahead.times):
        targets = {}
        for g, target in enumerate(ahead.targets):
            numbers = {"forecast": ahead.values, "low": ahead.low, "high": ahead.high}
            targets[target] = {
                name: float(f"{values_HG[h, g]:.{_DIGITS}g}")
                for name, values_HG in numbers.items()
                if values_HG is not None
            }
        yield json.dumps({"time": time, "step": h + 1, "targets": targets})


def _table(ahead: Forecast) -> Iterable[str]:
    """The header and a line a step, columns aligned."""
    from rich.cells import cell_len

    rows = [["time", *(title for target in ahead.targets for title in _titles(target, ahead.share))]]
    for h, time in enumerate(ahead.times):
        cells = [time]
        for g in range(len(ahead.targets)):
            ends = [end_HG[h, g] for end_HG in (ahead.low, ahead.high) if end_HG is not None]
            cells += [f"{value:.{_DIGITS}g}" for value in (ahead.values[h, g], *ends)]
        rows.append(cells)
    widths = [max(cell_len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        padded = (" " * (width - cell_len(cell)) + cell for cell, width in zip(row[1:], widths[1:], strict=True))
        yield "  ".join([row[0] + " " * (widths[0] - cell_len(row[0])), *padded])


def _titles(target: str, share: float | None) -> list[str]:
    if share is None:
        return [target]
    return [target, *(f"{100 * quantile:.3g} %" for quantile in ((1 - share) / 2, (1 + share) / 2))]


def _draw(ahead: Forecast, picture: Path) -> None:
    shown = []
    for g, target in enumerate(targets_to_draw(ahead.targets)):
        ends = [None if end_HG is None else end_HG[:, g] for end_HG in (ahead.low, ahead.high)]
        shown.append(
            Shown(
                title=f"{target} from {ahead.times[0]} to {ahead.times[-1]}",
                times=[*ahead.input_times, *ahead.times],
                before=ahead.inputs[:, g],
                forecast=ahead.values[:, g],
                low=ends[0],
                high=ends[1],
            )
        )
    draw_forecasts(shown, picture, columns=1, share=ahead.share)
