"""What a learning rate range test says: a suggestion, or why there is none.

Shapes: D repeats, U updates.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Found by trying, see docs/learning-rate.md. What went before was worse: docs/log.md.
BACK = 0.3  # of the way from the right side of the valley to the left one, on the logarithmic scale
BELOW = 5.0  # by which factor
_BLUR = 0.15  # standard deviation of the smoothing, in powers of ten of the rate
_CEILING = 2.0  # times the first loss: how far a loss has exploded beyond that says nothing
_MIN_CHANGE = 0.005  # of the first loss
_SIGMAS = 4.0  # of what noise does to the smoothed loss
_JUMP_SIGMAS, _JUMP = (
    8.0,
    0.1,
)  # a single loss that is so many deviations of the noise, and so much of it, above the first


@dataclass(frozen=True)
class Reading:
    """What a range test says.

    Attributes:
        rates: learning rate of each update, float (U,).
        smoothed: the smoothed loss (U,), median over the repeats, up to twice the first one.
        first: the loss before anything is learnt.
        least: the lowest smoothed loss of the valley.
        valley: the rates where the loss has fallen half of the way and where it is back there; None where it has no
            such sides.
        suggestion: a rate to train with, of two digits; None where the test does not show one.
        doubt: why it shows none; empty where it does.
    """

    rates: np.ndarray
    smoothed: np.ndarray
    first: float
    least: float
    valley: tuple[float, float] | None = None
    suggestion: float | None = None
    doubt: str = ""


def read_range(rates: Sequence[float], losses: Sequence[Sequence[float]]) -> Reading:
    """Find a learning rate in what a rising one did to the loss.

    Each repeat is smoothed over 0.15 powers of ten, and the median of the repeats is read, for one of them may start
    badly. The loss falls into a valley and comes out of it again; its sides are where it has fallen half of the way and
    where it is back there. Suggested is ``right * (left / right) ** 0.3 / 5``: a factor of 5 below a point between the
    sides. The lowest point would say less: in a valley with a flat ground it lies anywhere, its sides do not. The first
    valley counts. Where few examples are passed again and again, a second one may follow, in which they are learnt by
    heart; and where single losses jump far above the first one before the valley is reached, it is such a one.

    Args:
        rates: learning rates of U updates, each the same multiple of the one before.
        losses: losses of D repeats, each of U values, or of fewer where the loss exploded.

    Returns:
        The curve, and what it suggests.

    Raises:
        ValueError: there is nothing to read.
    """
    if not losses or not all(losses):
        raise ValueError(f"losses ({len(losses)} repeats) must hold one repeat at least, each with one update")
    per_decade = (len(rates) - 1) / math.log10(rates[-1] / rates[0])
    quiet = max(round(per_decade), 2)  # updates in which nothing is learnt: what moves there is noise
    first = float(np.median([np.mean(values[:quiet]) for values in losses]))
    sigma = _BLUR * per_decade
    smoothed_DU = [smooth(_filled(values, len(rates), _CEILING * first), sigma) for values in losses]
    rates_U, loss_U = np.asarray(rates, dtype=float), np.median(smoothed_DU, axis=0)

    averaged = 1 + 2 * math.sqrt(math.pi) * sigma  # how many losses one smoothed one is worth
    of_median = 1 if len(losses) == 1 else 2 / math.pi * len(losses)  # and how many repeats their median is worth
    spread = float(np.median([np.std(values[:quiet]) for values in losses]))
    noise = spread / math.sqrt(averaged * of_median)
    much = max(_SIGMAS * noise, _MIN_CHANGE * first)
    has_fallen_U = loss_U < first - much
    if not has_fallen_U.any():
        least = float(loss_U.min())
        doubt = f"the loss falls at no rate: from {first:.4g} to {least:.4g} at best"
        return Reading(rates_U, loss_U, first, least, doubt=doubt)
    has_risen_U = (loss_U > first + much) & (np.arange(len(loss_U)) > has_fallen_U.argmax())
    end = int(has_risen_U.argmax()) if has_risen_U.any() else len(loss_U)
    lowest = int(loss_U[:end].argmin())
    least = float(loss_U[lowest])
    is_deep_U = loss_U < (first + least) / 2
    if is_deep_U[lowest:].all():
        doubt = f"the loss does not rise up to the highest rate, {rates[-1]:g}: nothing shows how high is too high"
        return Reading(rates_U, loss_U, first, least, doubt=doubt)
    valley = (float(rates_U[is_deep_U.argmax()]), float(rates_U[lowest + int(is_deep_U[lowest:].argmin())]))
    jump = float(np.median([_first_jump(values, rates, first, spread) for values in losses]))
    if jump < valley[0]:
        doubt = (
            f"losses jump from {jump:.2g} on, before the loss falls: what falls behind that is learnt by heart, if at "
            f"all. Try rates 5 to 30 times lower than {jump:.2g}"
        )
        return Reading(rates_U, loss_U, first, least, doubt=doubt)
    return Reading(rates_U, loss_U, first, least, valley, float(f"{_below(*valley):.2g}"))


def _below(left: float, right: float) -> float:
    return right * (left / right) ** BACK / BELOW


def _first_jump(values: Sequence[float], rates: Sequence[float], first: float, spread: float) -> float:
    """The rate of the first loss that is far above the first one, or of the last update."""
    far = first + max(_JUMP_SIGMAS * spread, _JUMP * first)
    return next((rate for value, rate in zip(values, rates, strict=False) if value > far), rates[len(values) - 1])


def _filled(values: Sequence[float], count: int, ceiling: float) -> np.ndarray:
    """Values up to a ceiling, and the ceiling where there are no more."""
    filled_U = np.full(count, ceiling)
    filled_U[: len(values)] = np.minimum(values, ceiling)
    return filled_U


def smooth(values_U: np.ndarray, sigma: float) -> np.ndarray:
    """Each value's mean with its neighbours, which weigh less the farther off they are.

    Args:
        values_U: float.
        sigma: standard deviation of the weights, in places.

    Returns:
        As many; towards the ends over the neighbours there are.
    """
    place_U = np.arange(len(values_U))
    weight_UU = np.exp(-0.5 * ((place_U[:, None] - place_U) / sigma) ** 2)
    return weight_UU @ values_U / weight_UU.sum(axis=1)
