"""Settings for series that nobody has tuned anything for.

For a forecast that is a linear model of the window, which no recurrence was above (docs/log.md); for classes, which
nothing was measured on, a small network of convolutions.
"""

import math
from collections.abc import Mapping
from typing import Any

from saccade.core.errors import UserError
from saccade.core.messages import pluralise
from saccade.data.forecast_inputs import shifts_for
from saccade.kinds import Recommendation, Resources
from saccade.kinds.series.forecasting.recommended_window import recommend_window
from saccade.prepare.split_settings import SplitSettings
from saccade.readers.examples import LongSeries, SeriesFiles, SeriesPanel

UPDATES = 1_000  # of a training
MAX_EPOCHS = 300
MIN_EPOCHS = 10
UPDATE_S, WEIGHT_S = 0.002, 8e-9  # seconds of an update on a core, and of a weight in it
CONVOLUTIONS_S = 0.01  # seconds of an update of 32 series of 100 steps


def recommended_for_forecast(
    examples: LongSeries | SeriesPanel, preprocess: Mapping[str, Any], split: SplitSettings, resources: Resources
) -> Recommendation:
    """Settings for the future of long series.

    Args:
        examples: the series of a source, one or several.
        preprocess: block of the dataset, which stays as it is; a window or a horizon that it lacks is decided.
        split: how its windows will be divided.
        resources: what a training may cost.

    Returns:
        Plain settings, each with its reason.

    Raises:
        UserError: the split is a published one, which no long series has.
    """
    if split.test == "given":
        raise UserError("split.test (given) must be a share such as 0.2: a long series has no published split")
    series = examples.series if isinstance(examples, SeriesPanel) else [examples]
    why_window: dict[str, str] = {}
    if "window" not in preprocess or "horizon" not in preprocess:
        decided, why_window = recommend_window(series, preprocess, split)
        preprocess = {**decided, **preprocess}
    window, horizon, stride = preprocess["window"], preprocess["horizon"], preprocess.get("stride") or 1
    known = len(series[0].known) + 2 * len(preprocess.get("covariates") or ())
    features = len(series[0].series.features) - len(series[0].known) + known * (1 + len(shifts_for(window, horizon)))
    lost = 2 * window + window + horizon  # two gaps, and what a first window takes
    trained = [len(one.series.values) * (1 - split.test - split.validation) - lost for one in series]
    windows = max(1, round(sum(steps for steps in trained if steps > 0) * split.train_fraction / stride))
    batch_size = 64
    weights = window * features * horizon * len(examples.targets)
    updates = math.ceil(windows / batch_size)
    affordable = int(60 * resources.minutes / (updates * (UPDATE_S + WEIGHT_S * weights)))
    wanted = min(MAX_EPOCHS, max(MIN_EPOCHS, math.ceil(UPDATES / updates)))
    epochs = max(1, min(wanted, affordable))
    return Recommendation(
        summary=f"a linear model of the window, from its last step on, for {pluralise(epochs, 'epoch')}",
        preprocess=dict(preprocess),
        augment={"views": 0},
        model={"name": "nlinear"},
        train={
            "epochs": epochs,
            "batch_size": batch_size,
            "optimizer": {"name": "adam", "lr": 0.01},
            "schedule": {"name": "one_cycle"},
            "loss": "mae",
            "ema_decay": 0.98,
            "keep": "best",
        },
        reasons={
            "model": "of what the window is above its last step: a level that training has not seen leads it nowhere",
            "train.epochs": f"about {pluralise(windows, 'window')} for training, in {epochs * updates:,} updates"
            if epochs == wanted
            else "what the time allows",
            "train.keep": "weights fit the training years ever better; validation says when to stop",
            **why_window,
        },
        minutes=epochs * updates * (UPDATE_S + WEIGHT_S * weights) / 60,
    )


def linear_baseline_run(preprocess: Mapping[str, Any]) -> Recommendation:
    """A linear model of the window from its last step on, whatever the length of the series.

    Args:
        preprocess: block of the dataset, which stays as it is.

    Returns:
        Plain settings.
    """
    return Recommendation(
        summary="what a linear model of the window gets",
        preprocess=preprocess,
        augment={"views": 0},
        model={"name": "nlinear"},
        train={
            "epochs": 100,
            "batch_size": 64,
            "optimizer": {"name": "adam", "lr": 0.01},
            "schedule": {"name": "one_cycle"},
            "loss": "mae",
            "ema_decay": 0.98,
            "keep": "best",
        },
    )


def recommended_for_classes(
    examples: SeriesFiles, preprocess: Mapping[str, Any], split: SplitSettings, resources: Resources
) -> Recommendation:
    """Settings for labelled series.

    Args:
        examples: files of a source.
        preprocess: block of the dataset, which stays as it is.
        split: how they will be divided.
        resources: what a training may cost; a short training of a small network fits into any.

    Returns:
        Plain settings, each with its reason.

    Raises:
        UserError: there are no series.
    """
    if len(examples.labels) == 0:
        raise UserError("nothing can be recommended for a dataset without series")
    train_series = split.train_count(len(examples.labels), examples.published_splits)
    epochs = min(60, max(15, math.ceil(1_000 / math.ceil(train_series / 32))))
    return Recommendation(
        summary=f"a small network of convolutions over time for {pluralise(epochs, 'epoch')}",
        preprocess=preprocess,
        augment={"views": 0},
        model={"name": "conv1d", "channels": [64, 128], "dropout": 0.3},
        train={
            "epochs": epochs,
            "batch_size": 32,
            "optimizer": {"name": "adamw", "lr": 0.002, "weight_decay": 0.05},
            "schedule": {"name": "one_cycle"},
            "keep": "best",
        },
        reasons={
            "model": "short patterns wherever they occur; lstm or gru where the order of far parts decides",
            "train.epochs": f"{train_series:,} series for training",
        },
        minutes=epochs * math.ceil(train_series / 32) * CONVOLUTIONS_S / 60,
    )
