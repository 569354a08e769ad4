"""What is wrong with labelled texts, or worth knowing, before they are split; and what is done about it.

Two texts are the same where their tokens are: a network cannot tell them apart. Rows are numbers of examples, as the
source gives them. N is how many there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from saccade.core.messages import printable
from saccade.prepare.groups import equal_rows, leaking_rows
from saccade.prepare.problems import DataProblem, OnConflict, OnProblem, raise_undecided
from saccade.readers.examples import TextExamples

Repeats = Literal["keep", "drop"]

_MAX_SHOWN = 40  # characters of a text, in a message
_MAX_COPIES = 4  # of a text, in a message


@dataclass(frozen=True)
class TextFindings:
    """What the checks found.

    Attributes:
        unreadable: row to what is wrong with it; goes on after the example's name.
        repeated: groups of rows with the same text and the same label.
        conflicting: groups of rows with the same text under several labels.
        leaking: groups of rows that belong together (the same text, the same value of ``split.group_by``), in several
            published splits.
        left_out: bool (N,), those in no split: unreadable, conflicting ones unless they are kept, dropped repeats.
        dropped: how many of these are repeats.
    """

    unreadable: Mapping[int, str]
    repeated: list[list[int]]
    conflicting: list[list[int]]
    leaking: list[list[int]]
    left_out: np.ndarray
    dropped: int

    @property
    def same(self) -> list[list[int]]:
        """All groups of rows with the same text: they must stay in one split."""
        return self.repeated + self.conflicting


def examine_texts(
    examples: TextExamples,
    digests_N: np.ndarray,
    *,
    published: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    on_conflict: OnConflict = "error",
    repeats: Repeats = "keep",
) -> TextFindings:
    """Compare all texts with each other. Nothing is raised for what is found.

    Args:
        examples: from a file in ``datasets/``.
        digests_N: bytes, of the tokens of each.
        published: "train", "validation" or "test" of each, where the published splits are kept.
        groups: a value of each, where those of one value must stay in one split.
        on_conflict: keep leaves texts with several labels in.
        repeats: drop leaves out all copies of a text with its label but the first.

    Returns:
        What was found.
    """
    left_out_N = np.zeros(len(digests_N), dtype=bool)
    left_out_N[list(examples.unreadable)] = True
    same = equal_rows(digests_N, ~left_out_N)
    is_conflict = [len(np.unique(examples.labels[rows], axis=0)) > 1 for rows in same]
    conflicting = [rows for rows, is_one in zip(same, is_conflict, strict=True) if is_one]
    if on_conflict != "keep":
        left_out_N[[row for rows in conflicting for row in rows]] = True
    dropped = 0
    if repeats == "drop":
        later = [row for rows in same for row in _later(rows, examples.labels) if not left_out_N[row]]
        left_out_N[later] = True
        dropped = len(later)
    return TextFindings(
        unreadable=examples.unreadable,
        repeated=[rows for rows, is_one in zip(same, is_conflict, strict=True) if not is_one],
        conflicting=conflicting,
        leaking=leaking_rows(
            [[row for row in rows if not left_out_N[row]] for rows in same if not left_out_N[rows].all()],
            published,
            groups,
            left_out_N,
        ),
        left_out=left_out_N,
        dropped=dropped,
    )


def _later(rows: list[int], labels_N: np.ndarray) -> list[int]:
    """The rows of equal texts, less the first of each label."""
    _, firsts = np.unique(labels_N[rows], return_index=True, axis=0)
    return [row for i, row in enumerate(rows) if i not in set(firsts.tolist())]


def require_sound_texts(
    examples: TextExamples,
    findings: TextFindings,
    *,
    on_unreadable: OnProblem = "error",
    on_conflict: OnConflict = "error",
    allow_leakage: bool = False,
) -> list[str]:
    """Stop at what would spoil a training, unless the user has decided about it.

    Args:
        examples: that were examined.
        findings: of them, for the same ``on_conflict``.
        on_unreadable: error stops at texts that cannot be read, or are empty; quarantine leaves them out.
        on_conflict: error stops at equal texts under several labels; quarantine leaves them out, keep does not.
        allow_leakage: let what belongs together stay in several published splits.

    Returns:
        What was left out or let be, for people: a line each.

    Raises:
        UserError: something was found that is not decided; says how much, the first few, and the remedy.
    """
    notes = raise_undecided(
        [
            _unreadable(examples, findings, on_unreadable),
            _conflicts(examples, findings, on_conflict),
            _leaks(examples, findings, allow_leakage),
        ]
    )
    if findings.dropped:
        notes.append(f"repeated texts ({findings.dropped:,} copies): left out, as preprocess.repeats: drop asks for")
    return notes


def _unreadable(examples: TextExamples, findings: TextFindings, decision: OnProblem) -> DataProblem:
    listed = [f"{printable(examples.name(row))} {reason}" for row, reason in findings.unreadable.items()]
    return DataProblem(
        f"texts that cannot be read ({len(listed):,} of {len(examples.labels):,})",
        listed,
        "Correct them, or leave them out: preprocess.on_unreadable: quarantine",
        decision == "quarantine",
        "left out",
    )


def _conflicts(examples: TextExamples, findings: TextFindings, decision: OnConflict) -> DataProblem:
    def line(rows: list[int]) -> str:
        copies = " = ".join(f"{printable(examples.name(row))} ({examples.label(row)})" for row in rows[:_MAX_COPIES])
        text = examples.texts[rows[0]]
        return f"{printable(text[:_MAX_SHOWN])}{'…' if len(text) > _MAX_SHOWN else ''}: {copies}"

    copies = sum(map(len, findings.conflicting))
    return DataProblem(
        f"texts that are in several classes ({len(findings.conflicting):,}, {copies:,} examples)",
        [line(rows) for rows in findings.conflicting],
        "Keep each in the class it belongs to, or decide: preprocess.on_conflict: keep leaves them in (where one text "
        "may rightly be of several classes), quarantine leaves all of them out",
        decision != "error",
        "kept, each text in one split; no network can be right about all of them"
        if decision == "keep"
        else f"left out, {copies:,} examples",
    )


def _leaks(examples: TextExamples, findings: TextFindings, is_allowed: bool) -> DataProblem:
    splits = examples.published_splits or ()

    def line(rows: list[int]) -> str:
        firsts = {splits[row]: row for row in reversed(rows)}  # one a split
        return " = ".join(f"{printable(examples.name(row))} ({split})" for split, row in sorted(firsts.items()))

    return DataProblem(
        f"texts or groups that are in several of the published splits ({len(findings.leaking):,})",
        [line(rows) for rows in findings.leaking],
        "The test split would measure what was learnt by heart. Remove the copies, split anew with split.test: 0.15, "
        "or live with it, as others did who published figures for these splits: split.allow_leakage: true",
        is_allowed,
        "left as published; the test split measures some of what was learnt by heart",
    )
