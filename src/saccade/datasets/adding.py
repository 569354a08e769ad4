"""The adding problem: two numbers of a long sequence are marked, and their sum is asked for at its end.

Each step has a value, uniform in [0, 1), and a mark, which is 1 at one step of the first half and at one of the second,
else 0. Who always answers the mean, 1, has a squared error of 2/12 = 0.167; to do better, a network must keep a number
over at least half of the sequence on average. It shows what a plain recurrent network forgets and a gated one keeps.

Source: S. Hochreiter, J. Schmidhuber, "Long short-term memory", 1997, section 5.4, with values from [0, 1) and one mark
a half as in M. Arjovsky, A. Shah, Y. Bengio, "Unitary evolution recurrent neural networks", 2016. Generated: the same
arguments give the same bytes.

Shapes: N examples, T time steps, 2 features.
"""

from pathlib import Path

import numpy as np

from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress
from saccade.data.arrays import open_array, write_array
from saccade.readers.examples import SeriesExamples

KIND = "series"
LABELS = "numbers"
LICENCE = "none needed: the data are computed"


def fetch(
    folder: Path, *, length: int = 100, examples: int = 20_000, seed: int = 0, progress: Progress = no_progress
) -> None:
    """Draw the sequences and write them as series.npy, float32 (N, T, 2), and sums.npy, float32 (N, 1).

    Args:
        folder: output folder.
        length: steps of a sequence, T, from 2.
        examples: number of sequences, N, from 3.
        seed: seed of the generator, from 0.
        progress: callback, called once, at the end.

    Raises:
        UserError: length is below 2, examples below 3, or seed below 0.
    """
    for name, value, least, reason in (
        ("length", length, 2, "each half holds a mark"),
        ("examples", examples, 3, "there are three splits"),
        ("seed", seed, 0, "the generator takes no negative one"),
    ):
        if value < least:
            raise UserError(f"{name} ({value}) must be at least {least}: {reason}")
    random = np.random.Generator(np.random.PCG64(seed))
    values_NT = random.random((examples, length), dtype=np.float32)
    marks_NT = np.zeros_like(values_NT)
    rows_N = np.arange(examples)
    marked_N2 = np.stack([random.integers(0, length // 2, examples), random.integers(length // 2, length, examples)], 1)
    marks_NT[rows_N[:, None], marked_N2] = 1
    write_array(folder / "series.npy", np.stack([values_NT, marks_NT], axis=2))
    write_array(folder / "sums.npy", values_NT[rows_N[:, None], marked_N2].sum(axis=1, keepdims=True))
    progress("sequences", examples, examples)


def read(folder: Path) -> SeriesExamples:
    """Open what ``fetch`` wrote, memory-mapped.

    Args:
        folder: folder with series.npy and sums.npy.

    Returns:
        The examples in the order in which they were drawn; ids are their numbers.

    Raises:
        UserError: a file is missing or damaged.
    """
    series_NTF, sums_N1 = open_array(folder / "series.npy"), open_array(folder / "sums.npy")
    return SeriesExamples(
        features=("value", "mark"),
        targets=("sum",),
        labels=sums_N1,
        series=series_NTF.__getitem__,
        ids=[str(row) for row in range(len(sums_N1))],
    )
