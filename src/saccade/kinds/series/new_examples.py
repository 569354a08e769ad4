"""Tables of series that a trained network is asked about, read as those of its dataset were.

Shapes: T steps, F features.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from saccade.core.errors import UserError
from saccade.core.messages import pluralise
from saccade.data.spec import Spec
from saccade.data.time_formats import NUMBER
from saccade.io.time_detection import TimeOptions
from saccade.kinds import NewExample, NewExamples, Reading
from saccade.kinds.series.arrays import padded
from saccade.kinds.series.reading.labelled_files import NotesOfFiles
from saccade.kinds.series.reading.labelled_rows import LabelledRows
from saccade.kinds.series.reading.long_table import read_long_table
from saccade.kinds.series.reading.number_table import read_numbers
from saccade.kinds.series.reading.regular import RegularSeries, regular_series
from saccade.kinds.series.reading.row_files import RowOptions, read_row_files
from saccade.readers.examples import FileSeries
from saccade.tables.table_format import TableFormat

_BATCH = 4096  # series that are held at once


def read_files(reading: Reading) -> NewExamples:
    """Labelled series, a file each, or many in a file where the source's files hold many.

    Args:
        reading: files of the form of the dataset's.

    Returns:
        The series; all files are read before the first is answered, so that a wrong one stops before anything is told.

    Raises:
        UserError: a file is not there or no such series, with its line.
    """
    spec, found, cut, said = reading.spec, [], 0, NotesOfFiles()
    for place, series in _new_series(reading):
        one = _regular(reading, series)
        name = series.name
        step, steps = one.calendar.step if one.calendar else "", len(one.values)
        if step != spec.step:
            has, must = (f"a row every {each}" if each else "no times" for each in (step, spec.step))
            raise UserError(f"{name} must have {must}, as in training, but has {has}")
        is_cut = spec.is_padded or reading.preprocess.get("length") is not None
        if (steps < spec.shape[0] and not spec.is_padded) or (steps > spec.shape[0] and not is_cut):
            raise UserError(f"{name} must have {spec.shape[0]:,} steps, as all had in training, but has {steps:,}")
        cut += steps > spec.shape[0]
        values_TF = padded(one.values[: spec.shape[0]], spec.shape[0])
        found.append(NewExample(name, place, values_TF))
        said.add(one, with_form=False)
    warnings = said.lines()
    if cut:
        what = f"{len(found):,} series" if reading.holds else pluralise(len(found), "file")
        warnings.append(f"{cut:,} of {what} read up to step {spec.shape[0]:,}, as in training")
    return NewExamples(
        "series",
        [each.name for each in found],
        _batches(found),
        len(found),
        warnings=warnings,
        files=reading.paths,
        columns={"path": str, "series": int} if reading.holds else {"path": str},
        pick=lambda numbers: _batches([found[i] for i in numbers]),
    )


def _new_series(reading: Reading) -> Iterator[tuple[dict[str, Any], FileSeries]]:
    """Each series of each file, and what says which one it is in JSON."""
    for path in reading.paths:
        if not reading.holds:
            series = _read_table(reading.here / path, path, reading.spec, reading.source, first_is_time=False)
            yield {"path": path}, series
            continue
        for rows in _read_rows(reading, path):
            if rows.features != reading.spec.features:
                raise UserError(
                    f"{path} must hold {', '.join(reading.spec.features)}, as in training, but holds "
                    f"{', '.join(rows.features)}"
                )
            for i in range(len(rows.names)):
                yield {"path": path, "series": i}, rows.series(i)


def _read_rows(reading: Reading, path: str) -> list[LabelledRows]:
    """The series of a file that holds many; labels may be there, and are not looked at."""
    file, source, spec = reading.here / path, reading.source, reading.spec
    if not file.is_file():
        raise UserError(f"{path} must be a file, but there is none")
    form = TableFormat.from_arguments(source)
    if reading.holds == "long table":
        rows = read_long_table(
            file,
            path,
            series_column=source["series_column"],
            label_column=None,
            time_column=source.get("time_column"),
            value_columns=spec.features,
            time_options=time_options(spec, source),
            form=form,
        )
        return [rows]
    options = RowOptions(
        source.get("label_column"),
        source.get("split_column"),
        source.get("value_columns"),
        source.get("steps_axis"),
        form,
    )
    return [rows for rows, _ in read_row_files([(file, path)], options, new_steps=spec.shape[0])]


def _regular(reading: Reading, series: FileSeries) -> RegularSeries:
    """A series at regular times, its holes filled as those of the dataset were."""
    return regular_series(
        series,
        reading.preprocess.get("missing", "error"),
        on_repeat=reading.preprocess.get("on_repeat", "error"),
        longest_gap=reading.preprocess.get("longest_gap"),
    )


def _read_table(path: Path, name: str, spec: Spec, source: Any, *, first_is_time: bool) -> FileSeries:
    if not path.is_file():
        raise UserError(f"{name} must be a table, but there is none")
    return read_numbers(
        path,
        name,
        time_column=source.get("time_column"),
        value_columns=spec.features,
        first_is_time=first_is_time,
        time_options=time_options(spec, source),
        form=TableFormat.from_arguments(source),
    )


def time_options(spec: Spec, source: Any) -> TimeOptions:
    """How the times of the dataset are written; plain numbers stay numbers where its step is one."""
    form = source.get("time_format")
    if form is None and re.fullmatch(r"[\d.]+", spec.step):
        form = NUMBER
    return TimeOptions(form, source.get("day_first"), source.get("time_zone"), step=spec.step or None)


def _batches(found: Sequence[NewExample]) -> Iterator[Sequence[NewExample]]:
    for start in range(0, len(found), _BATCH):
        yield found[start : start + _BATCH]
