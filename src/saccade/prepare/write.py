"""The arrays of a prepared dataset, split by split; ``prepared.py`` describes and reads them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.core.files import write_json
from saccade.core.progress import Progress, no_progress
from saccade.data.arrays import ArrayFile, describe_array, write_array
from saccade.data.prepared import FORMAT, Description
from saccade.data.spec import SPLITS, Fit, Spec
from saccade.data.timeline import Timeline
from saccade.kinds.image.checks.decode_pass import Inspected
from saccade.readers.examples import ImageExamples, SeriesExamples

_CHUNK_BYTES = 8 << 20  # what is held in memory at once while writing


def write_prepared(
    folder: Path,
    examples: ImageExamples | SeriesExamples,
    splits_N: np.ndarray,
    *,
    inspected: Inspected | None = None,
    fit: Fit = "stretch",
    timeline: Timeline | None = None,
    progress: Progress = no_progress,
) -> Description:
    """Write the examples, split by split, a few MiB at a time.

    Args:
        folder: an empty folder; the caller moves it into place.
        examples: from a file in ``datasets/``.
        splits_N: from ``splits.assign_splits``.
        inspected: of images: those of the examples, decoded and of one size.
        fit: of images: how they were brought to it.
        timeline: of the windows of a forecast.
        progress: called with examples written so far.

    Returns:
        What was written to dataset.json.
    """
    form = _series_form(examples) if isinstance(examples, SeriesExamples) else _image_form(examples, inspected, fit)
    rows_of = {split: np.flatnonzero(splits_N == split) for split in SPLITS}
    return write_form(folder, form, rows_of, progress, timeline)


@dataclass(frozen=True)
class Form:
    """What prepared examples look like, and how those of some rows are made.

    Attributes:
        spec: what every example looks like.
        dtype: of the examples.
        examples: rows (n,) to examples (n, ...).
        labels: rows (n,) to labels (n, ...): int64 classes or tokens, float32 numbers.
        moments: what mean and std are gathered with; None where there are none.
    """

    spec: Spec
    dtype: type
    examples: Callable[[np.ndarray], np.ndarray]
    labels: Callable[[np.ndarray], np.ndarray]
    moments: "_PixelMoments | _FeatureMoments | _KnownMoments | None" = None


def write_form(
    folder: Path,
    form: Form,
    rows_of: Mapping[str, np.ndarray],
    progress: Progress = no_progress,
    timeline: Timeline | None = None,
) -> Description:
    """Write examples and labels, split by split, a few MiB at a time.

    Args:
        folder: an empty folder; the caller moves it into place.
        form: how they are made.
        rows_of: each split to the rows that it holds, int64 (n,); a row may be in several.
        progress: called with examples written so far.
        timeline: of the windows of a forecast.

    Returns:
        What was written to dataset.json.
    """
    counts, class_counts, arrays = {}, {}, {}
    done, total = 0, sum(len(rows_of[split]) for split in SPLITS)
    for split in SPLITS:
        rows_N = rows_of[split].astype(np.int64)
        none = form.labels(rows_N[:0])  # tells dtype and shape
        with (
            ArrayFile(folder / f"{split}.npy", form.dtype, (len(rows_N), *form.spec.shape)) as file,
            ArrayFile(folder / f"{split}_labels.npy", none.dtype, (len(rows_N), *none.shape[1:])) as labels_file,
        ):
            for chunk in _chunks(rows_N, file.row_bytes):
                made = form.examples(rows_N[chunk])
                file.write(chunk.start, made)
                labels_file.write(chunk.start, form.labels(rows_N[chunk]))
                if split == "train" and form.moments is not None:
                    form.moments.add(made)
                done += len(made)
                progress(form.spec.plural, done, total)
        write_array(folder / f"{split}_rows.npy", rows_N)
        counts[split] = len(rows_N)
        if form.spec.classes:
            class_counts[split] = np.bincount(form.labels(rows_N), minlength=len(form.spec.classes)).tolist()
        for name in (f"{split}.npy", f"{split}_labels.npy", f"{split}_rows.npy"):
            arrays[name] = describe_array(folder / name)
    mean, std = ([], []) if form.moments is None else form.moments.mean_and_std()
    description = Description(form.spec, counts, class_counts, mean, std, arrays, timeline)
    write_json(folder / "dataset.json", {"format": FORMAT, **description.to_dict()})
    return description


def _image_form(examples: ImageExamples, inspected: Inspected | None, fit: Fit) -> Form:
    assert inspected is not None
    images_NHWC = inspected.images
    spec = Spec("image", images_NHWC.shape[1:], tuple(examples.classes), fit=fit)
    labels_N = examples.labels.astype(np.int64)
    moments = _PixelMoments(images_NHWC.shape[3])
    return Form(spec, np.uint8, images_NHWC.__getitem__, labels_N.__getitem__, moments)


def _series_form(examples: SeriesExamples) -> Form:
    spec = Spec(
        "series",
        examples.series(0).shape,
        tuple(examples.classes),
        tuple(examples.targets),
        features=tuple(examples.features),
        step=examples.step,
        horizon=examples.horizon,
    )
    labels_NO = examples.labels.astype(np.int64 if examples.classes else np.float32)
    moments: _FeatureMoments | _KnownMoments = _FeatureMoments(spec.shape[1])
    if examples.train_steps is not None:
        moments.add(examples.train_steps)
        moments = _KnownMoments(*moments.mean_and_std())

    def stack(rows: np.ndarray) -> np.ndarray:
        return np.stack([examples.series(int(row)) for row in rows])

    return Form(spec, np.float32, stack, labels_NO.__getitem__, moments)


class _KnownMoments:
    """Mean and std that were gathered elsewhere: of overlapping windows, each step shall count once."""

    def __init__(self, mean: list[float], std: list[float]) -> None:
        self._mean, self._std = mean, std

    def add(self, series_NTF: np.ndarray) -> None:
        """Nothing is learnt from the windows."""

    def mean_and_std(self) -> tuple[list[float], list[float]]:
        return self._mean, self._std


class _PixelMoments:
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


class _FeatureMoments:
    """Count, mean and sum of squared deviations per feature in float64, joined chunk by chunk.

    Sums of squares would lose all digits of a feature whose mean is large beside its deviation (Chan et al., 1979).
    """

    def __init__(self, features: int) -> None:
        self._count = 0
        self._mean_F = np.zeros(features)
        self._deviation_F = np.zeros(features)

    def add(self, series_NTF: np.ndarray) -> None:
        flat = series_NTF.reshape(-1, series_NTF.shape[-1]).astype(np.float64)
        mean_F = flat.mean(axis=0)
        total = self._count + len(flat)
        difference_F = mean_F - self._mean_F
        self._deviation_F += np.square(flat - mean_F).sum(axis=0)
        self._deviation_F += difference_F**2 * self._count * len(flat) / total
        self._mean_F += difference_F * len(flat) / total
        self._count = total

    def mean_and_std(self) -> tuple[list[float], list[float]]:
        std_F = np.sqrt(self._deviation_F / max(self._count, 1))
        return self._mean_F.tolist(), np.where(std_F > 0, std_F, 1.0).tolist()  # what never varies becomes 0


def _chunks(rows: np.ndarray, row_bytes: int) -> Iterator[slice]:
    step = max(1, _CHUNK_BYTES // max(row_bytes, 1))
    for start in range(0, len(rows), step):
        yield slice(start, min(start + step, len(rows)))
