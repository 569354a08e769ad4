"""Series of one length as the arrays of a prepared dataset.

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
        examples: series of a source, all of one length.

    Returns:
        What makes the arrays of some rows.
    """
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
    moments: FeatureMoments | KnownMoments = FeatureMoments(spec.shape[1])
    if examples.train_steps is not None:
        moments.add(examples.train_steps)
        moments = KnownMoments(*moments.mean_and_std())

    def stack(rows: np.ndarray) -> np.ndarray:
        return np.stack([examples.series(int(row)) for row in rows])

    return ArrayBuilder(spec, np.float32, stack, labels_NO.__getitem__, moments)
