"""What ``split:`` of a dataset asks for, and who then goes into which split and stays together: the same for all kinds.

Shapes: N examples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from saccade.core.errors import UserError
from saccade.core.messages import printable
from saccade.io.path_patterns import compile_field
from saccade.prepare.folds import assign_folds, seed_of_fold
from saccade.prepare.splits import assign_splits


@dataclass(frozen=True)
class SplitSettings:
    """How examples are divided among training, validation and test.

    Attributes:
        test: share of all examples in (0, 1), per class; "given" keeps the published test split.
        validation: share in (0, 1), per class.
        order: random, or time, which keeps the examples' own order, earliest for training.
        group_by: column of the source, or pattern of its paths, whose equal values stay in one split; None: no groups.
        group_near_duplicates: whether images that are nearly the same stay in one split.
        allow_leakage: whether copies may stay in several published splits.
        by_heart: whether all of one long text is training, validation and test.
        folds: number of equal parts, one of which is the test split; None: no folds.
        fold: number of the fold that is the test split, from 1.
        train_fraction: share in (0, 1] of the training split that is kept, per class.
        seed: seed of the order.
    """

    test: float | Literal["given"] = 0.15
    validation: float = 0.15
    order: Literal["random", "time"] = "random"
    group_by: str | None = None
    group_near_duplicates: bool = False
    allow_leakage: bool = False
    by_heart: bool = False
    folds: int | None = None
    fold: int | None = None
    train_fraction: float = 1.0
    seed: int = 0

    def published(self, published: Sequence[str] | None) -> Sequence[str] | None:
        """The published splits where they are kept, else None."""
        return published if self.test == "given" else None

    def train_count(self, total: int, published: Sequence[str] | None) -> int:
        """About how many of ``total`` examples training will see, at least 1, before any is looked at.

        Args:
            total: number of examples of the source, from 1.
            published: published split of each example, None where there are none.

        Returns:
            Number of examples.

        Raises:
            UserError: the published test split is asked for, and there is none.

        >>> SplitSettings(test=0.2, validation=0.25).train_count(1_000, None)
        600
        """
        kept = self.published(published)
        if kept is not None:
            total, held = total - sum(part == "test" for part in kept), 0.0
        elif self.test == "given":
            raise UserError("split.test (given) must be a share such as 0.15: the source publishes no test split")
        else:
            held = 1 / self.folds if self.folds else self.test
        return max(1, round(total * (1 - held) * (1 - self.validation) * self.train_fraction))


def assign(
    settings: SplitSettings,
    labels_N: np.ndarray,
    classes: Sequence[str],
    keys: Sequence[str],
    *,
    published: Sequence[str] | None = None,
    left_out: np.ndarray | None = None,
) -> np.ndarray:
    """Assign each example to a split, or to the fold that is the test split and what is left.

    Args:
        settings: what ``split:`` asks for.
        labels_N: int64 class indices.
        classes: class names, for messages.
        keys: steady names of what must stay in one split, from ``groups.group_keys``.
        published: "train", "validation" or "test" per example, where the publisher split them.
        left_out: bool (N,), examples that go nowhere; None: there are none.

    Returns:
        Array of str (N,), as of ``assign_splits``.
    """
    test, seed = settings.test, settings.seed
    if settings.folds is not None and settings.fold is not None:
        fold_N = assign_folds(labels_N, keys, classes=classes, folds=settings.folds, left_out=left_out, seed=seed)
        test, published = "given", np.where(fold_N == settings.fold - 1, "test", "train").tolist()
        seed = seed_of_fold(seed, settings.fold)  # else the same examples were the validation split of all folds
    return assign_splits(
        labels_N,
        keys,
        classes=classes,
        test=test,
        validation=settings.validation,
        order=settings.order,
        published=published,
        left_out=left_out,
        train_fraction=settings.train_fraction,
        seed=seed,
    )


def group_names(
    settings: SplitSettings, columns: Mapping[str, Sequence[str]], paths: Sequence[str] = ()
) -> Sequence[str] | None:
    """The value of ``split.group_by`` of each example.

    Args:
        settings: what ``split:`` asks for.
        columns: name of a column of the source to a value per example.
        paths: path of each example, for a pattern; empty where examples have none.

    Returns:
        N names; None where nothing is asked for.

    Raises:
        UserError: there is no such column, or a path does not fit the pattern.
    """
    if settings.group_by is None:
        return None
    if settings.group_by in columns:
        return columns[settings.group_by]
    if "{group}" not in settings.group_by or not paths:
        known = ", ".join(columns) or "none"
        raise UserError(
            f"split.group_by ({settings.group_by!r}) must be a column of the source, which has {known}, or a pattern "
            "of its paths such as 'patient-{group}/*'"
        )
    group_of = compile_field(settings.group_by, "group")
    groups = []
    for path in paths:
        if (group := group_of(path)) is None:
            raise UserError(
                f"split.group_by ({settings.group_by!r}) must fit every path, but does not fit {printable(path)}. "
                "Correct it, or leave such files out"
            )
        groups.append(group)
    return groups
