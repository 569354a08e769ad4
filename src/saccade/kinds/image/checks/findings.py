"""What is wrong with a dataset of images, or worth knowing, before it is split; and what is done about it.

Rows are numbers of examples, as the source gives them. N is how many there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.core.messages import printable
from saccade.core.progress import Progress, no_progress
from saccade.kinds.image.checks.decode_pass import Inspected, digest_of
from saccade.kinds.image.checks.near_duplicates import NearPair, find_near_duplicates
from saccade.prepare.groups import equal_rows, leaking_rows
from saccade.prepare.problems import DataProblem, OnProblem, raise_undecided
from saccade.readers.examples import ImageExamples


@dataclass(frozen=True)
class Findings:
    """What the checks found.

    Attributes:
        unreadable: row to what is wrong with it; goes on after the example's name.
        equal: groups of rows with the same pixels before resizing, and the same label.
        conflicting: groups of rows with the same pixels under several labels.
        leaking: groups of rows that belong together (the same pixels, the same value of ``split.group_by``), in several
            published splits.
        near: pairs that are nearly the same picture, without those of the same pixels; None: not searched.
        left_out: bool (N,), the unreadable and the conflicting ones: in no split.
    """

    unreadable: dict[int, str]
    equal: list[list[int]]
    conflicting: list[list[int]]
    leaking: list[list[int]]
    near: list[NearPair] | None
    left_out: np.ndarray


def examine(
    examples: ImageExamples,
    inspected: Inspected,
    *,
    published: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    with_near: bool = True,
    progress: Progress = no_progress,
) -> Findings:
    """Compare all examples with each other. Nothing is raised for what is found.

    Args:
        examples: from a file in ``datasets/``.
        inspected: what one pass over them found.
        published: "train", "validation" or "test" of each, where the published splits are kept.
        groups: a value of each, where those of one value must stay in one split.
        with_near: search for near duplicates, too.
        progress: called while near duplicates are searched.

    Returns:
        What was found.
    """
    same = _of_same_pixels(examples, inspected)
    conflicting = [rows for rows in same if len(np.unique(examples.labels[rows], axis=0)) > 1]
    group_of = {row: group for group, rows in enumerate(same) for row in rows}
    left_out_N = ~inspected.is_readable
    left_out_N[[row for rows in conflicting for row in rows]] = True
    near = None
    if with_near:
        pairs = find_near_duplicates(
            inspected.thumbnails, sides_N2=inspected.sides, among=inspected.is_readable, progress=progress
        )
        near = [pair for pair in pairs if group_of.get(pair.first, -1) != group_of.get(pair.second, -2)]
    return Findings(
        unreadable=inspected.unreadable,
        equal=[rows for rows in same if not left_out_N[rows[0]]],
        conflicting=conflicting,
        leaking=leaking_rows(same, published, groups, left_out_N),
        near=near,
        left_out=left_out_N,
    )


def _of_same_pixels(examples: ImageExamples, inspected: Inspected) -> list[list[int]]:
    """Groups of rows with the same pixels before resizing: those that may have are decoded once more, in order."""
    candidates = sorted(row for rows in equal_rows(inspected.digests, inspected.is_readable) for row in rows)
    digests_M = np.array([digest_of(examples.image(row)) for row in candidates], dtype=inspected.digests.dtype)
    groups = equal_rows(digests_M, np.ones(len(candidates), dtype=bool))
    return [[candidates[i] for i in rows] for rows in groups]


def require_sound_images(
    examples: ImageExamples,
    findings: Findings,
    *,
    on_unreadable: OnProblem = "error",
    on_conflict: OnProblem = "error",
    allow_leakage: bool = False,
) -> list[str]:
    """Stop at what would spoil a training, unless the user has decided about it.

    Args:
        examples: that were examined.
        findings: of them.
        on_unreadable: error stops at pictures that cannot be read; quarantine leaves them out.
        on_conflict: likewise for equal pictures under several labels.
        allow_leakage: let what belongs together stay in several published splits.

    Returns:
        What was left out or let be, for people: a line each.

    Raises:
        UserError: something was found that is not decided; says how much, the first few, and the remedy.
    """
    return raise_undecided(
        [
            _unreadable(examples, findings, on_unreadable),
            _conflicts(examples, findings, on_conflict),
            _leaks(examples, findings, allow_leakage),
        ]
    )


def _unreadable(examples: ImageExamples, findings: Findings, decision: OnProblem) -> DataProblem:
    listed = [f"{printable(examples.name(row))} {reason}" for row, reason in findings.unreadable.items()]
    return DataProblem(
        f"pictures that cannot be read ({len(listed):,} of {len(examples.labels):,})",
        listed,
        "Replace them, or leave them out: preprocess.on_unreadable: quarantine",
        decision == "quarantine",
        "left out",
    )


def _conflicts(examples: ImageExamples, findings: Findings, decision: OnProblem) -> DataProblem:
    def line(rows: list[int]) -> str:
        return " = ".join(f"{printable(examples.name(row))} ({examples.label(row)})" for row in rows[:4])

    listed = [line(rows) for rows in findings.conflicting]
    one_class = examples.labels.ndim == 1
    said = "are in several classes" if one_class else "have different labels"
    advice = "Keep each in the class it belongs to" if one_class else "Give each the labels that are right"
    if examples.texts:
        said, advice = "have several transcripts", "Give each the transcript that is right"
    return DataProblem(
        f"pictures that {said}, pixel for pixel the same ({len(listed):,})",
        listed,
        f"{advice}, or leave all their copies out: preprocess.on_conflict: quarantine",
        decision == "quarantine",
        f"left out, {sum(map(len, findings.conflicting)):,} copies",
    )


def _leaks(examples: ImageExamples, findings: Findings, is_allowed: bool) -> DataProblem:
    splits = examples.published_splits or ()

    def line(rows: list[int]) -> str:
        firsts = {splits[row]: row for row in reversed(rows)}  # one a split
        return " = ".join(f"{printable(examples.name(row))} ({split})" for split, row in sorted(firsts.items()))

    listed = [line(rows) for rows in findings.leaking]
    return DataProblem(
        f"pictures or groups that are in several of the published splits ({len(listed):,})",
        listed,
        "The test split would measure what was learnt by heart. Remove the copies, split anew with split.test: 0.15, "
        "or live with it, as others did who published figures for these splits: split.allow_leakage: true",
        is_allowed,
        "left as published; the test split measures some of what was learnt by heart",
    )
