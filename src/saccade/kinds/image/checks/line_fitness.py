"""Which lines of print can be learnt from: those that say something, and are wide enough for what they say.

Shapes: N lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.core.messages import pluralise, printable
from saccade.data.alphabet import least_steps
from saccade.kinds.image.checks.decode_pass import Inspected
from saccade.kinds.image.pixels.line import is_page, line_width
from saccade.prepare.problems import DataProblem
from saccade.readers.examples import ImageExamples

_UPRIGHT = 2  # times as high as wide: no line of several characters, unless they stand below each other


@dataclass(frozen=True)
class LineFitness:
    """Which lines can be learnt from, bool (N,) each; of pictures that can be read.

    Attributes:
        is_empty: lines whose transcripts hold no character.
        is_unfit: lines with fewer steps than their transcripts need.
        is_squeezed: lines that were wider than the arrays.
        is_page: pictures that are as large as pages, or several lines, are.
        is_vertical: pictures of several characters that are much higher than wide.
        columns: columns of each line at its height before it was squeezed, int64 (N,).
        needed: steps that each transcript needs at least, int64 (N,).
    """

    is_empty: np.ndarray
    is_unfit: np.ndarray
    is_squeezed: np.ndarray
    is_page: np.ndarray
    is_vertical: np.ndarray
    columns: np.ndarray
    needed: np.ndarray

    @property
    def is_odd(self) -> np.ndarray:
        """Lines that could be learnt from, but look like something else, bool (N,)."""
        return (self.is_page | self.is_vertical) & ~self.is_unfit & ~self.is_empty


def line_fitness(
    texts: Sequence[str], inspected: Inspected, columns_a_character: int, *, height: int, max_width: int
) -> LineFitness:
    """Compare the width of each line with its transcript.

    Args:
        texts: normalised transcripts, N of them.
        inspected: what decoding them found.
        columns_a_character: columns of pixels that a character needs at least.
        height: height in pixels that they are brought to.
        max_width: greatest width in pixels.

    Returns:
        What was found; all False for pictures that cannot be read.
    """
    sides = [(int(high), int(wide)) for high, wide in inspected.sides]
    is_readable_N = inspected.is_readable
    columns_N = np.array([line_width(both, height) for both in sides], dtype=np.int64)
    needed_N = np.array([least_steps(text) for text in texts], dtype=np.int64)
    steps_N = -(-np.minimum(columns_N, max_width) // columns_a_character)
    is_several_N = np.array([len(text) > 1 for text in texts], dtype=bool)
    is_upright_N = np.array([high >= _UPRIGHT * wide for high, wide in sides], dtype=bool)
    return LineFitness(
        is_empty=is_readable_N & (needed_N == 0),
        is_unfit=is_readable_N & (steps_N < needed_N),
        is_squeezed=is_readable_N & (columns_N > max_width),
        is_page=is_readable_N & np.array([is_page(both, height) for both in sides], dtype=bool),
        is_vertical=is_readable_N & is_several_N & is_upright_N,
        columns=columns_N,
        needed=needed_N,
    )


def empty_lines(examples: ImageExamples, fitness: LineFitness, *, is_decided: bool) -> DataProblem:
    """Lines without a transcript.

    Args:
        examples: the lines.
        fitness: what was found of them.
        is_decided: whether they shall be left out.

    Returns:
        What to say of them.
    """
    listed = [printable(examples.name(row)) for row in np.flatnonzero(fitness.is_empty).tolist()]
    remedy = "Write what stands in them, or leave them out: preprocess.on_empty: quarantine"
    return DataProblem(f"lines without a transcript ({len(listed):,})", listed, remedy, is_decided, "left out")


def unfit_lines(
    examples: ImageExamples, inspected: Inspected, fitness: LineFitness, columns_a_character: int, *, is_decided: bool
) -> DataProblem:
    """Lines that are too narrow for their transcripts, whatever reads them.

    Args:
        examples: the lines, with normalised transcripts.
        inspected: what decoding them found.
        fitness: what was found of them.
        columns_a_character: columns of pixels that a character needs at least.
        is_decided: whether they shall be left out.

    Returns:
        What to say of them.
    """
    listed = [
        f"{printable(examples.name(row))} ({why_unlike(examples, inspected, fitness, row)})"
        for row in np.flatnonzero(fitness.is_unfit).tolist()
    ]
    return DataProblem(
        f"lines too narrow for their transcripts at {pluralise(columns_a_character, 'column')} a character "
        f"({len(listed):,} of {len(examples.texts):,})",
        listed,
        "Cut them anew, raise preprocess.height or max_width, or leave them out: preprocess.on_unfit: quarantine",
        is_decided,
        "left out",
    )


def odd_lines(examples: ImageExamples, inspected: Inspected, fitness: LineFitness) -> str:
    """What to say of pictures that stay, though they look like pages or vertical text; empty where there is none."""
    rows = np.flatnonzero(fitness.is_odd).tolist()
    if not rows:
        return ""
    such = f"{printable(examples.name(rows[0]))} ({why_unlike(examples, inspected, fitness, rows[0])})"
    return (
        f"{pluralise(len(rows), 'picture')} of {len(examples.texts):,} may be no line, such as {such}: they stay; cut "
        "pages into lines and turn vertical text, or take their rows out of the table"
    )


def why_unlike(examples: ImageExamples, inspected: Inspected, fitness: LineFitness, row: int) -> str:
    """Size, transcript and suspicion of one line, in words."""
    high, wide = inspected.sides[row].tolist()
    why = ", higher than wide: a page, several lines, or vertical text" if high > wide else ""
    if not why and fitness.is_page[row]:
        why = ", as a page or several lines are"
    characters = pluralise(len(examples.texts[row]), "character")
    return f"{wide:,} x {high:,} pixels for {characters}{why}"
