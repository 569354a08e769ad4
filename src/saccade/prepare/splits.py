"""Which example belongs to training, validation and test: stratified, seeded, and steady when examples are added.

Examples are ordered inside each class by a hash of (seed, id), never by their position. The lowest go to test, the next
to validation, the rest to training. A new example lands anywhere in that order and shifts only the borders: what leaves
the test split goes to validation, not into training, for any addition smaller than the validation split.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from saccade.core.errors import UserError

_UNUSED = ""


def assign_splits(
    labels_N: np.ndarray,
    keys: Sequence[str],
    *,
    classes: Sequence[str],
    test: float | Literal["given"],
    validation: float,
    order: Literal["random", "time"] = "random",
    published: Sequence[str] | None = None,
    left_out: np.ndarray | None = None,
    train_fraction: float = 1.0,
    seed: int = 0,
) -> np.ndarray:
    """Assign each example to a split.

    Args:
        labels_N: int64 class indices.
        keys: steady names of what must stay in one split, from ``units.group_keys``; an example alone has its own.
        classes: class names, for messages.
        test: share of all examples in [0, 1), per class; "given" keeps the published test split.
        validation: share of all examples (with ``test: given``, of those not in test) in [0, 1), per class.
        order: random as described above; time cuts the examples in their own order, earliest for training; what must
            stay together goes where its latest example does.
        published: "train", "validation" or "test" per example, where the publisher split them.
        left_out: bool (N,), examples that go nowhere; None: there are none.
        train_fraction: share of the training split to keep, per class; smaller shares are subsets of larger ones.
        seed: of the order.

    Returns:
        Array of str (N,): "train", "validation", "test", or "" for what ``train_fraction`` or ``left_out`` leave out.

    Raises:
        UserError: ``test: given`` without a published split; shares of 1 or more; a class or split left empty.
    """
    if test == "given" and (published is None or "test" not in published):
        raise UserError("split.test (given) must be a share such as 0.15 here: this source publishes no test split")
    shares = (0.0 if test == "given" else float(test)) + validation
    if shares >= 1:
        raise UserError(
            f"split.test + split.validation ({shares:g}) must be below 1: nothing would be left to train on"
        )

    out_N = np.zeros(len(labels_N), dtype=bool) if left_out is None else left_out
    splits_N = np.where(out_N, _UNUSED, "train").astype(object)
    free_N = ~out_N
    if test == "given":
        assert published is not None
        published_N = np.asarray(published, dtype=object)
        fixed_N = (published_N == "test") & ~out_N
        if (published_N == "validation").any():
            fixed_N |= (published_N == "validation") & ~out_N
            validation = 0.0
        splits_N[fixed_N] = published_N[fixed_N]
        free_N &= ~fixed_N

    test_share = 0.0 if test == "given" else float(test)
    rows = np.flatnonzero(free_N)
    if order == "time":
        strata: Mapping[str, list[list[int]]] = {"all": _units_by_time(rows, keys)}
    else:
        strata = _units_by_class(rows, labels_N, keys, seed)
    for units in strata.values():
        total = sum(len(unit) for unit in units)
        test_count, validation_count = round(test_share * total), round(validation * total)
        keep_count = (
            test_count + validation_count + max(1, round(train_fraction * (total - test_count - validation_count)))
        )
        taken = 0
        for unit in units:
            name = "test" if taken < test_count else "validation" if taken < test_count + validation_count else "train"
            splits_N[unit] = name if taken < keep_count else _UNUSED
            taken += len(unit)
    wanted = [split for split, share in (("validation", validation), ("test", test_share)) if share > 0]
    given = sorted(set(splits_N[~free_N & ~out_N])) if test == "given" else []
    _refuse_empty(splits_N, labels_N, keys, classes, ["train", *wanted], given, order, out_N)
    return splits_N.astype(str)


def _units_by_time(rows: np.ndarray, keys: Sequence[str]) -> list[list[int]]:
    """Rows that must stay together, in the order of their latest, the latest first: test, validation, then training."""
    members: dict[str, list[int]] = {}
    for row in rows[::-1].tolist():
        members.setdefault(keys[row], []).append(row)
    return list(members.values())


def _units_by_class(
    rows: np.ndarray, labels_N: np.ndarray, keys: Sequence[str], seed: int
) -> Mapping[str, list[list[int]]]:
    """Rows that must stay together, listed by their most common label, in the order of the hash of (seed, key)."""
    members: dict[str, list[int]] = {}
    for row in rows:
        members.setdefault(keys[row], []).append(int(row))
    strata: dict[str, list[list[int]]] = {}
    for key in sorted(members, key=lambda key: hashlib.blake2b(f"{seed}\0{key}".encode(), digest_size=16).digest()):
        unit = members[key]
        label = np.bincount(labels_N[unit]).argmax() if len(unit) > 1 else labels_N[unit[0]]
        strata.setdefault(str(label), []).append(unit)
    return strata


def _refuse_empty(
    splits_N: np.ndarray,
    labels_N: np.ndarray,
    keys: Sequence[str],
    classes: Sequence[str],
    shared: Sequence[str],
    given: Sequence[str],
    order: str,
    out_N: np.ndarray,
) -> None:
    """Splits that are ``shared`` out by us, or ``given`` by the publisher."""
    for split in (*shared, *given):
        counts_K = np.bincount(labels_N[splits_N == split], minlength=len(classes))
        if counts_K.sum() == 0:
            rows = np.flatnonzero(~out_N)
            units = len({keys[row] for row in rows.tolist()})
            apart = "" if units == len(rows) else f" ({units} that may go apart)"
            without = f", {len(labels_N) - len(rows)} left out," if len(rows) < len(labels_N) else ""
            raise UserError(
                f"the {split} split is empty: {len(rows)} examples{apart}{without} are too few for these shares"
            )
        if order == "random" and (counts_K == 0).any():
            missing = int(np.flatnonzero(counts_K == 0)[0])
            rows = np.flatnonzero(labels_N == missing)
            units = len({keys[row] for row in rows.tolist()})
            apart = "" if units == len(rows) else f", {units} that may go apart"
            where, remedy = f"the {split} split", "raise that split's share"
            if split in given:
                where, remedy = f"{where} as published", "put some there"
            raise UserError(
                f"class {classes[missing]!r} ({len(rows)} example{'s' * (len(rows) != 1)}{apart}) has none in {where}: "
                f"give it more examples, {remedy}, or leave the class out"
            )
