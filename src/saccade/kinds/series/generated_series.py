"""Series of one length, as a source generates them, with numbers to predict or with classes: split and write."""

import numpy as np

from saccade.kinds import Job, Prepared
from saccade.kinds.origins import write_origins
from saccade.kinds.series.arrays import series_arrays
from saccade.kinds.series.page.generated_series import generated_sections
from saccade.prepare.arrays import rows_of_splits, write_arrays
from saccade.prepare.groups import group_keys
from saccade.prepare.split_settings import assign, group_names
from saccade.readers.examples import SeriesExamples

SPLIT = ("group_by", "folds", "fold", "train_fraction")


def prepare(examples: SeriesExamples, job: Job) -> Prepared:
    """Split and write.

    Args:
        examples: series of a source.
        job: folders and splits.

    Returns:
        What was written, and the sections of its page.

    Raises:
        UserError: a split is empty.
    """
    labels_N, classes = examples.labels, examples.classes
    if not classes:
        labels_N, classes = np.zeros(len(labels_N), dtype=np.int64), ("all",)  # numbers: all are of one class
    groups = group_names(job.split, examples.groups)
    keys = group_keys(groups or examples.ids)
    splits_N = assign(job.split, labels_N, classes, keys, published=examples.published_splits)
    rows_of = rows_of_splits(splits_N)
    info = write_arrays(job.folder, series_arrays(examples), rows_of, job.progress, groups=groups)
    name = examples.names.__getitem__ if examples.names else None
    write_origins(job.folder, rows_of, name=name, groups=groups)
    return Prepared(info, generated_sections(info, job.folder, job.samples))
