"""``saccade predict RUN FILE.csv...`` of a run that classifies series; and how files of series are read for it."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from pipeline.commands.predict.answers import AnswerTable, best, json_line
from pipeline.console import pluralise, say, warn
from pipeline.schema.named import NamedBlock
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.kinds.series.number_table import read_numbers
from saccade.kinds.series.regular import regular_series
from saccade.predict.predictor import Predictor
from saccade.readers.examples import FileSeries

if TYPE_CHECKING:
    from pipeline.commands.predict.command import Asked
    from pipeline.params.load import DatasetBlock


def predict_series(
    run: str, predictor: Predictor, asked: "Asked", *, here: Path, dataset: "DatasetBlock", batch_size: int
) -> None:
    """Classify series, a file each, and print what came out.

    Args:
        run: key in ``runs:``.
        predictor: its network.
        asked: with paths of CSV files of the form of the dataset's.
        here: the folder that they are relative to; we stand in the tree.
        dataset: the run's, which says how files are read and what is done about their length and holes.
        batch_size: of ``evaluate:``; the same answers as there.

    Raises:
        UserError: a file is not there or no such series, with its line.
    """
    spec, series, cut = predictor.spec, [], 0
    for path in asked.paths:
        with contextlib.chdir(here):
            one = regular_series(read_file(path, spec, dataset.source, first_is_time=False), dataset.preprocess.missing)
        step, steps = one.calendar.step if one.calendar else "", len(one.values)
        if step != spec.step:
            raise UserError(f"{path} must have a row every {spec.step}, as in training, but has one every {step}")
        if steps < spec.shape[0] or (steps > spec.shape[0] and dataset.preprocess.length is None):
            raise UserError(f"{path} must have {spec.shape[0]:,} steps, as all had in training, but has {steps:,}")
        cut += steps > spec.shape[0]
        series.append(torch.from_numpy(one.values[: spec.shape[0]]))
    top = min(asked.top or (len(spec.classes) if asked.as_json else 1), len(spec.classes))
    table = None if asked.as_json else AnswerTable("series", asked.paths, spec.classes, top)
    if table:
        say(table.header)
    for path, p_K in zip(asked.paths, predictor.outputs(torch.stack(series), batch_size), strict=True):
        found = best(p_K, spec.classes, top)
        say(table.row(path, found) if table else json_line({"path": path}, found))
    if cut:
        warn(f"{cut:,} of {pluralise(len(series), 'file')} read up to step {spec.shape[0]:,}, as in training")


def read_file(path: str, spec: Spec, source: NamedBlock, *, first_is_time: bool) -> FileSeries:
    """Read a CSV file as the run's dataset was read, with the columns that the network takes.

    Args:
        path: of the file.
        spec: of the network.
        source: of the dataset, for its column of times and its encoding.
        first_is_time: the first column holds the times where the source names none.

    Returns:
        The series.

    Raises:
        UserError: there is no such file, or it is no such table, with its line.
    """
    if not Path(path).is_file():
        raise UserError(f"{path} must be a CSV file, but there is none")
    arguments = source.arguments
    return read_numbers(
        Path(path),
        path,
        time_column=arguments.get("time_column"),
        value_columns=spec.features,
        first_is_time=first_is_time,
        time_format=arguments.get("time_format"),
        encoding=arguments.get("encoding", "utf-8"),
    )
