"""One series without covariates cut into windows, as tests want them."""

from collections.abc import Sequence

import numpy as np

from saccade.kinds.series.forecasting.covariates import SeriesInputs
from saccade.kinds.series.forecasting.examples import ForecastData, cut_all
from saccade.kinds.series.forecasting.windows import WindowSpec
from saccade.kinds.series.reading.regular import RegularSeries


def cut_series(
    series: RegularSeries,
    targets: Sequence[str],
    cut: WindowSpec,
    *,
    test: float,
    validation: float,
    train_fraction: float = 1.0,
    season: int | None = None,
) -> ForecastData:
    """The arguments are those of ``cut_all``."""
    none = np.zeros((len(series.values), 0), dtype=np.float32)
    alone = SeriesInputs(series, none, none[0])
    return cut_all(
        [alone], targets, cut, None, test=test, validation=validation, train_fraction=train_fraction, season=season
    )
