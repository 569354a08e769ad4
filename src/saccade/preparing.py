"""From examples of any size to the arrays of a prepared dataset; ``prepared.py`` describes and reads them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from saccade.arrays import ArrayFile, describe_array, write_array
from saccade.examples import ImageExamples, Progress, no_progress
from saccade.files import write_json
from saccade.images import prepare_image
from saccade.prepared import FORMAT, Description
from saccade.spec import Spec
from saccade.splits import SPLITS

_CHUNK_BYTES = 8 << 20  # what is held in memory at once while writing


def write_prepared(
    folder: Path,
    examples: ImageExamples,
    splits_N: np.ndarray,
    *,
    size: tuple[int, int],
    channels: int,
    progress: Progress = no_progress,
) -> Description:
    """Resize the examples and write them, split by split, a few MiB at a time.

    Args:
        folder: an empty folder; the caller moves it into place.
        examples: from a file in ``datasets/``.
        splits_N: from ``splits.assign_splits``.
        size: height and width in pixels.
        channels: 1 or 3.
        progress: called with images written so far.

    Returns:
        What was written to dataset.json.
    """
    spec = Spec("image", (*size, channels), tuple(examples.classes))
    totals = _Moments(channels)
    counts, class_counts, arrays = {}, {}, {}
    done, total = 0, int(np.isin(splits_N, SPLITS).sum())
    for split in SPLITS:
        rows_N = np.flatnonzero(splits_N == split)
        labels_N = examples.labels[rows_N].astype(np.int64)
        with ArrayFile(folder / f"{split}.npy", np.uint8, (len(rows_N), *spec.shape)) as file:
            for chunk in _chunks(rows_N, file.row_bytes):
                images = np.stack([prepare_image(examples.image(int(row)), size, channels) for row in rows_N[chunk]])
                file.write(chunk.start, images)
                if split == "train":
                    totals.add(images)
                done += len(images)
                progress("images", done, total)
        write_array(folder / f"{split}_labels.npy", labels_N)
        write_array(folder / f"{split}_rows.npy", rows_N.astype(np.int64))
        counts[split] = len(rows_N)
        class_counts[split] = np.bincount(labels_N, minlength=len(spec.classes)).tolist()
        for name in (f"{split}.npy", f"{split}_labels.npy", f"{split}_rows.npy"):
            arrays[name] = describe_array(folder / name)
    description = Description(spec, counts, class_counts, *totals.mean_and_std(), arrays)
    write_json(folder / "dataset.json", {"format": FORMAT, **vars(description), "spec": spec.to_dict()})
    return description


class _Moments:
    """Exact sums of uint8 values and their squares, per channel, in Python-sized integers."""

    def __init__(self, channels: int) -> None:
        self._count = 0
        self._sum_C = np.zeros(channels, dtype=np.int64)
        self._square_C = np.zeros(channels, dtype=np.int64)

    def add(self, images_NHWC: np.ndarray) -> None:
        flat = images_NHWC.reshape(-1, images_NHWC.shape[-1])
        self._count += len(flat)
        for channel in range(flat.shape[1]):  # counting the 256 values is exact, and faster than squaring in int64
            counts = np.bincount(flat[:, channel], minlength=256)
            self._sum_C[channel] += counts @ np.arange(256)
            self._square_C[channel] += counts @ np.arange(256) ** 2

    def mean_and_std(self) -> tuple[list[float], list[float]]:
        mean_C = self._sum_C / max(self._count, 1)
        std_C = np.sqrt(np.maximum(self._square_C / max(self._count, 1) - mean_C**2, 0))
        # A channel that never varies would be divided by 0; by one grey level, it stays what it is: constant.
        return (mean_C / 255).tolist(), (np.maximum(std_C, 1) / 255).tolist()


def _chunks(rows: np.ndarray, row_bytes: int) -> Iterator[slice]:
    step = max(1, _CHUNK_BYTES // max(row_bytes, 1))
    for start in range(0, len(rows), step):
        yield slice(start, min(start + step, len(rows)))
