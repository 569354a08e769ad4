"""K equal parts of all examples, each of which is the test split once: stratified, seeded, groups in one part.

What must stay together is placed first, the largest first, wherever its classes are rarest so far. Examples alone
come after, class by class in the order of a hash of (seed, key), each to the fold that has the fewest of its class: so
shares of classes differ by one example at most, unless groups are too large to be made up for.

Where an example may have several classes, all of them count, and those with the rarest come first.

Shapes: N examples, K classes.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from saccade.core.errors import UserError
from saccade.data.imbalance import count_classes
from saccade.prepare.splits import rarest_classes


def assign_folds(
    labels_N: np.ndarray,
    keys: Sequence[str],
    *,
    classes: Sequence[str],
    folds: int,
    left_out: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Assign each example to a fold.

    Args:
        labels_N: int64 class indices; where an example may have several classes, uint8 (N, K).
        keys: steady names of what must stay in one fold, from ``units.group_keys``; an example alone has its own.
        classes: class names, for messages.
        folds: how many, from 2.
        left_out: bool (N,), examples that go nowhere; None: there are none.
        seed: of the order.

    Returns:
        Array of int64 (N,): 0 to folds - 1, or -1 for what is left out.

    Raises:
        UserError: a class has less that may go apart than there are folds.
    """
    if folds < 2:
        raise UserError(f"folds ({folds}) must be at least 2: one is the test split, the others are learnt from")
    rows = np.arange(len(labels_N)) if left_out is None else np.flatnonzero(~left_out)
    units: dict[str, list[int]] = {}
    for row in rows.tolist():
        units.setdefault(keys[row], []).append(row)
    order = sorted(units, key=lambda key: hashlib.blake2b(f"{seed}\0{key}".encode(), digest_size=16).digest())
    classes_of, place_of = _classes_and_places(labels_N)
    order.sort(key=lambda key: (-len(units[key]), place_of[units[key][0]] if len(units[key]) == 1 else 0))
    fold_N = np.full(len(labels_N), -1, dtype=np.int64)
    counts_FK = [[0] * len(classes) for _ in range(folds)]  # plain lists: arrays this small take 50 times as long
    totals_F = [0] * folds
    for key in order:
        unit = units[key]
        unit_K = Counter(k for row in unit for k in classes_of[row])
        fold = min(
            range(folds), key=lambda f: (sum(counts_FK[f][k] * count for k, count in unit_K.items()), totals_F[f], f)
        )
        fold_N[unit] = fold
        totals_F[fold] += len(unit)
        for k, count in unit_K.items():
            counts_FK[fold][k] += count
    for k in np.flatnonzero((np.array(counts_FK) == 0).any(axis=0)).tolist():
        apart = len({keys[row] for row in rows.tolist() if k in classes_of[row]})
        raise UserError(
            f"class {classes[k]!r} has {apart} examples or groups that may go apart, too few for one in each of "
            f"{folds} folds: take fewer folds, give it more examples, or leave the class out"
        )
    return fold_N


def splits_of_rolling_origin(
    keys: Sequence[str], *, folds: int, fold: int, left_out: np.ndarray | None = None
) -> np.ndarray:
    """What is tested in a fold by time, what lies before it, and what lies behind it and must not be seen.

    The last ``folds`` of ``folds + 1`` equal blocks of the examples, in their own order, are tested one after the
    other, each after learning from what lies before it alone.

    Args:
        keys: steady names of what must stay in one fold, from ``units.group_keys``; it goes where its latest example
            does.
        folds: how many, from 2.
        fold: number of the fold, from 1.
        left_out: bool (N,), examples that go nowhere; None: there are none.

    Returns:
        Array of str (N,): "train", "test", or "" for what lies behind the test or is left out.

    Raises:
        UserError: there are fewer examples than blocks.

    Source: the blocks are those of scikit-learn's ``TimeSeriesSplit``.
    """
    rows = np.arange(len(keys)) if left_out is None else np.flatnonzero(~left_out)
    block = len(rows) // (folds + 1)
    if block == 0:
        raise UserError(f"folds ({folds}) must be fewer than the {len(rows)} examples, which are {folds + 1} blocks")
    end = len(rows) - (folds - fold) * block
    latest = {keys[row]: place for place, row in enumerate(rows.tolist())}
    splits_N = np.full(len(keys), "", dtype=object)
    for row in rows.tolist():
        place = latest[keys[row]]
        splits_N[row] = "train" if place < end - block else "test" if place < end else ""
    return splits_N.astype(str)


def _classes_and_places(labels_N: np.ndarray) -> tuple[list[list[int]], list[int]]:
    """The classes of each example, and its place in the order in which examples are placed."""
    if labels_N.ndim == 1:
        return [[label] for label in labels_N.tolist()], labels_N.tolist()
    rank_K = np.argsort(np.argsort([*count_classes(labels_N, labels_N.shape[1]), len(labels_N) + 1], kind="stable"))
    return [np.flatnonzero(row).tolist() for row in labels_N], rank_K[rarest_classes(labels_N)].tolist()


def seed_of_fold(seed: int, fold: int) -> int:
    """A seed for what is drawn within one fold, such as its validation split."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{fold}".encode(), digest_size=8).digest())
