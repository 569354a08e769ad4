"""``saccade predict RUN PATH...``: what a trained run says of new pictures, as a table or as JSON lines."""

import contextlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline import paths
from pipeline.console import Progress, number_of, say, warn
from pipeline.schema.evaluate import EvaluateBlock
from saccade import prediction
from saccade.errors import UserError
from saccade.picture_files import BATCH_SIZE, classify_files, find_pictures

_DIGITS = 6  # of a probability, as in predictions.csv
_WIDEST_PATH = 60  # cells of the table's first column


def predict(
    run: str, pictures: Sequence[str], *, here: Path, block: EvaluateBlock, top: int | None, as_json: bool
) -> None:
    """Classify pictures and print what came out, each batch as soon as it is there.

    Args:
        run: key in ``runs:``.
        pictures: files, folders and patterns.
        here: the folder that they are relative to; we stand in the tree.
        block: ``evaluate:`` of the run, for its device and batch size: the same answers as there.
        top: how many classes to tell of a picture, the most probable ones; None tells one in the table, all in JSON.
        as_json: a JSON object a line instead of a table.

    Raises:
        UserError: no such pictures, no such model, or a picture could not be read; the others were told.
    """
    with contextlib.chdir(here):
        files = find_pictures(pictures)
    predictor = prediction.load(paths.model(run), device=block.device)
    try:
        predictor.require_image_classes()
    except UserError as error:
        raise UserError(f"{run}: {error}") from error
    classes = predictor.spec.classes
    top = min(top or (len(classes) if as_json else 1), len(classes))
    table = None if as_json else _Table(files, classes, top)
    if table:
        say(table.header)
    unreadable = 0
    with contextlib.chdir(here), Progress("pictures", line_every_s=math.inf) as progress:
        answers = classify_files(predictor, files, batch_size=min(block.batch_size, BATCH_SIZE))
        for done, (path, answer) in enumerate(answers, start=1):
            if isinstance(answer, UserError):
                unreadable += 1
                warn(f"{_printable(path)} {answer}")
            else:
                best = _best(answer, classes, top)
                progress.say(table.row(path, best) if table else _json_line(path, best))
            progress(f"predicting with {run}", done, len(files))
    if unreadable:
        raise UserError(f"{unreadable:,} of {number_of(len(files), 'picture')} could not be read, see above")


def _best(probabilities_K: np.ndarray, classes: Sequence[str], top: int) -> dict[str, float]:
    """The most probable classes, the first of equally probable ones first, as ``argmax`` takes them."""
    order = np.argsort(-probabilities_K, kind="stable")[:top]
    return {classes[k]: float(probabilities_K[k]) for k in order}


def _json_line(path: str, best: Mapping[str, float]) -> str:
    probabilities = {name: round(p, _DIGITS) for name, p in best.items()}
    return json.dumps({"path": path, "label": next(iter(best)), "probabilities": probabilities})


class _Table:
    """A table whose lines can be printed one by one: its columns are as wide as whatever may come, in letter cells.

    Args:
        files: the paths that may come.
        classes: the names that may come.
        top: how many of them a row has.
    """

    def __init__(self, files: Iterable[str], classes: Sequence[str], top: int) -> None:
        ranks = ["", *(f" {rank}" for rank in range(2, top + 1))]
        titles = ["picture", *(f"{what}{rank}" for rank in ranks for what in ("label", "probability"))]
        path_cells = min(_widest(files), _WIDEST_PATH)  # a longer one pushes its row to the right
        widest = [path_cells, *[_widest(classes), 0] * top]
        self._widths = [max(width, len(title)) for width, title in zip(widest, titles, strict=True)]
        self.header = self._line(titles)

    def row(self, path: str, best: Mapping[str, float]) -> str:
        """The line of one picture."""
        return self._line([path, *(text for name, p in best.items() for text in (name, f"{p:.4f}"))])

    def _line(self, texts: Iterable[str]) -> str:
        from rich.cells import cell_len  # Chinese letters take two cells each

        shown = map(_printable, texts)
        padded = (text + " " * (width - cell_len(text)) for text, width in zip(shown, self._widths, strict=True))
        return "  ".join(padded).rstrip()


def _widest(texts: Iterable[str]) -> int:
    from rich.cells import cell_len

    return max(cell_len(_printable(text)) for text in texts)


def _printable(text: str) -> str:
    """The text on one line, line breaks and bytes that are no letters written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
