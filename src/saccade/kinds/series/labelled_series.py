"""Labelled series, a file each: read all, bring them to one length, split and write."""

from typing import Annotated, Literal

from saccade.core.messages import pluralise
from saccade.core.options import Between
from saccade.kinds import Job, Prepared
from saccade.kinds.series.arrays import series_arrays
from saccade.kinds.series.page.checked import CheckedSeries
from saccade.kinds.series.page.labelled_series import labelled_series_sections
from saccade.kinds.series.reading.labelled_files import check_files
from saccade.prepare.arrays import rows_of_splits, write_arrays
from saccade.prepare.groups import group_keys
from saccade.prepare.split_settings import assign, group_names
from saccade.readers.examples import SeriesFiles

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
    """Read all files, bring them to one length, split and write.

    Args:
        examples: files of a source.
        job: folders and splits.
        length: steps kept of each series, the first ones; default: all, which must be as many in each
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
        on_conflict=on_conflict,
        published=job.split.published(examples.published_splits),
        groups=groups,
        allow_leakage=job.split.allow_leakage,
        progress=job.progress,
    )
    for note in checked.notes:
        job.warn(note)
    if (cut := int((checked.lengths > checked.examples.series(0).shape[0]).sum())) > 0:
        job.say(f"{pluralise(cut, 'file')} longer than preprocess.length ({length}): the rest was cut off")
    if checked.filled.any():
        job.say(f"{pluralise(int(checked.filled.sum()), 'value')} missing and interpolated")
    splits_N = assign(
        job.split,
        examples.labels,
        examples.classes,
        group_keys(groups or examples.ids, checked.same),
        published=examples.published_splits,
        left_out=checked.left_out,
    )
    info = write_arrays(job.folder, series_arrays(checked.examples), rows_of_splits(splits_N), job.progress)
    found = CheckedSeries(examples.names, checked, splits_N)
    sections = labelled_series_sections(info, job.folder, found, job.samples)
    return Prepared(info, sections, notes=found.notes)
