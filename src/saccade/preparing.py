"""The arrays of a prepared dataset, split by split; ``prepared.py`` describes and reads them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.arrays import ArrayFile, describe_array, write_array
from saccade.checks.inspecting import Inspected
from saccade.examples import ImageExamples, Progress, SeriesExamples, no_progress
from saccade.files import write_json
from saccade.prepared import FORMAT, Description
from saccade.spec import Fit, Spec
from saccade.splits import SPLITS
from saccade.timelines import Timeline

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
    counts, class_counts, arrays = {}, {}, {}
    done, total = 0, int(np.isin(splits_N, SPLITS).sum())
    for split in SPLITS:
        rows_N = np.flatnonzero(splits_N == split)
        labels = examples.labels[rows_N].astype(np.int64 if form.spec.classes else np.float32)
        with ArrayFile(folder / f"{split}.npy", form.dtype, (len(rows_N), *form.spec.shape)) as file:
            for chunk in _chunks(rows_N, file.row_bytes):
                made = form.examples(rows_N[chunk])
                file.write(chunk.start, made)
                if split == "train":
                    form.learn(made)
                done += len(made)
                progress(form.spec.plural, done, total)
        write_array(folder / f"{split}_labels.npy", labels)
        write_array(folder / f"{split}_rows.npy", rows_N.astype(np.int64))
        counts[split] = len(rows_N)
        if form.spec.classes:
            class_counts[split] = np.bincount(labels, minlength=len(form.spec.classes)).tolist()
        for name in (f"{split}.npy", f"{split}_labels.npy", f"{split}_rows.npy"):
            arrays[name] = describe_array(folder / name)
    description = Description(form.spec, counts, class_counts, *form.moments.mean_and_std(), arrays, timeline)
    write_json(folder / "dataset.json", {"format": FORMAT, **description.to_dict()})
    return description


@dataclass(frozen=True)
class _Form:
    """What prepared examples look like, how those of some rows are made, and what training examples teach."""

    spec: Spec
    dtype: type
    examples: Callable[[np.ndarray], np.ndarray]
    moments: "_PixelMoments | _FeatureMoments"
    learn: Callable[[np.ndarray], None]


def _image_form(examples: ImageExamples, inspected: Inspected | None, fit: Fit) -> _Form:
    assert inspected is not None
    images_NHWC = inspected.images
    spec = Spec("image", images_NHWC.shape[1:], tuple(examples.classes), fit=fit)
    moments = _PixelMoments(images_NHWC.shape[3])
    return _Form(spec, np.uint8, images_NHWC.__getitem__, moments, moments.add)


def _series_form(examples: SeriesExamples) -> _Form:
    spec = Spec(
        "series",
        examples.series(0).shape,
        tuple(examples.classes),
        tuple(examples.targets),
        features=tuple(examples.features),
        step=examples.step,
        horizon=examples.horizon,
    )
    moments = _FeatureMoments(spec.shape[1])
    if examples.train_steps is not None:  # a step that is in many windows counts once
        moments.add(examples.train_steps)

    def learn(made_NTF: np.ndarray) -> None:
        if examples.train_steps is None:
            moments.add(made_NTF)

    def stack(rows: np.ndarray) -> np.ndarray:
        return np.stack([examples.series(int(row)) for row in rows])

    return _Form(spec, np.float32, stack, moments, learn)


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
