"""Series as the arrays of a prepared dataset; behind the end of shorter ones stand steps of NaN.

Shapes: N examples, T steps, F features, O numbers to predict.
"""

import numpy as np

from saccade.data.spec import Spec
from saccade.prepare.arrays import ArrayBuilder
from saccade.prepare.moments import FeatureMoments, KnownMoments
from saccade.readers.examples import SeriesExamples


def series_arrays(examples: SeriesExamples) -> ArrayBuilder:
    """How series become arrays.

    Args:
        examples: series of a source, all of one length, or the longest of ``examples.length``.

    Returns:
        What makes the arrays of some rows.
    """
    T = examples.length or len(examples.series(0))
    spec = Spec(
        "series",
        (T, examples.series(0).shape[1]),
        tuple(examples.classes),
        tuple(examples.targets),
        features=tuple(examples.features),
        step=examples.step,
        horizon=examples.horizon,
        is_padded=examples.length is not None,
        inputs=examples.inputs,
    )
    labels_NO = examples.labels.astype(np.int64 if examples.classes else np.float32)
    moments: FeatureMoments | KnownMoments = FeatureMoments(spec.shape[1])
    if examples.train_steps is not None:
        moments.add(examples.train_steps)
        moments = KnownMoments(*moments.mean_and_std())

    def stack(rows: np.ndarray) -> np.ndarray:
        return np.stack([padded(examples.series(int(row)), T) for row in rows])

    return ArrayBuilder(spec, np.float32, stack, labels_NO.__getitem__, moments)


def padded(values_TF: np.ndarray, length: int) -> np.ndarray:
    """A series with steps of NaN behind its end.

    Args:
        values_TF: float (T, F).
        length: steps of the result, from T.

    Returns:
        Float (length, F).
    """
    missing = length - len(values_TF)
    return np.pad(values_TF, ((0, missing), (0, 0)), constant_values=np.nan) if missing else values_TF
