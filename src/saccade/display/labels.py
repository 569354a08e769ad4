"""Sections of the dataset report: which classes examples have together, and how the numbers to predict are spread.

Shapes: N examples, K classes, O numbers to predict.
"""

from collections.abc import Sequence

import numpy as np

from saccade.data.prepared import DatasetInfo
from saccade.data.spec import SPLITS
from saccade.display.page import Cell, Line, Name, PageBlock, Section, Share, Table, percent

_MAX_CLASSES = 12  # columns of the table; more would not fit
_MAX_PAIRS = 20


def co_occurrence(classes: Sequence[str], labels_NK: np.ndarray) -> Section:
    """How many classes examples have, and which ones they have together.

    Args:
        classes: the K names.
        labels_NK: uint8, 1 where an example of the training split has the class.

    Returns:
        A table of counts up to a dozen classes; of more, the most frequent pairs.
    """
    has_NK = np.asarray(labels_NK, dtype=np.int64)
    number_N = has_NK.sum(axis=1)
    N = len(number_N)
    counts = [(n, int(count)) for n, count in enumerate(np.bincount(number_N, minlength=1)) if count]
    most = max(count for _, count in counts) if counts else 1
    how_many: list[list[Cell]] = [[f"{n:,}", count, Share(count / max(N, 1), count / most)] for n, count in counts]
    pairs_KK = has_NK.T @ has_NK
    blocks: list[PageBlock] = [Table(["classes of an example", "examples", "share"], how_many)]
    lines: list[Line] = [(f"Training examples have {number_N.mean():.2f} classes on average.",)]
    if len(classes) <= _MAX_CLASSES:
        rows: list[list[Cell]] = [
            [k + 1, Name(name), *(int(count) for count in pairs_KK[k])] for k, name in enumerate(classes)
        ]
        lines.append(("The second table counts the examples that have the classes of its row and of its column.",))
        blocks.append(Table(["", "class", *(str(k + 1) for k in range(len(classes)))], rows))
    else:
        first, second = np.triu_indices(len(classes), 1)
        order = np.argsort(-pairs_KK[first, second], kind="stable")[:_MAX_PAIRS]
        together = [(int(first[i]), int(second[i])) for i in order if pairs_KK[first[i], second[i]]]
        lines.append((f"The {len(together)} most frequent pairs are below.",))
        blocks.append(
            Table(
                ["class", "with", "examples"],
                [[Name(classes[i]), Name(classes[k]), int(pairs_KK[i, k])] for i, k in together],
            )
        )
    several = percent(float((number_N > 1).mean()) if N else 0.0)
    return Section("together", "Classes together", f"{several} have several", lines=lines, blocks=blocks)


def target_values(info: DatasetInfo, targets_NO: np.ndarray, splits_N: np.ndarray) -> Section:
    """How the numbers to predict are spread in each split.

    Args:
        info: of the prepared arrays.
        targets_NO: float, the numbers of all examples of the source.
        splits_N: str, the split of each; "" for what is in none.

    Returns:
        A row a number and split: least, quartiles and greatest, mean and standard deviation.
    """
    rows: list[list[Cell]] = []
    for o, target in enumerate(info.spec.targets):
        for split in SPLITS:
            values = targets_NO[splits_N == split, o].astype(np.float64)
            if len(values):
                quartiles = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
                shown = [f"{value:.4g}" for value in (*quartiles, values.mean(), values.std())]
                rows.append([Name(target), split, *shown])
    titles = ["number", "split", "least", "25 %", "median", "75 %", "greatest", "mean", "standard deviation"]
    lines: list[Line] = [
        (
            "Training takes the numbers less their mean, divided by their standard deviation over the training split; "
            "answers are in the numbers' own unit.",
        )
    ]
    result = f"{len(info.spec.targets):,}"
    return Section("numbers", "Numbers to predict", result, lines=lines, blocks=[Table(titles, rows)])
