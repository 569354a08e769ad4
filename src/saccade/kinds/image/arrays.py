"""Images of one size as the arrays of a prepared dataset.

Shapes: N images, H height, W width, C channels.
"""

from dataclasses import replace

import numpy as np

from saccade.data.spec import Fit, Spec
from saccade.kinds import Job
from saccade.kinds.image.checks.decode_pass import Inspected
from saccade.kinds.image.pixels.decode import ScaledDecoder
from saccade.prepare.arrays import ArrayBuilder
from saccade.prepare.moments import FeatureMoments
from saccade.readers.examples import ImageExamples


def image_arrays(examples: ImageExamples, inspected: Inspected, fit: Fit = "stretch") -> ArrayBuilder:
    """How images become arrays.

    Args:
        examples: images of a source.
        inspected: the same, decoded and of one size.
        fit: how they were brought to it.

    Returns:
        What makes the arrays of some rows.
    """
    images_NHWC = inspected.images
    scale = inspected.scale
    labels = examples.labels
    spec = Spec(
        "image",
        images_NHWC.shape[1:],
        tuple(examples.classes),
        targets=examples.targets,
        fit=fit,
        value_range=scale.limits or (),
        ignores_file_range=scale.goes_first,
        multilabel=bool(examples.classes) and labels.ndim == 2,
    )
    if labels.ndim == 1:
        labels = labels.astype(np.int64)
    moments = PixelMoments(images_NHWC.shape[3])
    targets = FeatureMoments(labels.shape[1]) if examples.targets else None
    return ArrayBuilder(spec, np.uint8, images_NHWC.__getitem__, labels.__getitem__, moments, targets)


def say_scale(inspected: Inspected, job: Job) -> list[str]:
    """Say how values of more than 8 bits became grey levels.

    Args:
        inspected: what the pass over the images found.
        job: whom to tell; warned where most was lost.

    Returns:
        The line that was said; empty where no image held more.
    """
    line = inspected.values.line(inspected.scale.limits)
    if line:
        (job.warn if inspected.values.lost_most else job.say)(line)
    return [line] if line else []


def with_scale(examples: ImageExamples, inspected: Inspected) -> ImageExamples:
    """The same examples, whose values of more than 8 bits are decoded to the grey levels that the pass has found.

    Args:
        examples: images of a source.
        inspected: what the pass over them found.

    Returns:
        Those whose source gives such values decode by the scale; others are as they were.
    """
    if examples.decode_values is None:
        return examples
    decoder = ScaledDecoder(inspected.scale)
    return replace(examples, decode=decoder.decode, decode_for=decoder.decode_for)


def sides_of(inspected: Inspected) -> dict[str, np.ndarray]:
    """Height and width of each image before it was resized, in pixels, int32 (N,): what origins.csv keeps."""
    return {"height": inspected.sides[:, 0], "width": inspected.sides[:, 1]}


class PixelMoments:
    """Exact sums of uint8 values and their squares, per channel, in Python-sized integers.

    Args:
        channels: number of channels.
        passed_over: value that is none, where pixels of it only fill an image up; None: all count.
    """

    def __init__(self, channels: int, passed_over: int | None = None) -> None:
        self._count = 0
        self._passed_over = passed_over
        self._sum_C = np.zeros(channels, dtype=np.int64)
        self._square_C = np.zeros(channels, dtype=np.int64)

    def add(self, images_NHWC: np.ndarray) -> None:
        """Count the pixels of images, uint8 (N, H, W, C)."""
        flat = images_NHWC.reshape(-1, images_NHWC.shape[-1])
        if self._passed_over is not None:
            flat = flat[(flat != self._passed_over).any(axis=1)]
        self._count += len(flat)
        for channel in range(flat.shape[1]):  # counting the 256 values is exact, and faster than squaring in int64
            counts = np.bincount(flat[:, channel], minlength=256)
            self._sum_C[channel] += counts @ np.arange(256)
            self._square_C[channel] += counts @ np.arange(256) ** 2

    def mean_and_std(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each channel, on the scale 0..1; the second at least a grey level."""
        mean_C = self._sum_C / max(self._count, 1)
        std_C = np.sqrt(np.maximum(self._square_C / max(self._count, 1) - mean_C**2, 0))
        # A channel that never varies would be divided by 0; by one grey level, it stays what it is: constant.
        return (mean_C / 255).tolist(), (np.maximum(std_C, 1) / 255).tolist()
