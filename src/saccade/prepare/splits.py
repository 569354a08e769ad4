"""Which example belongs to training, validation and test: stratified, seeded, and steady when examples are added.

Examples are ordered inside each class by a hash of (seed, id), never by their position. The lowest go to test, the next
to validation, the rest to training. A new example lands anywhere in that order and shifts only the borders: what leaves
the test split goes to validation, not into training, for any addition smaller than the validation split.

An example that may have several classes is listed under its rarest one, so that rare classes get their share of every
split; those without any are listed by themselves. (Iterative stratification, Sechidis et al. 2011, comes closer to the
shares of frequent classes, and gives everything another place when an example is added.)

Shapes: N examples, K classes.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from saccade.core.errors import UserError
from saccade.data.imbalance import count_classes

DEFAULT_TEST = 0.15
"""Share of the test split where the source publishes none, and nothing is asked for."""

_UNUSED = ""
_FEW_UNITS = 10  # groups a class: of fewer, rounding shares class by class would empty a split
_MAX_LISTED = 10  # classes in a message


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
    keep_validation: bool = False,
    small_class_remedy: str = "",
) -> np.ndarray:
    """Assign each example to a split.

    Args:
        labels_N: int64 class indices; where an example may have several classes, uint8 (N, K).
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
        keep_validation: whether the published validation split stays as it is where ``test`` is a share, of the others.
        small_class_remedy: option that leaves out classes of few examples, for messages; empty: there is none.

    Returns:
        Array of str (N,): "train", "validation", "test", or "" for what ``train_fraction`` or ``left_out`` leave out.

    Raises:
        UserError: ``test: given`` without a published split; shares of 1 or more; a split left empty, or a class in
            one; of several classes an example, one that training has none of.
    """
    if test == "given" and (published is None or "test" not in published):
        raise no_published_test(published)
    shares = (0.0 if test == "given" else float(test)) + validation
    if shares >= 1:
        raise UserError(
            f"split.test + split.validation ({shares:g}) must be below 1: nothing would be left to train on"
        )

    out_N = np.zeros(len(labels_N), dtype=bool) if left_out is None else left_out
    splits_N = np.where(out_N, _UNUSED, "train").astype(object)
    free_N = ~out_N
    is_kept = test == "given" or keep_validation
    if is_kept:
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
        strata = _units_by_class(rows, rarest_classes(labels_N) if labels_N.ndim == 2 else labels_N, keys, seed)
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
    given = sorted(set(splits_N[~free_N & ~out_N])) if is_kept else []
    _refuse_empty(splits_N, labels_N, keys, classes, ["train", *wanted], given, order, out_N, small_class_remedy)
    return splits_N.astype(str)


def no_published_test(published: Sequence[str] | None) -> UserError:
    """The error for a published test split that is asked for and not there."""
    what = "no test split"
    if published is not None and "validation" in published:
        what = "train and validation alone. Leave test out to keep them and draw a test split from training"
    return UserError(f"split.test (given) must be a share such as {DEFAULT_TEST} here: this source publishes {what}")


def rarest_classes(labels_NK: np.ndarray) -> np.ndarray:
    """The class of each example that the fewest examples have, int64 (N,), the first of equals; K where it has none.

    >>> rarest_classes(np.array([[1, 1], [1, 0], [0, 0]], np.uint8))
    array([1, 0, 2])
    """
    N, K = labels_NK.shape
    count_NK = np.where(labels_NK, labels_NK.sum(axis=0, dtype=np.int64), N + 1)
    return np.where(labels_NK.any(axis=1), count_NK.argmin(axis=1), K)


def _units_by_time(rows: np.ndarray, keys: Sequence[str]) -> list[list[int]]:
    """Rows that must stay together, in the order of their latest, the latest first: test, validation, then training."""
    members: dict[str, list[int]] = {}
    for row in rows[::-1].tolist():
        members.setdefault(keys[row], []).append(row)
    return list(members.values())


def _units_by_class(
    rows: np.ndarray, labels_N: np.ndarray, keys: Sequence[str], seed: int
) -> Mapping[str, list[list[int]]]:
    """Rows that must stay together, listed by their most common label, in the order of the hash of (seed, key).

    Few groups that each hold many classes (a font has all letters) are of no class, and are listed in one.
    """
    members: dict[str, list[int]] = {}
    for row in rows:
        members.setdefault(keys[row], []).append(int(row))
    strata: dict[str, list[list[int]]] = {}
    is_mixed = len(members) < _FEW_UNITS * len(np.unique(labels_N[rows])) and all(
        2 * np.bincount(labels_N[unit]).max() < len(unit) for unit in members.values()
    )
    for key in sorted(members, key=lambda key: hashlib.blake2b(f"{seed}\0{key}".encode(), digest_size=16).digest()):
        unit = members[key]
        label = np.bincount(labels_N[unit]).argmax() if len(unit) > 1 else labels_N[unit[0]]
        strata.setdefault("all" if is_mixed else str(label), []).append(unit)
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
    small_class_remedy: str,
) -> None:
    """Splits that are ``shared`` out by us, or ``given`` by the publisher."""
    lacking: dict[int, list[str]] = {}  # class to the splits that have none of it
    for split in (*shared, *given):
        is_in_N = splits_N == split
        counts_K = count_classes(labels_N[is_in_N], len(classes))
        if not is_in_N.any() and not lacking:
            rows = np.flatnonzero(~out_N)
            units = len({keys[row] for row in rows.tolist()})
            apart = "" if units == len(rows) else f" ({units} that may go apart)"
            without = f", {len(labels_N) - len(rows)} left out," if len(rows) < len(labels_N) else ""
            raise UserError(
                f"the {split} split is empty: {len(rows)} examples{apart}{without} are too few for these shares"
            )
        # Of several classes an example, a rare one may be missing where things are measured, which then says so
        is_asked = split == "train" if labels_N.ndim == 2 else order == "random"
        for k in np.flatnonzero(counts_K == 0).tolist() if is_asked else ():
            lacking.setdefault(k, []).append(split)
    if lacking:
        raise UserError(_lacking_message(lacking, labels_N, keys, classes, given, small_class_remedy))


def _lacking_message(
    lacking: Mapping[int, Sequence[str]],
    labels_N: np.ndarray,
    keys: Sequence[str],
    classes: Sequence[str],
    given: Sequence[str],
    small_class_remedy: str,
) -> str:
    """All classes that some split has none of, and what to do."""
    listed, largest = [], 0
    for k, without in lacking.items():
        rows = np.flatnonzero(labels_N[:, k] if labels_N.ndim == 2 else labels_N == k)
        units = len({keys[row] for row in rows.tolist()})
        apart = "" if units == len(rows) else f", {units} that may go apart"
        published = " as published" if set(without) <= set(given) else ""
        where = f"the {', '.join(without[:-1])}{' and ' * (len(without) > 1)}{without[-1]} split"
        where += "s" * (len(without) > 1) + published
        listed.append(f"class {classes[k]!r} ({len(rows)} example{'s' * (len(rows) != 1)}{apart}) has none in {where}")
        largest = max(largest, len(rows))
    more = len(listed) - _MAX_LISTED
    remedies = ["give it more examples" if len(listed) == 1 else "give them more examples"]
    are_published = all(set(without) <= set(given) for without in lacking.values())
    if are_published:
        remedies += ["put some there", f"draw the splits anew (split.test: {DEFAULT_TEST})"]
    else:
        remedies.append("raise that split's share")
    leave_out = "leave the class out" if len(listed) == 1 else "leave the classes out"
    if small_class_remedy and not are_published:
        leave_out += f" ({small_class_remedy}: {largest + 1})"
    if len(listed) == 1:
        return f"{listed[0]}: {', '.join(remedies)}, or {leave_out}"
    lines = [f"  {line}" for line in listed[:_MAX_LISTED]] + [f"  and {more:,} more"] * (more > 0)
    opening = f"each class must have examples in each split, but {len(listed):,} have not:"
    return "\n".join([opening, *lines, f"{', '.join(remedies).capitalize()}, or {leave_out}"])
