"""Whether each transcript fits into its line, found before a training begins: else the loss of CTC is infinite.

Shapes: N lines, L characters of the longest transcript.
"""

import csv
from pathlib import Path

import numpy as np
import torch

from saccade.batching.length_buckets import stored_lengths
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.core.messages import pluralise, printable
from saccade.data.alphabet import decode
from saccade.data.prepared import open_split, read_dataset_info
from saccade.data.spec import PAD


def require_transcripts_that_fit(prepared: Path, model: str) -> None:
    """Refuse lines whose transcripts need more steps than a model makes of them.

    A character takes a step, and so does the blank between two that are the same.

    Args:
        prepared: folder of the prepared dataset.
        model: name of a file in ``models/``; one that does not say its ``COLUMNS_A_STEP`` is not looked at.

    Raises:
        UserError: there is such a line of training or validation; it is named.
    """
    columns = registry.constant_or(None, "models", model, "COLUMNS_A_STEP")
    if columns is None:
        return
    for name in ("train", "validation"):
        split = open_split(prepared, name)
        width_N = stored_lengths(torch.from_numpy(split.examples)).numpy()
        steps_N, needed_N = -(-width_N // columns), steps_needed(split.labels)
        tight_n = np.flatnonzero(steps_N < needed_N)
        if not len(tight_n):
            continue
        first = int(tight_n[0])
        named = printable(_name_of(prepared, int(split.rows[first])))
        text = decode(split.labels[first].tolist(), read_dataset_info(prepared).spec.vocabulary)
        raise UserError(
            f"{pluralise(len(tight_n), 'line')} of {name} {'is' if len(tight_n) == 1 else 'are'} too narrow for "
            f"{model}, which makes a step of {pluralise(columns, 'column')}: {named} has {steps_N[first]} steps, and "
            f"{text!r} needs {needed_N[first]}. Leave them out with preprocess.columns_a_character: {columns} and "
            "on_unfit: quarantine, or raise preprocess.height"
        )


def steps_needed(labels_NL: np.ndarray) -> np.ndarray:
    """How many steps each transcript needs at least, int64 (N,): ``data.alphabet.least_steps`` of all of them.

    >>> steps_needed(np.array([[2, 3, 3, 3], [2, 0, 0, 0]]))
    array([6, 1])
    """
    is_real_NL = labels_NL != PAD
    is_same_NL = (labels_NL[:, 1:] == labels_NL[:, :-1]) & is_real_NL[:, 1:]
    counted_N: np.ndarray = is_real_NL.sum(axis=1) + is_same_NL.sum(axis=1)
    return counted_N


def _name_of(prepared: Path, row: int) -> str:
    """What people find an example of the source by: ``kinds.origins`` writes it, and no result follows from it."""
    path = prepared / "origins.csv"
    if path.exists():
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            for line in csv.DictReader(file):
                if int(line["row"]) == row and line["name"]:
                    return line["name"]
    return f"row {row}"
