"""Texts that a trained network is asked about: given one by one, or as the lines of files.

Shapes: T tokens of the longest text of a batch.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from saccade.core.errors import UserError
from saccade.core.messages import pluralise
from saccade.io.encodings import decode_text
from saccade.kinds import NewExample, NewExamples, Reading
from saccade.kinds.tokens.text.display import excerpt
from saccade.kinds.tokens.text.encode import read_texts

_BATCH = 4096  # texts that are sorted by length together
_EXCERPT = 60  # characters of a text in the table


class _Text(NamedTuple):
    """A text, and what says which one it is in JSON."""

    text: str
    place: dict[str, Any]


def read_texts_and_lines(reading: Reading) -> NewExamples:
    """Texts, and files with a text a line; empty lines are passed over, and counted.

    Args:
        reading: texts and paths of files.

    Returns:
        The texts as ids.

    Raises:
        UserError: a file is not there or no text in UTF-8, with its line; or a text holds nothing.
    """
    for text in reading.texts:
        if not text.strip():
            raise UserError(f"--text ({text!r}) must hold one of the {reading.spec.unit} at least: leave it out")
    texts = [_Text(text, {"text": text}) for text in reading.texts]
    lines = [line for path in reading.paths for line in _lines(reading, path)]
    num_empty = sum(not line.text.strip() for line in lines)
    texts += [line for line in lines if line.text.strip()]
    if not texts:
        raise UserError(
            f"{', '.join(reading.paths)} must hold a line that is not empty: {reading.run} takes a text a line"
        )
    warnings = [f"passed over {pluralise(num_empty, 'empty line')}"] if num_empty else []
    names = [excerpt(one.text, _EXCERPT) for one in texts]
    return NewExamples(
        "text",
        names,
        _batches(texts, reading, warnings),
        len(texts),
        warnings=warnings,
        files=reading.paths,
        columns={"path": str, "line": int, "text": str} if reading.paths else {"text": str},
        pick=lambda numbers: _batches([texts[i] for i in numbers], reading, warnings),
    )


def _batches(texts: Sequence[_Text], reading: Reading, warnings: list[str]) -> Iterator[Sequence[NewExample]]:
    """Encode some texts at a time; at the end say what the network did not get to see."""
    spec, cut, unknown, total = reading.spec, 0, 0, 0
    for start in range(0, len(texts), _BATCH):
        part = texts[start : start + _BATCH]
        read = read_texts([one.text for one in part], spec)
        cut, unknown, total = cut + len(read.cut), unknown + sum(read.unknown), total + read.total
        yield [
            NewExample(excerpt(one.text, _EXCERPT), one.place, ids_T)
            for one, ids_T in zip(part, read.tokens, strict=True)
        ]
    if cut:
        warnings.append(
            f"{cut:,} of {pluralise(len(texts), 'text')} read up to {spec.shape[0]:,} {spec.unit}, the longest it was "
            "trained on"
        )
    if unknown:
        warnings.append(
            f"{unknown:,} of {total:,} {spec.unit} are not in the vocabulary of {reading.run}, and were read as unknown"
        )


def _lines(reading: Reading, path: str) -> list[_Text]:
    run = reading.run
    if not (reading.here / path).is_file():
        raise UserError(f"{path} must be a file with a text a line, but is none: {run} classifies texts")
    try:
        text = decode_text((reading.here / path).read_bytes(), "utf-8")
    except UserError as error:
        reason = str(error).split(". ")[0]
        raise UserError(f"{path} {reason}. {run} classifies texts: give a file in UTF-8 with a text a line") from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    return [_Text(line, {"path": path, "line": n, "text": line}) for n, line in enumerate(lines, start=1)]
