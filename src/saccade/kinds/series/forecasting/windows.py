"""One long series cut into windows: inputs, and what comes after them; and which windows learn, choose and measure.

    steps  0 ........................................................ T-1
           [ train: inputs and horizons ][gap][ validation ][gap][ test ]

The last share of the steps is what the test windows forecast, and the share before that, one gap earlier, what the
validation windows do. A gap is as long as a window's inputs: the first inputs of validation and test lie in it, behind
everything that training saw. So no step is in the windows of two splits, neither as an input nor as something to
forecast. What is lost are the windows that lie across a gap's border.

Shapes: T steps, F features, W steps of a window's inputs, H steps to forecast, M windows, G targets.
"""

from dataclasses import dataclass

import numpy as np

from saccade.core.errors import UserError
from saccade.data.spec import SPLITS


class SeriesTooShortError(UserError):
    """A series has too few steps for a window in each part."""


@dataclass(frozen=True)
class WindowSpec:
    """How a series is cut.

    Attributes:
        window: steps of the inputs, W, from 1.
        horizon: steps to forecast, H, from 1.
        stride: steps from each window to the next, from 1.
    """

    window: int
    horizon: int
    stride: int = 1

    @property
    def length(self) -> int:
        """Steps of inputs and horizon together."""
        return self.window + self.horizon

    def starts(self, steps: int) -> np.ndarray:
        """The first step of each window, int64 (M,), ascending; the last window ends with the series."""
        return np.arange((steps - self.length) % self.stride, steps - self.length + 1, self.stride, dtype=np.int64)


@dataclass(frozen=True)
class SplitRanges:
    """Where the parts of a series lie.

    Attributes:
        forecast: of each split the steps, from and up to (not including), whose values its windows forecast; that of
            training begins with the series, and holds the inputs of its first windows too.
    """

    forecast: dict[str, tuple[int, int]]

    def of_windows(self, starts_M: np.ndarray, cut: WindowSpec) -> np.ndarray:
        """The split of each window: train, validation, test, or "" for what lies across a border.

        Args:
            starts_M: first step of each window.
            cut: how long they are.

        Returns:
            Array of str (M,).
        """
        first_M, end_M = starts_M + cut.window, starts_M + cut.length  # of what is to be forecast
        splits_M = np.full(len(starts_M), "", dtype=object)
        for split in SPLITS:
            first, end = self.forecast[split]
            splits_M[(first_M >= first) & (end_M <= end)] = split
        return splits_M.astype(str)


@dataclass(frozen=True)
class Shares:
    """How many of a series' steps are looked at, and which share of these each part forecasts.

    Attributes:
        end: number of steps that are looked at, the first ones; those behind them lie in a fold's future.
        test: share of them that the test windows forecast, the last ones, in (0, 1).
        validation: share of them that the validation windows forecast, in (0, 1).
    """

    end: int
    test: float
    validation: float


def shares_of(
    steps: int, *, test: float, validation: float, folds: int | None = None, fold: int | None = None
) -> Shares:
    """The shares of a split by time; with folds, those of a rolling origin.

    With K folds the last K of K + 1 equal blocks of steps are tested one after the other, each with a network that has
    learnt from what lies before it alone; what lies behind it is not looked at. Validation is then a share of what lies
    before the block.

        fold 1  [ train ..... validation ][ test ]
        fold 2  [ train ............... validation ][ test ]
        fold 3  [ train ........................ validation ][ test ]

    Args:
        steps: T.
        test: share of the steps that are for test, where there are no folds.
        validation: share of the steps that are for validation.
        folds: number of folds K, from 2; None: none.
        fold: number of the fold whose block is tested, from 1.

    Returns:
        The shares.

    Source: the blocks are those of scikit-learn's ``TimeSeriesSplit``. A gap of one window parts them here.

    >>> shares_of(100, test=0.15, validation=0.2, folds=4, fold=1)
    Shares(end=40, test=0.5, validation=0.1)
    """
    if folds is None or fold is None:
        return Shares(steps, test, validation)
    block = max(1, steps // (folds + 1))
    end = steps - (folds - fold) * block
    return Shares(end, block / end, validation * (end - block) / end)


def split_series(
    steps: int, cut: WindowSpec, *, test: float, validation: float, name: str, is_fold: bool = False
) -> SplitRanges:
    """Divide the steps of a series among the splits, earliest for training, with a gap of W steps between them.

    Args:
        steps: T.
        cut: of the windows.
        test: share of all steps that the test windows forecast, in (0, 1).
        validation: likewise.
        name: of the series, for messages.
        is_fold: whether the shares are those of a fold, which fewer folds would enlarge.

    Returns:
        The parts.

    Raises:
        SeriesTooShortError: the series is shorter than a window, or too short for a window in each part.
    """
    if steps < cut.length:
        raise SeriesTooShortError(
            f"{name} has {steps:,} rows, fewer than a window: preprocess.window ({cut.window:,}) and horizon "
            f"({cut.horizon:,}) take {cut.length:,}. Shorten them, or give a longer series."
        )
    empty = _empty_part(steps, cut, test, validation)
    if empty is not None:
        enough = range(max(steps, _fewest_steps(cut, test, validation)), 100 * (cut.length + cut.stride))
        least = next((n for n in enough if not is_fold and not _empty_part(n, cut, test, validation)), None)
        remedy = "take fewer folds" if is_fold else "change split.test and split.validation"
        raise SeriesTooShortError(
            f"{name} has {steps:,} rows, too few for a window of {cut.window:,} + {cut.horizon:,} in the {empty} part, "
            f"with gaps of {cut.window:,} between the parts{f'; {least:,} would do' if least else ''}. Shorten "
            f"preprocess.window or horizon, or {remedy}."
        )
    return _parted(steps, cut, test, validation)


def _parted(steps: int, cut: WindowSpec, test: float, validation: float) -> SplitRanges:
    test_first = steps - round(test * steps)
    validation_end = test_first - cut.window
    validation_first = validation_end - round(validation * steps)
    train_end = validation_first - cut.window
    return SplitRanges(
        {"train": (0, train_end), "validation": (validation_first, validation_end), "test": (test_first, steps)}
    )


def _empty_part(steps: int, cut: WindowSpec, test: float, validation: float) -> str | None:
    """The first split without a window; asked of thousands of lengths, so no window is made."""
    first_start = (steps - cut.length) % cut.stride
    for split, (first, end) in _parted(steps, cut, test, validation).forecast.items():
        last_start = end - cut.length - (end - cut.length - first_start) % cut.stride
        if last_start < max(0, first - cut.window):
            return split
    return None


def _fewest_steps(cut: WindowSpec, test: float, validation: float) -> int:
    """No shorter series has a window in each part, whatever the stride."""
    train = (cut.length + 2 * cut.window - 1) / max(1 - test - validation, 1e-6)
    return int(max(train, *((cut.horizon - 0.5) / share for share in (test, validation))))
