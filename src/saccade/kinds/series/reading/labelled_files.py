"""Labelled series of files brought to one form: regular, without holes, of one step, each in one class.

Shapes: N examples, T steps, F features.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.core.errors import UserError
from saccade.core.messages import printable
from saccade.core.progress import Progress, no_progress
from saccade.kinds.series.reading.regular import OnMissing, RegularSeries, regular_series
from saccade.kinds.series.reading.time_axis import OnRepeat
from saccade.prepare.groups import equal_rows, leaking_rows
from saccade.prepare.problems import DataProblem, OnProblem, raise_undecided
from saccade.readers.examples import SeriesExamples, SeriesFiles

_MAX_NOTES = 5  # lines about files


@dataclass(frozen=True)
class CheckedFiles:
    """Series of files, all of one form.

    Attributes:
        examples: of one length, or padded to the longest.
        lengths: int64 (N,), the steps of each before it was cut.
        length: steps that the longest has, as far as it is read.
        filled: int64 (N,), how many values of each were filled in.
        missing_rows: int64 (N,), how many of its steps had no row.
        is_constant: bool (N,), those in which no feature ever changes.
        repeated: groups of rows of equal series, as far as they are read, with the same label.
        conflicting: groups of rows of equal series under several labels.
        left_out: bool (N,), those in no split: conflicting ones.
        said: what was found out about the files' times and ends, for people.
        notes: what was decided about trouble, for people.
    """

    examples: SeriesExamples
    lengths: np.ndarray
    length: int
    filled: np.ndarray
    missing_rows: np.ndarray
    is_constant: np.ndarray
    repeated: list[list[int]]
    conflicting: list[list[int]]
    left_out: np.ndarray
    said: list[str]
    notes: list[str]

    @property
    def same(self) -> list[list[int]]:
        """All groups of rows of equal series."""
        return self.repeated + self.conflicting


def check_files(
    files: SeriesFiles,
    *,
    length: int | None,
    missing: OnMissing,
    on_repeat: OnRepeat = "error",
    longest_gap: int | None = None,
    on_conflict: OnProblem = "error",
    published: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    allow_leakage: bool = False,
    progress: Progress = no_progress,
) -> CheckedFiles:
    """Read all files, and cut those that are longer than a length after their first steps.

    Shorter ones are padded when they are written: networks are told where each ends.

    Args:
        files: from a source. What is read of them stays in memory, 4 bytes a number.
        length: most steps of an example; None: as many as the longest has.
        missing: of ``regular_series``, as are the next two.
        on_repeat: what is done with rows of equal times.
        longest_gap: most steps in a row that are filled in.
        on_conflict: error stops at equal series under several labels; quarantine leaves all their copies out.
        published: "train", "validation" or "test" of each, where the published splits are kept.
        groups: a value of each, where those of one value must stay in one split.
        allow_leakage: let what belongs together stay in several published splits.
        progress: called with files read so far.

    Returns:
        The examples, and what was found.

    Raises:
        UserError: a file is no such table, with its line; columns or steps differ; or there is trouble that nobody
            decided about.
    """
    N = len(files.labels)
    lengths_N, filled_N, missing_rows_N = (np.zeros(N, dtype=np.int64) for _ in range(3))
    is_constant_N = np.zeros(N, dtype=bool)
    series: list[np.ndarray] = []
    first: RegularSeries | None = None
    said = NotesOfFiles()
    for i in range(N):
        one = regular_series(files.load(i), missing, on_repeat=on_repeat, longest_gap=longest_gap)
        said.add(one)
        first = first or one
        _refuse_another_form(one, first)
        lengths_N[i], filled_N[i], missing_rows_N[i] = len(one.values), one.is_filled.sum(), one.missing_rows
        series.append(one.values if length is None else one.values[:length].copy())
        is_constant_N[i] = (series[-1] == series[-1][0]).all()
        progress("series", i + 1, N)
    assert first is not None
    kept_N = np.array([len(values) for values in series])

    same = equal_rows(np.array([_digest(values) for values in series]), np.ones(N, dtype=bool))
    conflicting = [rows for rows in same if len(set(files.labels[rows].tolist())) > 1]
    left_out_N = np.zeros(N, dtype=bool)
    left_out_N[[row for rows in conflicting for row in rows]] = True
    leaking = leaking_rows(same, published, groups, left_out_N)
    return CheckedFiles(
        examples=SeriesExamples(
            features=first.source.features,
            targets=(),
            labels=files.labels,
            series=series.__getitem__,
            ids=files.ids,
            published_splits=files.published_splits,
            groups=files.groups,
            notes=files.notes,
            classes=files.classes,
            names=files.names,
            step=first.calendar.step if first.calendar else "",
            length=int(kept_N.max()) if kept_N.min() < kept_N.max() else None,
        ),
        lengths=lengths_N,
        length=int(kept_N.max()),
        filled=filled_N,
        missing_rows=missing_rows_N,
        is_constant=is_constant_N,
        repeated=[rows for rows in same if not left_out_N[rows[0]]],
        conflicting=conflicting,
        left_out=left_out_N,
        said=said.lines(),
        notes=raise_undecided([_conflicts(files, conflicting, on_conflict), _leaks(files, leaking, allow_leakage)]),
    )


class NotesOfFiles:
    """What is said of several files, each line once with how many it is said of."""

    def __init__(self) -> None:
        self._files: dict[str, list[str]] = {}

    def add(self, one: RegularSeries, *, with_form: bool = True) -> None:
        """Take in what was found out about a file, or only about its times and ends, and not about its form."""
        prefix = f"{one.source.name}: "
        form = [note.removeprefix(prefix) for note in one.source.notes if with_form]
        for note in (*form, *one.notes):
            self._files.setdefault(note, []).append(one.source.name)

    def lines(self) -> list[str]:
        """A line for each thing that was found out, those of most files first; of many things, the first few."""
        ordered = sorted(self._files.items(), key=lambda item: -len(item[1]))
        lines = [
            f"{printable(names[0])}{f' and {len(names) - 1:,} more' if len(names) > 1 else ''}: {note}"
            for note, names in ordered[:_MAX_NOTES]
        ]
        more = len(ordered) - len(lines)
        return [*lines, f"{more:,} more things of this sort were found"] if more else lines


def _digest(values_TF: np.ndarray) -> bytes:
    """Equal where a network reads the same: "1.0" is "1", and what is cut off does not count."""
    return hashlib.blake2b((values_TF + 0.0).tobytes(), digest_size=16).digest()  # adding 0 makes -0 to 0


def _refuse_another_form(one: RegularSeries, first: RegularSeries) -> None:
    if one.source.features != first.source.features:
        columns, others = ([repr(name) for name in each.source.features] for each in (one, first))
        raise UserError(
            f"{one.source.name} must have the columns of {first.source.name} in the same order ({', '.join(others)}), "
            f"but has {', '.join(columns)}. value_columns names those to take."
        )
    steps = [each.calendar.step for each in (one, first) if each.calendar]
    if len(set(steps)) > 1:
        raise UserError(
            f"{one.source.name} must have a row every {steps[1]}, as {first.source.name} has, but has one every "
            f"{steps[0]}. Bring all files to one step."
        )


def _conflicts(files: SeriesFiles, conflicting: Sequence[Sequence[int]], decision: OnProblem) -> DataProblem:
    def line(rows: Sequence[int]) -> str:
        return " = ".join(f"{printable(files.names[row])} ({files.classes[files.labels[row]]})" for row in rows[:4])

    return DataProblem(
        f"files that are in several classes, the same in every step that is read ({len(conflicting):,})",
        [line(rows) for rows in conflicting],
        "Keep each in the class it belongs to, or leave all their copies out: preprocess.on_conflict: quarantine",
        decision == "quarantine",
        f"left out, {sum(map(len, conflicting)):,} copies",
    )


def _leaks(files: SeriesFiles, leaking: Sequence[Sequence[int]], is_allowed: bool) -> DataProblem:
    splits = files.published_splits or ()

    def line(rows: Sequence[int]) -> str:
        firsts = {splits[row]: row for row in reversed(rows)}  # one a split
        return " = ".join(f"{printable(files.names[row])} ({split})" for split, row in sorted(firsts.items()))

    return DataProblem(
        f"files or groups that are in several of the published splits ({len(leaking):,})",
        [line(rows) for rows in leaking],
        "The test split would measure what was learnt by heart. Remove the copies, split anew with split.test: 0.15, "
        "or live with it: split.allow_leakage: true",
        is_allowed,
        "left as published; the test split measures some of what was learnt by heart",
    )
