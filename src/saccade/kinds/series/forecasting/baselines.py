"""What a forecast has to beat: what was last, what was a season ago, and a linear model of the window.

Shapes: N windows, W steps of inputs, F features, H steps to forecast, G targets, O = H * G numbers to predict.
"""

from collections.abc import Sequence

import numpy as np

from saccade.data.prepared import Split
from saccade.data.spec import Spec, targets_of_names

STRENGTHS = (0.01, 0.1, 1.0, 10.0, 30.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0)  # alpha of the ridge
MAX_VALUES = 50_000_000  # float64 inputs held at a time: 400 MB; of more windows, evenly chosen ones
MAX_PRODUCTS = 20_000_000_000  # what fitting one alpha may cost: about two seconds on one core


def persistence(inputs_NWF: np.ndarray, spec: Spec) -> np.ndarray:
    """Everything stays as it was last.

    Args:
        inputs_NWF: windows, in the data's own unit.
        spec: of the forecast.

    Returns:
        float64 (N, O).
    """
    last_NG = inputs_NWF[:, -1, _columns(spec)].astype(np.float64)
    return np.tile(last_NG, spec.horizon)


def seasonal_persistence(inputs_NWF: np.ndarray, spec: Spec, seasons: Sequence[int | None]) -> np.ndarray | None:
    """Everything is as it was at the same time of the last season, or of the one before that, where it is not known.

    Args:
        inputs_NWF: windows.
        spec: of the forecast.
        seasons: of each target, in steps, at most W.

    Returns:
        float64 (N, O); None where a target has no season.
    """
    answers, W = [], inputs_NWF.shape[1]
    for step in range(1, spec.horizon + 1):
        for column, season in zip(_columns(spec), seasons, strict=True):
            if season is None:
                return None
            ago = season * -(-step // season) - step  # steps before the last input
            answers.append(inputs_NWF[:, W - 1 - ago, column].astype(np.float64))
    return np.stack(answers, axis=1)


def ridge(
    train: Split, validation: Split, test_inputs_NWF: np.ndarray, mean: Sequence[float], std: Sequence[float]
) -> np.ndarray:
    """A linear model of all values of the window, its weights kept small; one for each number to predict.

    Inputs and targets are brought to units of the deviation. Each alpha of ``STRENGTHS`` is fitted on the training
    windows; that with the smallest mean absolute error on validation answers. Nothing is refitted on validation, from
    which the network does not learn either.

    Args:
        train: windows and what followed, all in the data's own unit.
        validation: likewise. Only these choose alpha.
        test_inputs_NWF: windows to answer.
        mean: of the training part, per feature.
        std: likewise, above 0.

    Returns:
        float64 (N, O).
    """
    from sklearn.linear_model import Ridge

    D, total = train.examples[0].size, len(train.labels)
    most = max(2, min(total, MAX_VALUES // D))
    while most > 2 and most * D * min(most, D) > MAX_PRODUCTS:
        most //= 2
    rows = np.linspace(0, total - 1, most).round().astype(int)
    label_mean_O, label_std_O = (of(train.labels[rows], axis=0, dtype=np.float64) for of in (np.mean, np.std))
    label_std_O = np.where(label_std_O > 0, label_std_O, 1)

    def flat(inputs_NWF: np.ndarray) -> np.ndarray:
        x_ND: np.ndarray = ((inputs_NWF.astype(np.float64) - mean) / std).reshape(len(inputs_NWF), -1)
        return x_ND

    inputs_ND = flat(train.examples[rows])
    targets_NO = (train.labels[rows] - label_mean_O) / label_std_O

    def answers(model: Ridge, inputs_NWF: np.ndarray) -> np.ndarray:
        blocks = [model.predict(flat(block)).reshape(len(block), -1) for block in _blocks(inputs_NWF)]
        return np.concatenate(blocks) * label_std_O + label_mean_O

    best, least = None, np.inf
    for alpha in STRENGTHS:
        model = Ridge(alpha=alpha).fit(inputs_ND, targets_NO)
        error = float(np.abs(answers(model, validation.examples) - validation.labels).mean())
        if error < least:
            best, least = model, error
    assert best is not None
    return answers(best, test_inputs_NWF)


def baseline_answers(
    train: Split,
    validation: Split,
    test: Split,
    spec: Spec,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    seasons: Sequence[int | None],
) -> dict[str, np.ndarray]:
    """What each baseline forecasts for the test windows.

    Args:
        train: windows and what followed.
        validation: likewise.
        test: likewise; what followed is not looked at.
        spec: of the forecast.
        mean: of the training part, per feature.
        std: likewise.
        seasons: of each target, in steps; None where there is none.

    Returns:
        Name to float64 (N, O); ``seasonal`` is missing where a target has no season.
    """
    seasonal = seasonal_persistence(test.examples, spec, seasons)
    return {
        "persistence": persistence(test.examples, spec),
        **({} if seasonal is None else {"seasonal": seasonal}),
        "ridge": ridge(train, validation, test.examples, mean, std),
    }


def _columns(spec: Spec) -> list[int]:
    """Which features the targets are."""
    return [spec.features.index(target) for target in targets_of_names(spec.targets, spec.horizon)]


def _blocks(inputs_NWF: np.ndarray) -> list[np.ndarray]:
    """A few million values at a time."""
    size = max(1, 4_000_000 // max(inputs_NWF[:1].size, 1))
    return [inputs_NWF[start : start + size] for start in range(0, len(inputs_NWF), size)]
