"""Section of the dataset report: the classes, and whether some are much rarer than others."""

import numpy as np

from saccade.data.imbalance import constant_accuracy, is_imbalanced
from saccade.data.prepared import DatasetInfo
from saccade.display.page import Cell, Code, Line, Name, PageBlock, Section, Share, Table, percent

_MAX_CLASSES = 200  # in the table of classes
_NUM_AT_EACH_END = 20  # of more classes: so many of the largest, and of the smallest


def class_balance(description: DatasetInfo) -> Section:
    """How many examples each class has in each split, and what an unequal share of them means.

    Args:
        description: description of a dataset with classes.

    Returns:
        A table of the classes.
    """
    classes, splits = description.spec.classes, list(description.counts)
    counts_K = np.array([description.class_counts[split] for split in splits]).sum(axis=0)
    order, lines = list(range(len(classes))), []
    total = sum(description.counts.values()) if description.spec.multilabel else int(counts_K.sum())
    if len(classes) > _MAX_CLASSES:
        by_size = np.argsort(-counts_K, kind="stable").tolist()
        order = by_size[:_NUM_AT_EACH_END] + by_size[-_NUM_AT_EACH_END:]
        lines.append(
            (
                f"The table shows the {_NUM_AT_EACH_END} largest and the {_NUM_AT_EACH_END} smallest of "
                f"{len(classes):,} classes.",
            )
        )
    rows: list[list[Cell]] = []
    for k in order:
        count = int(counts_K[k])
        share = Share(count / max(total, 1), count / max(int(counts_K.max()), 1))
        rows.append([Name(classes[k]), *(description.class_counts[split][k] for split in splits), count, share])
    blocks: list[PageBlock] = [Table(["class", *splits, "all", "share"], rows)]
    result, balance = _balance(description)
    is_fine = not is_imbalanced(description.class_counts["train"])
    return Section("classes", "Classes", result, is_fine, [*balance, *lines], blocks)


def _balance(description: DatasetInfo) -> tuple[str, list[Line]]:
    """In a few words, and in full."""
    classes, plural = description.spec.classes, description.spec.plural
    counts = description.class_counts["train"]
    if not is_imbalanced(counts):
        return "balanced", [(f"Balanced: no class has twice the training {plural} of another.",)]
    least, most = counts.index(min(counts)), counts.index(max(counts))
    ratio = f"{counts[most] / counts[least]:.3g} : 1" if counts[least] else "some have none"
    if description.spec.multilabel:
        return f"imbalanced, {ratio}", [
            (
                "Imbalanced: ",
                Name(classes[most]),
                f" is in {counts[most]:,} training {plural}, ",
                Name(classes[least]),
                f" in {counts[least]:,}. Mean average precision and macro F1 count all classes alike.",
            ),
            (
                "To make the examples that have a class weigh more in its part of the loss: ",
                Code("train.class_weights: inverse"),
                " or ",
                Code("effective"),
                ".",
            ),
        ]
    return f"imbalanced, {ratio}", [
        (
            "Imbalanced: ",
            Name(classes[most]),
            f" has {counts[most]:,} training {plural}, ",
            Name(classes[least]),
            f" has {counts[least]:,}. Always answering the largest class would be right for "
            f"{percent(constant_accuracy(description.class_counts['test']))} of the test split. Evaluation therefore "
            "reports balanced accuracy first: the mean over the classes of how much of each is recognised.",
        ),
        (
            "To make rare classes count as much as frequent ones in training: ",
            Code("train.class_weights: inverse"),
            " or ",
            Code("effective"),
            ", or ",
            Code("train.sampler: balanced"),
            ".",
        ),
    ]
