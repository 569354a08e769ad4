"""The arrays of a prepared dataset, written split by split; ``data/prepared.py`` describes and reads them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.core.files import write_json
from saccade.core.progress import Progress, no_progress
from saccade.data.arrays import ArrayFile, describe_array, write_array
from saccade.data.imbalance import count_classes
from saccade.data.prepared import FORMAT, DatasetInfo
from saccade.data.spec import SPLITS, Spec
from saccade.data.timeline import Timeline
from saccade.prepare.moments import Moments

_CHUNK_BYTES = 8 << 20  # what is held in memory at once while writing


@dataclass(frozen=True)
class ArrayBuilder:
    """What prepared examples look like, and how those of some rows are made.

    Attributes:
        spec: what every example looks like.
        dtype: of the examples.
        examples: rows (n,) to examples (n, ...).
        labels: rows (n,) to labels (n, ...): int64 classes or tokens, uint8 (n, K) of several classes, float32 numbers.
        moments: what mean and std are gathered with; None where there are none.
        target_moments: what mean and std of numbers to predict are gathered with, where training takes them
            standardised; None elsewhere.
    """

    spec: Spec
    dtype: type
    examples: Callable[[np.ndarray], np.ndarray]
    labels: Callable[[np.ndarray], np.ndarray]
    moments: Moments | None = None
    target_moments: Moments | None = None


def write_arrays(
    folder: Path,
    builder: ArrayBuilder,
    rows_of: Mapping[str, np.ndarray],
    progress: Progress = no_progress,
    timeline: Timeline | None = None,
    groups: Sequence[str] | None = None,
) -> DatasetInfo:
    """Write examples and labels, split by split, a few MiB at a time.

    Args:
        folder: an empty folder; the caller moves it into place.
        builder: what makes them.
        rows_of: each split to the rows that it holds, int64 (n,); a row may be in several.
        progress: called with examples written so far.
        timeline: of the windows of a forecast.
        groups: value of ``split.group_by`` of each example of the source; None: there is none.

    Returns:
        What was written to dataset.json.
    """
    counts, class_counts, arrays = {}, {}, {}
    group_N = None if groups is None else np.unique(np.asarray(groups, dtype=str), return_inverse=True)[1].ravel()
    done, total = 0, sum(len(rows_of[split]) for split in SPLITS)
    for split in SPLITS:
        rows_N = rows_of[split].astype(np.int64)
        none = builder.labels(rows_N[:0])  # tells dtype and shape
        with (
            ArrayFile(folder / f"{split}.npy", builder.dtype, (len(rows_N), *builder.spec.shape)) as file,
            ArrayFile(folder / f"{split}_labels.npy", none.dtype, (len(rows_N), *none.shape[1:])) as labels_file,
        ):
            for chunk in _chunks(rows_N, file.row_bytes):
                made = builder.examples(rows_N[chunk])
                labels = builder.labels(rows_N[chunk])
                file.write(chunk.start, made)
                labels_file.write(chunk.start, labels)
                if split == "train" and builder.moments is not None:
                    builder.moments.add(made)
                if split == "train" and builder.target_moments is not None:
                    builder.target_moments.add(labels)
                done += len(made)
                progress(builder.spec.plural, done, total)
        write_array(folder / f"{split}_rows.npy", rows_N)
        counts[split] = len(rows_N)
        if builder.spec.classes:
            class_counts[split] = count_classes(builder.labels(rows_N), len(builder.spec.classes)).tolist()
        suffixes = ["", "_labels", "_rows"]
        if group_N is not None:
            write_array(folder / f"{split}_groups.npy", group_N[rows_N].astype(np.int64))
            suffixes.append("_groups")
        for name in (f"{split}{suffix}.npy" for suffix in suffixes):
            arrays[name] = describe_array(folder / name)
    mean, std = ([], []) if builder.moments is None else builder.moments.mean_and_std()
    of_targets = ([], []) if builder.target_moments is None else builder.target_moments.mean_and_std()
    description = DatasetInfo(builder.spec, counts, class_counts, mean, std, arrays, timeline, *of_targets)
    write_json(folder / "dataset.json", {"format": FORMAT, **description.to_dict()})
    return description


def rows_of_splits(splits_N: np.ndarray) -> dict[str, np.ndarray]:
    """The rows of each split.

    Args:
        splits_N: str (N,), from ``splits.assign_splits``.

    Returns:
        Name of a split to rows, int64 (n,), ascending.
    """
    return {split: np.flatnonzero(splits_N == split) for split in SPLITS}


def _chunks(rows: np.ndarray, row_bytes: int) -> Iterator[slice]:
    step = max(1, _CHUNK_BYTES // max(row_bytes, 1))
    for start in range(0, len(rows), step):
        yield slice(start, min(start + step, len(rows)))
