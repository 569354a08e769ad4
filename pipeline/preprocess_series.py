"""Series: split and write."""

from pathlib import Path

import numpy as np

from pipeline.console import Progress
from pipeline.preprocess_splits import assign, groups_of
from pipeline.schema.split import SplitBlock
from saccade.examples import SeriesExamples
from saccade.prepared import Description
from saccade.preparing import write_prepared
from saccade.report.dataset_report import write_dataset_report
from saccade.units import unit_keys


def prepare_series(
    dataset: str,
    examples: SeriesExamples,
    split: SplitBlock,
    seed: int,
    folder: Path,
    report: Path,
    progress: Progress,
) -> Description:
    """Split and write sequences of one length, with numbers to predict."""
    labels_N = np.zeros(len(examples.labels), dtype=np.int64)  # numbers: all are of one class
    keys = unit_keys(groups_of(examples, split) or examples.ids)
    splits_N = assign(examples, labels_N, ("all",), keys, split, seed)
    description = write_prepared(folder, examples, splits_N, progress=progress)
    write_dataset_report(report, dataset, folder, description)
    return description
