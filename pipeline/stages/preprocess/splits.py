"""Who goes into which split, and what stays together: the same for pictures, texts and series."""

from collections.abc import Sequence

import numpy as np

from pipeline.schema.split import SplitBlock
from saccade.core.errors import UserError
from saccade.core.messages import printable
from saccade.io.path_patterns import compile_field
from saccade.prepare.folds import assign_folds, seed_of_fold
from saccade.prepare.splits import assign_splits
from saccade.readers.examples import ImageExamples, SeriesExamples, SeriesFiles, TextExamples


def assign(
    examples: ImageExamples | SeriesExamples | TextExamples,
    labels_N: np.ndarray,
    classes: Sequence[str],
    keys: Sequence[str],
    split: SplitBlock,
    seed: int,
    left_out: np.ndarray | None = None,
) -> np.ndarray:
    """Which split each example is in, as ``split:`` asks for; arguments and result are those of ``assign_splits``."""
    test, published = split.test, examples.published_splits
    if split.folds is not None and split.fold is not None:
        fold_N = assign_folds(labels_N, keys, classes=classes, folds=split.folds, left_out=left_out, seed=seed)
        test, published = "given", np.where(fold_N == split.fold - 1, "test", "train").tolist()
        seed = seed_of_fold(seed, split.fold)  # else the same examples were the validation split of all folds
    return assign_splits(
        labels_N,
        keys,
        classes=classes,
        test=test,
        validation=split.validation,
        order=split.order,
        published=published,
        left_out=left_out,
        train_fraction=split.train_fraction,
        seed=seed,
    )


def groups_of(
    examples: ImageExamples | SeriesExamples | SeriesFiles | TextExamples, split: SplitBlock
) -> Sequence[str] | None:
    """The value of ``split.group_by`` of each example."""
    if split.group_by is None:
        return None
    if split.group_by in examples.groups:
        return examples.groups[split.group_by]
    names: Sequence[str] = ()
    if isinstance(examples, ImageExamples | SeriesFiles):
        names = examples.names
    elif isinstance(examples, TextExamples):
        names = examples.paths
    if "{group}" not in split.group_by or not names:
        known = ", ".join(examples.groups) or "none"
        raise UserError(
            f"split.group_by ({split.group_by!r}) must be a column of the source, which has {known}, or a pattern of "
            "its paths such as 'patient-{group}/*'"
        )
    group_of = compile_field(split.group_by, "group")
    groups = []
    for name in names:
        if (group := group_of(name)) is None:
            raise UserError(
                f"split.group_by ({split.group_by!r}) must fit every path, but does not fit {printable(name)}. "
                "Correct it, or leave such files out"
            )
        groups.append(group)
    return groups
