"""``saccade predict RUN --text TEXT`` of a run that classifies texts; or a file with a text a line."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from pipeline.commands.predict.answers import AnswerTable, best, json_line
from pipeline.console import pluralise, say, warn
from saccade.core.errors import UserError
from saccade.io.encodings import decode_text
from saccade.kinds.tokens.display import excerpt
from saccade.kinds.tokens.encode import read_texts
from saccade.predict.predictor import Predictor

if TYPE_CHECKING:
    from pipeline.commands.predict.command import Asked

_AT_ONCE = 4096  # texts that are sorted by length together
_EXCERPT = 60  # characters of a text in the table


class _Text(NamedTuple):
    """A text, and what says which one it is in JSON."""

    text: str
    place: dict[str, Any]


def predict_texts(run: str, predictor: Predictor, asked: "Asked", *, here: Path, batch_size: int) -> None:
    """Classify texts and print what came out.

    Args:
        run: key in ``runs:``.
        predictor: its network.
        asked: with texts, or paths of files with a text a line; empty lines are passed over, and counted.
        here: the folder that paths are relative to.
        batch_size: of ``evaluate:``; the same answers as there.

    Raises:
        UserError: a file is not there or no text in UTF-8, with its line; or a text holds nothing.
    """
    predictor.require_text_classes()
    for text in asked.texts:
        if not text.strip():
            raise UserError(f"--text ({text!r}) must hold one of the {predictor.spec.unit} at least: leave it out")
    texts = [_Text(text, {"text": text}) for text in asked.texts]
    with contextlib.chdir(here):
        found = [(path, _lines(run, path)) for path in asked.paths]
    num_empty = sum(not text.text.strip() for _, lines in found for text in lines)
    texts += [text for _, lines in found for text in lines if text.text.strip()]
    if not texts:
        raise UserError(f"{', '.join(asked.paths)} must hold a line that is not empty: {run} takes a text a line")
    classes = predictor.spec.classes
    top = min(asked.top or (len(classes) if asked.as_json else 1), len(classes))
    table = None
    if not asked.as_json:
        table = AnswerTable("text", (excerpt(one.text, _EXCERPT) for one in texts), classes, top)
        say(table.header)
    cut = unknown = total = 0
    for part in _parts(texts):
        read = read_texts([one.text for one in part], predictor.spec)
        cut, unknown, total = cut + len(read.cut), unknown + sum(read.unknown), total + read.total
        for one, p_K in zip(part, predictor.outputs(torch.from_numpy(read.tokens), batch_size), strict=True):
            answer = best(p_K, classes, top)
            say(table.row(excerpt(one.text, _EXCERPT), answer) if table else json_line(one.place, answer))
    unit = predictor.spec.unit
    if num_empty:
        warn(f"passed over {pluralise(num_empty, 'empty line')}")
    if cut:
        longest = predictor.spec.shape[0]
        warn(f"{cut:,} of {pluralise(len(texts), 'text')} read up to {longest:,} {unit}, the longest it was trained on")
    if unknown:
        warn(f"{unknown:,} of {total:,} {unit} are not in the vocabulary of {run}, and were read as unknown")


def _parts(texts: Sequence[_Text]) -> Iterator[Sequence[_Text]]:
    for start in range(0, len(texts), _AT_ONCE):
        yield texts[start : start + _AT_ONCE]


def _lines(run: str, path: str) -> list[_Text]:
    if not Path(path).is_file():
        raise UserError(f"{path} must be a file with a text a line, but is none: {run} classifies texts")
    try:
        text = decode_text(Path(path).read_bytes(), "utf-8")
    except UserError as error:
        reason = str(error).split(". ")[0]
        raise UserError(f"{path} {reason}. {run} classifies texts: give a file in UTF-8 with a text a line") from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    return [_Text(line, {"path": path, "line": n, "text": line}) for n, line in enumerate(lines, start=1)]
