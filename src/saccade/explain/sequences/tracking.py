"""Units that follow something in a text: which cell counts the characters of a line, which one knows of brackets.

Source: A. Karpathy, J. Johnson, L. Fei-Fei, "Visualizing and understanding recurrent networks", 2015, who looked for
such cells by eye. Here they are found by correlation on one text and measured on another one. Of hundreds of units some
follow anything a little: what is found is compared with the largest correlation of any unit with the same features
moved along the text, which keeps how slowly both change and takes away that they belong together.

Shapes: N characters, D units, Q features, S shifts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from saccade.core.errors import UserError

_SHIFTS = 200
_SHARE = 0.05  # of shifts that give more by chance than the bound
_MIN_CHARACTERS = 1000


@dataclass(frozen=True)
class Follower:
    """The unit that follows a feature best.

    Attributes:
        feature: name of the feature.
        unit: index of the unit, chosen on the first text.
        r_chosen: its correlation on the text on which it was chosen, in [-1, 1].
        r: its correlation on the other text.
        bound: largest correlation of any unit, without its sign, that 5 % of shifts of this feature exceed.
        p: share of shifts, itself counted, in which some unit follows the shifted feature at least as closely.
    """

    feature: str
    unit: int
    r_chosen: float
    r: float
    bound: float
    p: float

    @property
    def is_found(self) -> bool:
        """Whether it follows more closely than the best of as many units would by chance."""
        return abs(self.r) > self.bound


def find_followers(
    chosen_ND: np.ndarray,
    chosen_features: Mapping[str, np.ndarray],
    measured_ND: np.ndarray,
    measured_features: Mapping[str, np.ndarray],
    *,
    shifts: int = _SHIFTS,
    seed: int = 0,
) -> list[Follower]:
    """The unit that follows each feature best, chosen on one text and measured on another.

    Args:
        chosen_ND: states of all units over the text on which units are chosen.
        chosen_features: name to (N,) over the same text.
        measured_ND: states over the text on which they are measured; a network should have learnt from neither.
        measured_features: name to (N,) over it.
        shifts: number of shifts of the null distribution, from 20.
        seed: decides the shifts.

    Returns:
        One for each feature that both texts have, the closest first.

    Raises:
        UserError: a text is too short to shift it.
    """
    for values_ND in (chosen_ND, measured_ND):
        if len(values_ND) < _MIN_CHARACTERS:
            raise UserError(
                f"the text ({len(values_ND):,} characters) must have at least {_MIN_CHARACTERS:,} to tell what units "
                "follow: give a longer one"
            )
    names = [name for name in chosen_features if name in measured_features]
    chosen_DQ = correlations(chosen_ND, _columns(chosen_features, names))
    unit_Q = np.abs(chosen_DQ).argmax(axis=0)
    units_ND, features_NQ = _normalised(measured_ND), _normalised(_columns(measured_features, names))
    measured_DQ = units_ND.T @ features_NQ
    largest_SQ = _largest_by_chance(units_ND, features_NQ, shifts, seed)
    found = []
    for q, name in enumerate(names):
        r = float(measured_DQ[unit_Q[q], q])
        p = (1 + int((largest_SQ[:, q] >= abs(r)).sum())) / (1 + shifts)
        bound = float(np.quantile(largest_SQ[:, q], 1 - _SHARE))
        found.append(Follower(name, int(unit_Q[q]), float(chosen_DQ[unit_Q[q], q]), r, bound, p))
    return sorted(found, key=lambda one: -abs(one.r))


def correlations(units_ND: np.ndarray, features_NQ: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each unit with each feature, float32 (D, Q); 0 where one of them never changes."""
    found: np.ndarray = _normalised(units_ND).T @ _normalised(features_NQ)
    return found


def _largest_by_chance(units_ND: np.ndarray, features_NQ: np.ndarray, shifts: int, seed: int) -> np.ndarray:
    """The largest correlation, without its sign, of any unit with each feature moved along the text, (S, Q)."""
    N = len(units_ND)
    random = np.random.default_rng(seed)
    nearest = min(_MIN_CHARACTERS, N) // 2  # closer, what is slow would still be in its place
    found_SQ = np.empty((shifts, features_NQ.shape[1]), np.float32)
    for s, shift in enumerate(random.integers(nearest, N - nearest + 1, shifts)):
        found_SQ[s] = np.abs(units_ND.T @ np.roll(features_NQ, shift, axis=0)).max(axis=0)
    return found_SQ


def _columns(features: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    return np.stack([features[name] for name in names], axis=1)


def _normalised(values_NX: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and length 1; what never changes becomes 0."""
    centred_NX = values_NX - values_NX.mean(axis=0, dtype=np.float64)
    length_X = np.sqrt(np.square(centred_NX).sum(axis=0))
    return (centred_NX / np.where(length_X > 1e-9 * np.sqrt(len(values_NX)), length_X, np.inf)).astype(np.float32)
