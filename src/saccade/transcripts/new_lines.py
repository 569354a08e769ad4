"""New images of lines, read: texts, and where in the line each character stands.

Shapes: H height, W width, C channels.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from saccade.core.errors import UserError
from saccade.transcripts.decoder import GREEDY, Decoder
from saccade.transcripts.read_line import ReadLine

if TYPE_CHECKING:
    from saccade.data.spec import Spec
    from saccade.kinds import NewExample

DIGITS = 6  # of a probability


class LineReader(Protocol):
    """A network that reads lines.

    Attributes:
        spec: shape and meaning of one example.
    """

    spec: "Spec"

    def read_lines(self, stored: Any, batch_size: int = 512, *, decoder: Decoder = GREEDY) -> list[ReadLine]:
        """Lines as they lie in data/prepared, read."""
        ...


def read_new_lines(
    reader: LineReader, batch: "Sequence[NewExample]", decoder: Decoder, batch_size: int
) -> list[ReadLine]:
    """Read those lines of a batch that could be opened.

    Args:
        reader: network that reads lines.
        batch: lines, or what is wrong with them.
        decoder: what makes texts of its logits.
        batch_size: lines at once.

    Returns:
        A line for each that could be opened, in order.
    """
    arrays = [one.array for one in batch if not isinstance(one.array, UserError)]
    if not arrays:
        return []
    import torch

    return reader.read_lines(torch.from_numpy(np.stack(arrays)), batch_size, decoder=decoder)


def line_record(line: ReadLine, width: float | None = None) -> dict[str, Any]:
    """A line as values for JSON.

    Args:
        line: what was read.
        width: width of its picture in pixels, which the steps of the network share alike; None: that is not known.

    Returns:
        ``text``, ``confidence`` and ``characters``: of each its ``text``, ``probability``, ``unsure`` and, where the
        width is known, ``left`` and ``right``, the columns of the picture that it was read from, to the width of a
        step.
    """
    characters: list[dict[str, Any]] = [
        {"text": one.text, "probability": round(one.probability, DIGITS), "unsure": one.is_unsure}
        for one in line.characters
    ]
    if width is not None:
        step = width / max(1, line.num_steps)
        for record, one in zip(characters, line.characters, strict=True):
            record |= {"left": round(one.first_step * step, 1), "right": round(one.end_step * step, 1)}
    return {"text": line.text, "confidence": round(line.confidence, DIGITS), "characters": characters}


def marked_text(line: ReadLine) -> str:
    """The text, what is unsure in brackets.

    >>> from saccade.transcripts.read_line import ReadCharacter
    >>> pairs = [("1", 0.99), ("0", 0.6), ("O", 0.5), ("5", 1.0)]
    >>> marked_text(ReadLine("10O5", 0.3, tuple(ReadCharacter(c, p, 0, 1) for c, p in pairs), 4))
    '1[0O]5'
    """
    parts, is_open = [], False
    for one in line.characters:
        if one.is_unsure != is_open:
            parts.append("[" if one.is_unsure else "]")
            is_open = one.is_unsure
        parts.append(one.text)
    return "".join(parts) + "]" * is_open
