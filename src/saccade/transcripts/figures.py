"""Figures of lines: what was read below each, edits in colour, and which step said what.

Shapes: N lines, H height, W width, C channels, T steps, V ids of the vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from saccade.data.spec import PAD
from saccade.display.style import BLUE, GREY, ORANGE, new_figure, save_figure, shorten, style
from saccade.transcripts.edits import align
from saccade.transcripts.metrics import comparable
from saccade.transcripts.read_line import ReadLine, shown_characters
from saccade.transcripts.tables import CharacterErrors
from saccade.transcripts.tables import shown as shown_character

_MONOSPACED = "DejaVu Sans Mono"
_INCHES = 7.6  # width of a line's picture
_MAX_LETTERS = 88  # of a line below its picture
_WIDEST = 16.0  # width over height of a picture that has all the width: narrower ones are not stretched
_SPACE = "\N{OPEN BOX}"  # a space that is wrong has to be seen
_MAX_SHOWN_CHARACTERS = 16  # rows of an activation


@dataclass(frozen=True)
class DrawnLine:
    """A line to be drawn.

    Attributes:
        image: uint8 (H, W, C), its padding cut off.
        truth: transcript.
        line: what was read.
        name: what it is found by, such as its file.
    """

    image: np.ndarray
    truth: str
    line: ReadLine
    name: str


def draw_read_lines(lines: Sequence[DrawnLine], title: str, without: str, path: Path) -> None:
    """Draw lines, below each the transcript, in which what was missed is coloured, and what was read.

    Args:
        lines: what is drawn.
        title: what they are.
        without: text in place of lines where there are none.
        path: the PNG to write.
    """
    with style():
        if not lines:
            figure = new_figure(6, 1.5)
            figure.text(0.5, 0.5, without, ha="center", va="center", fontsize=12)
            save_figure(figure, path, pad_inches=0.5)
            return
        figure = new_figure(_INCHES + 0.4, 0.98 * len(lines) + 0.8)
        figure.suptitle(
            f"{title}\nbelow each: its transcript, and what was read; orange: wrong or too much, blue: missed, "
            "underlined: unsure",
            x=0.01,
            ha="left",
            fontsize=9.5,
        )
        all_axes = figure.subplots(len(lines), 1, squeeze=False)[:, 0]
        widest = max(_WIDEST, *(one.image.shape[1] / one.image.shape[0] for one in lines))
        for axes, one in zip(all_axes, lines, strict=True):
            _draw_line(axes, one, widest)
        save_figure(figure, path)


def _draw_line(axes: Any, one: DrawnLine, widest: float) -> None:
    height, width, channels = one.image.shape
    pixels = one.image[:, :, 0] if channels != 3 else one.image
    share = width / height / widest  # of the widest line's picture
    axes.set_axis_off()
    picture = axes.inset_axes((0, 0.52, max(share, 0.01), 0.48))
    picture.set_axis_off()
    picture.imshow(pixels, cmap="gray", vmin=0, vmax=255, aspect="auto")
    read = comparable(one.line.text)
    is_unsure = [character.is_unsure for character in one.line.characters]
    if len(is_unsure) != len(read):
        is_unsure = [False] * len(read)
    truth_cells, read_cells = [], []
    for edit in align(one.truth, read):
        if edit.kind != "inserted":
            missed = edit.kind == "missed"
            truth_cells.append((one.truth[edit.truth], BLUE if missed else "black", missed, False))
        if edit.kind != "missed":
            wrong = edit.kind != "same"
            read_cells.append((read[edit.read], ORANGE if wrong else "black", wrong, is_unsure[edit.read]))
    _write(axes, 0.34, truth_cells)
    _write(axes, 0.1, read_cells)
    axes.text(
        1.0,
        0.34,
        f"{shorten(one.name, 30)}  {one.line.confidence:.2f}",
        fontsize=6,
        color=GREY,
        ha="right",
        va="bottom",
        transform=axes.transAxes,
    )


def _write(axes: Any, y: float, cells: Sequence[tuple[str, str, bool, bool]]) -> None:
    """Characters side by side: text, colour, whether it is wrong, and whether it is unsure."""
    advance = 0.602 * 8 / 72 / _INCHES  # of a letter of that face at 8 points, as a share of the axes
    for place, (text, colour, is_wrong, is_unsure) in enumerate(cells[:_MAX_LETTERS]):
        letter = _SPACE if text == " " and is_wrong else text
        at = {"x": place * advance, "y": y, "transform": axes.transAxes, "va": "bottom"}
        weight = "bold" if is_wrong else "normal"
        axes.text(s=letter, fontsize=8, family=_MONOSPACED, color=colour, fontweight=weight, **at)
        if is_unsure:
            axes.plot(
                [place * advance, (place + 0.9) * advance],
                [y, y],
                color=ORANGE if is_wrong else GREY,
                linewidth=0.8,
                transform=axes.transAxes,
                clip_on=False,
            )


def draw_activation(
    lines: Sequence[DrawnLine], outputs: Sequence[np.ndarray], vocabulary: Sequence[str], path: Path
) -> None:
    """Draw, below each line, how probable each of its characters is at each step.

    Args:
        lines: what is drawn.
        outputs: logarithms of the probabilities of each, float (T, V).
        vocabulary: V texts, in the order of their ids.
        path: the PNG to write.
    """
    names = shown_characters(vocabulary)
    with style():
        figure = new_figure(9, 2.9 * len(lines) + 0.5)
        figure.suptitle(
            "Above, the line; below, the probability of each character at each step of the network, under the part of "
            "the line that it stands for",
            x=0.01,
            ha="left",
            fontsize=9.5,
        )
        rows = figure.subplots(2 * len(lines), 1, squeeze=False, height_ratios=[1, 4] * len(lines))[:, 0]
        for place, (one, log_p_TV) in enumerate(zip(lines, outputs, strict=True)):
            above, below = rows[2 * place : 2 * place + 2]
            T = len(log_p_TV)
            pixels = one.image[:, :, 0] if one.image.shape[2] != 3 else one.image
            above.imshow(pixels, cmap="gray", vmin=0, vmax=255, aspect="auto", extent=(0, T, 0, 1))
            above.set_axis_off()
            above.set_title(shorten(f"{one.line.text}  ({one.line.confidence:.3f})", 90), fontsize=9)
            p_TV = np.exp(log_p_TV)
            tops = p_TV.max(axis=0)
            tops[PAD] = -1
            strongest = np.argsort(-tops, kind="stable")[:_MAX_SHOWN_CHARACTERS]
            first_step = p_TV[:, strongest].argmax(axis=0)
            shown = [PAD, *strongest[np.argsort(first_step, kind="stable")].tolist()]
            below.imshow(p_TV[:, shown].T, cmap="Blues", vmin=0, vmax=1, aspect="auto", extent=(0, T, len(shown), 0))
            labels = ["blank", *(shown_character(names[k]) for k in shown[1:])]
            below.set_yticks(np.arange(len(shown)) + 0.5, labels, fontsize=7.5, family=_MONOSPACED)
            below.set_xlabel("step", fontsize=8)
        save_figure(figure, path)


def draw_character_errors(rows: Sequence[CharacterErrors], path: Path, most: int = 24) -> None:
    """Draw the characters with the most errors, and of which sort these are.

    Args:
        rows: the one with most errors first.
        path: the PNG to write.
        most: number of characters to draw at most.
    """
    drawn = [row for row in rows[:most] if row.errors]
    with style():
        figure = new_figure(8, max(1.6, 0.24 * len(drawn) + 1.1))
        axes = figure.add_subplot()
        if not drawn:
            axes.set_axis_off()
            figure.text(0.5, 0.5, "No character was read wrongly.", ha="center", va="center", fontsize=12)
            save_figure(figure, path, pad_inches=0.4)
            return
        left = np.zeros(len(drawn))
        for kind, colour in (("substituted", ORANGE), ("missed", BLUE), ("inserted", GREY)):
            values = np.array([getattr(row, kind) for row in drawn], float)
            axes.barh(np.arange(len(drawn)), values, left=left, color=colour, label=kind)
            left += values
        names = [f"{shown_character(row.character)}  of {row.count:,}" for row in drawn]
        axes.set_yticks(np.arange(len(drawn)), names, family=_MONOSPACED, fontsize=8)
        axes.invert_yaxis()
        axes.set_xlabel("edits")
        axes.set_title("Characters with the most errors")
        axes.legend(fontsize=8, frameon=False)
        save_figure(figure, path)


def draw_rates(rows: Sequence[Sequence[Any]], path: Path, most: int = 32) -> None:
    """Draw the error rate of characters, slice by slice, with its interval.

    Args:
        rows: rows of ``tables.rates_by``.
        path: the PNG to write.
        most: number of slices to draw at most.
    """
    drawn = list(rows)[:most]
    with style():
        figure = new_figure(8, max(1.6, 0.27 * len(drawn) + 1.0))
        axes = figure.add_subplot()
        for place, (by, value, lines, _, _, cer, low, high) in enumerate(drawn):
            axes.plot(float(cer), place, "o", color=BLUE, markersize=5)
            if low != "":
                axes.plot([float(low), float(high)], [place, place], color=BLUE, linewidth=1.4)
            drawn[place] = [f"{by}: {shorten(str(value), 34)}  ({lines:,} lines)"]
        axes.set_yticks(np.arange(len(drawn)), [row[0] for row in drawn], fontsize=8)
        axes.invert_yaxis()
        axes.set_xlim(left=0)
        axes.grid(axis="x")
        axes.set_xlabel("edits over characters, with the 95 % interval")
        save_figure(figure, path)
