"""Labelled series: read all, cut or pad them to one length, split and write."""

from typing import Annotated, Literal

import numpy as np

from saccade.core.messages import pluralise
from saccade.core.options import Between
from saccade.kinds import Job, Prepared
from saccade.kinds.origins import write_origins
from saccade.kinds.series.arrays import series_arrays
from saccade.kinds.series.page.checked import CheckedSeries
from saccade.kinds.series.page.labelled_series import labelled_series_sections
from saccade.kinds.series.reading.labelled_files import CheckedFiles, check_files
from saccade.prepare.arrays import rows_of_splits, write_arrays
from saccade.prepare.groups import group_keys
from saccade.prepare.split_settings import assign, group_names
from saccade.readers.examples import SeriesFiles

_MUCH_PADDING = 0.75  # share of the steps from which a shorter length is proposed

SPLIT = ("allow_leakage", "group_by", "folds", "fold", "train_fraction")


def prepare(
    examples: SeriesFiles,
    job: Job,
    *,
    length: Annotated[int, Between(1, 1_000_000)] | None = None,
    missing: Literal["error", "interpolate", "previous"] = "error",
    longest_gap: Annotated[int, Between(1)] | None = None,
    on_repeat: Literal["error", "mean", "last"] = "error",
    on_conflict: Literal["error", "quarantine"] = "error",
) -> Prepared:
    """Read all series, cut or pad them to one length, split and write.

    Args:
        examples: files of a source.
        job: folders and splits.
        length: most steps kept of each series, the first ones; default: all. Shorter series are padded behind their
            end, which changes no answer
        missing: empty cells and missing rows: stop, draw straight lines between their neighbours, or repeat the one
            before
        longest_gap: most steps in a row that are filled in; null: any number
        on_repeat: rows of equal times: stop, average them, or take the lowest in the file
        on_conflict: the same series under several classes: stop, or leave all its copies out and list them

    Returns:
        What was written, and the sections of its page.

    Raises:
        UserError: a file is no such series, or something is wrong that nobody has decided about.
    """
    groups = group_names(job.split, examples.groups, examples.names)
    checked = check_files(
        examples,
        length=length,
        missing=missing,
        on_repeat=on_repeat,
        longest_gap=longest_gap,
        on_conflict=on_conflict,
        published=job.split.published(examples.published_splits),
        groups=groups,
        allow_leakage=job.split.allow_leakage,
        progress=job.progress,
    )
    for line in checked.said:
        job.say(line)
    for note in checked.notes:
        job.warn(note)
    if (cut := int((checked.lengths > checked.length).sum())) > 0:
        job.say(f"{cut:,} series longer than preprocess.length ({length}): the rest was cut off")
    if checked.examples.length is not None:
        job.say(_padding_line(checked))
    if checked.filled.any():
        how = "interpolated" if missing == "interpolate" else "filled with the value before"
        job.say(f"{pluralise(int(checked.filled.sum()), 'value')} missing and {how}")
    splits_N = assign(
        job.split,
        examples.labels,
        examples.classes,
        group_keys(groups or examples.ids, checked.same),
        published=examples.published_splits,
        left_out=checked.left_out,
    )
    rows_of = rows_of_splits(splits_N)
    info = write_arrays(job.folder, series_arrays(checked.examples), rows_of, job.progress, groups=groups)
    write_origins(job.folder, rows_of, name=examples.names.__getitem__, groups=groups)
    found = CheckedSeries(examples.names, checked, splits_N)
    sections = labelled_series_sections(info, job.folder, found, job.samples)
    return Prepared(info, sections, notes=found.notes)


def _padding_line(checked: CheckedFiles) -> str:
    """How much of the arrays will be padding, and what to do where that is most."""
    kept_N = np.minimum(checked.lengths, checked.length)
    share = 1 - kept_N.sum() / (checked.length * len(kept_N))
    line = (
        f"series of {kept_N.min():,} to {checked.length:,} steps: shorter ones are padded behind their end, which "
        f"changes no answer ({100 * share:.0f} % of what is stored)"
    )
    if share > _MUCH_PADDING:
        line += f"; half have {int(np.median(kept_N)):,} steps or fewer: preprocess.length would cut the longest"
    return line
