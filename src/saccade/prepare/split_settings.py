"""What ``split:`` of a dataset asks for, and who then goes into which split and stays together: the same for all kinds.

Shapes: N examples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from saccade.core.errors import UserError
from saccade.core.messages import printable
from saccade.io.path_patterns import compile_field
from saccade.prepare.folds import assign_folds, seed_of_fold, splits_of_rolling_origin
from saccade.prepare.splits import DEFAULT_TEST, assign_splits, no_published_test


@dataclass(frozen=True)
class SplitSettings:
    """How examples are divided among training, validation and test.

    Attributes:
        test: share of all examples in (0, 1), per class; "given" keeps the published test split.
        validation: share in (0, 1), per class.
        keep_validation: whether the published validation split stays as it is, although the test split is drawn.
        order: random, or time, which keeps the examples' own order, earliest for training.
        group_by: column of the source, or pattern of its paths, whose equal values stay in one split; None: no groups.
        group_near_duplicates: whether images that are nearly the same stay in one split.
        allow_leakage: whether copies may stay in several published splits.
        overfit: whether all of one long text is training, validation and test.
        folds: number of equal parts, one of which is the test split; by time, of blocks that are tested after what lies
            before them; None: no folds.
        fold: number of the fold that is the test split, from 1.
        train_fraction: share in (0, 1] of the training split that is kept, per class.
        seed: seed of the order.
    """

    test: float | Literal["given"] = DEFAULT_TEST
    validation: float = 0.15
    keep_validation: bool = False
    order: Literal["random", "time"] = "random"
    group_by: str | None = None
    group_near_duplicates: bool = False
    allow_leakage: bool = False
    overfit: bool = False
    folds: int | None = None
    fold: int | None = None
    train_fraction: float = 1.0
    seed: int = 0

    def published(self, published: Sequence[str] | None) -> Sequence[str] | None:
        """The published splits where they are kept, else None."""
        return published if self.test == "given" or self.keep_validation else None

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
        if self.test == "given" and kept is None:
            raise no_published_test(published)
        held = 0.0 if self.test == "given" else 1 / self.folds if self.folds else self.test
        validation = self.validation
        if kept is not None:
            total -= sum(part == "test" for part in kept)
            if self.keep_validation or "validation" in kept:
                total -= sum(part == "validation" for part in kept)
                validation = 0.0
        return max(1, round(total * (1 - held) * (1 - validation) * self.train_fraction))


def settings_for(values: Mapping[str, Any], published: Sequence[str] | None) -> tuple[SplitSettings, str]:
    """What ``split:`` asks for, where it may say nothing of the test split: then published splits are kept.

    Args:
        values: attributes of ``SplitSettings``; ``test`` may be None.
        published: published split of each example, None where there are none.

    Returns:
        The settings, and a line for people on what was decided; empty where nothing was.

    >>> settings_for({"test": None}, ["train", "test"])[0].test, settings_for({"test": None}, None)[0].test
    ('given', 0.15)
    """
    there = set(published or ())
    if values.get("test") is not None:
        settings = SplitSettings(**values)
        if settings.test == "given" or len(there) < 2 or settings.folds is not None:
            return settings, ""
        kept = "test: given keeps" if "test" in there else "leaving split.test out keeps"
        return settings, f"the published splits are drawn anew (split.test: {settings.test:g}); {kept} them"
    if values.get("folds") is not None:
        line = "the published splits are not kept: the folds are parts of all examples" if len(there) > 1 else ""
        return SplitSettings(**{**values, "test": DEFAULT_TEST}), line
    is_by_time = values.get("order", "random") == "time"
    if is_by_time or "train" not in there or there == {"train"}:
        line = "the published splits are drawn anew, by time; test: given keeps them" if "test" in there else ""
        return SplitSettings(**{**values, "test": DEFAULT_TEST}), line * (is_by_time and len(there) > 1)
    if "test" in there:
        drawn = "" if "validation" in there else ", validation drawn from training"
        line = f"the published splits are kept{drawn} (split.test: given); split.test: {DEFAULT_TEST} draws all anew"
        return SplitSettings(**{**values, "test": "given"}), line
    settings = SplitSettings(**{**values, "test": DEFAULT_TEST, "keep_validation": True})
    return settings, (
        f"the published validation split is kept, and {DEFAULT_TEST:.0%} of training drawn for the test; "
        f"split.test: {DEFAULT_TEST} draws all anew"
    )


def assign(
    settings: SplitSettings,
    labels_N: np.ndarray,
    classes: Sequence[str],
    keys: Sequence[str],
    *,
    published: Sequence[str] | None = None,
    left_out: np.ndarray | None = None,
    small_class_remedy: str = "",
) -> np.ndarray:
    """Assign each example to a split, or to the fold that is the test split and what is left.

    Args:
        settings: what ``split:`` asks for.
        labels_N: int64 class indices; where an example may have several classes, uint8 (N, K).
        classes: class names, for messages.
        keys: steady names of what must stay in one split, from ``groups.group_keys``.
        published: "train", "validation" or "test" per example, where the publisher split them.
        left_out: bool (N,), examples that go nowhere; None: there are none.
        small_class_remedy: option that leaves out classes of few examples, for messages; empty: there is none.

    Returns:
        Array of str (N,), as of ``assign_splits``.
    """
    test, seed = settings.test, settings.seed
    if settings.folds is not None and settings.fold is not None and settings.order == "time":
        parts_N = splits_of_rolling_origin(keys, folds=settings.folds, fold=settings.fold, left_out=left_out)
        test, published, left_out = "given", parts_N.tolist(), parts_N == ""
    elif settings.folds is not None and settings.fold is not None:
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
        keep_validation=settings.keep_validation and settings.folds is None,
        small_class_remedy=small_class_remedy,
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
