"""Series: check, cut, split and write; generated ones, files with a label each, and one long series to forecast."""

import shutil
from pathlib import Path

import numpy as np

from pipeline.console import Progress, pluralise, say, warn
from pipeline.schema.preprocess import PreprocessBlock
from pipeline.schema.split import SplitBlock
from pipeline.stages.preprocess.splits import assign, groups_of
from saccade.core.errors import UserError
from saccade.data.prepared import Description
from saccade.kinds.series.forecast_windows import ForecastData, cut_series
from saccade.kinds.series.labelled_files import check_files
from saccade.kinds.series.page.checked import CheckedSeries
from saccade.kinds.series.regular import regular_series
from saccade.kinds.series.windows import Cut
from saccade.prepare.groups import unit_keys
from saccade.prepare.write import write_prepared
from saccade.readers.examples import LongSeries, SeriesExamples, SeriesFiles
from saccade.report.dataset_page import write_dataset_report


def prepare_series(
    dataset: str,
    examples: SeriesExamples,
    split: SplitBlock,
    seed: int,
    folder: Path,
    report: Path,
    progress: Progress,
) -> Description:
    """Split and write sequences of one length, with numbers to predict or with classes."""
    labels_N, classes = examples.labels, examples.classes
    if not classes:
        labels_N, classes = np.zeros(len(labels_N), dtype=np.int64), ("all",)  # numbers: all are of one class
    keys = unit_keys(groups_of(examples, split) or examples.ids)
    splits_N = assign(examples, labels_N, classes, keys, split, seed)
    description = write_prepared(folder, examples, splits_N, progress=progress)
    write_dataset_report(report, dataset, folder, description)
    return description


def prepare_files(
    dataset: str,
    files: SeriesFiles,
    split: SplitBlock,
    block: PreprocessBlock,
    seed: int,
    folder: Path,
    report: Path,
    progress: Progress,
) -> Description:
    """Read all files, bring them to one length, split and write."""
    groups = groups_of(files, split)
    checked = check_files(
        files,
        length=block.length,
        missing=block.missing,
        on_conflict="quarantine" if block.on_conflict == "quarantine" else "error",
        published=files.published_splits if split.test == "given" else None,
        groups=groups,
        allow_leakage=split.allow_leakage,
        progress=progress,
    )
    for note in checked.notes:
        warn(f"{dataset}: {note}")
    if (cut := int((checked.lengths > checked.examples.series(0).shape[0]).sum())) > 0:
        say(f"{dataset}: {pluralise(cut, 'file')} longer than preprocess.length ({block.length}): the rest was cut off")
    if checked.filled.any():
        say(f"{dataset}: {pluralise(int(checked.filled.sum()), 'value')} missing and interpolated")
    keys = unit_keys(groups or files.ids, checked.same)
    splits_N = assign(checked.examples, files.labels, files.classes, keys, split, seed, left_out=checked.left_out)
    description = write_prepared(folder, checked.examples, splits_N, progress=progress)
    write_dataset_report(report, dataset, folder, description, CheckedSeries(files.names, checked, splits_N))
    return description


def prepare_forecast(
    dataset: str,
    series: LongSeries,
    split: SplitBlock,
    block: PreprocessBlock,
    folder: Path,
    report: Path,
    progress: Progress,
) -> Description:
    """Check a series, cut it into windows in order of time, and write them."""
    assert block.window is not None and block.horizon is not None and split.test != "given"
    regular = regular_series(series.series, block.missing)
    data = cut_series(
        regular,
        series.targets,
        Cut(block.window, block.horizon, block.stride or 1),
        test=split.test,
        validation=split.validation,
        train_fraction=split.train_fraction,
        season=block.season,
    )
    for line in _told(data):
        say(f"{dataset}: {line}")
    _refuse_full_disk(data, folder)
    description = write_prepared(folder, data.examples, data.splits, timeline=data.timeline, progress=progress)
    write_dataset_report(report, dataset, folder, description, data)
    return description


def _told(data: ForecastData) -> list[str]:
    """What was filled in and left out, a line each."""
    lines = []
    if filled := int(data.series.is_filled.sum()):
        rows = f", among them those of {pluralise(data.series.missing_rows, 'missing row')}" * (
            data.series.missing_rows > 0
        )
        lines.append(f"{pluralise(filled, 'value')} missing and interpolated{rows}")
    if data.left_out:
        why = ", ".join(f"{count:,} {why}" for why, count in data.left_out.items())
        lines.append(f"{pluralise(sum(data.left_out.values()), 'window')} in no split: {why}")
    return lines


def _refuse_full_disk(data: ForecastData, folder: Path) -> None:
    """Say what to change before a day's windows are half written."""
    W, numbers = data.cut.window, data.cut.window * len(data.examples.features) + len(data.examples.targets)
    needed, free = int((data.splits != "").sum()) * numbers * 4, shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"the windows take {needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free: each of the {W:,} inputs is "
            "stored for each window that it is in. Raise preprocess.stride, or shorten preprocess.window."
        )
