"""``saccade predict RUN PATH...`` of a run that classifies pictures."""

import contextlib
import math
from collections.abc import Sequence
from pathlib import Path

from pipeline.commands.predict.answers import AnswerTable, best, json_line, printable
from pipeline.console import Progress, pluralise, say, warn
from saccade.core.errors import UserError
from saccade.predict.image_files import BATCH_SIZE, classify_files, find_pictures
from saccade.predict.predictor import Predictor


def predict_pictures(
    run: str,
    predictor: Predictor,
    pictures: Sequence[str],
    *,
    here: Path,
    batch_size: int,
    top: int | None,
    as_json: bool,
) -> None:
    """Classify pictures and print what came out, each batch as soon as it is there.

    Args:
        run: key in ``runs:``.
        predictor: its network.
        pictures: files, folders and patterns.
        here: the folder that they are relative to; we stand in the tree.
        batch_size: of ``evaluate:``; the same answers as there.
        top: how many classes to tell of a picture, the most probable ones; None tells one in the table, all in JSON.
        as_json: a JSON object a line instead of a table.

    Raises:
        UserError: no such pictures, or a picture could not be read; the others were told.
    """
    with contextlib.chdir(here):
        files = find_pictures(pictures)
    classes = predictor.spec.classes
    top = min(top or (len(classes) if as_json else 1), len(classes))
    table = None if as_json else AnswerTable("picture", files, classes, top)
    if table:
        say(table.header)
    unreadable = 0
    with contextlib.chdir(here), Progress("pictures", line_every_s=math.inf) as progress:
        answers = classify_files(predictor, files, batch_size=min(batch_size, BATCH_SIZE))
        for done, (path, answer) in enumerate(answers, start=1):
            if isinstance(answer, UserError):
                unreadable += 1
                warn(f"{printable(path)} {answer}")
            else:
                found = best(answer, classes, top)
                progress.say(table.row(path, found) if table else json_line({"path": path}, found))
            progress(f"predicting with {run}", done, len(files))
    if unreadable:
        raise UserError(f"{unreadable:,} of {pluralise(len(files), 'picture')} could not be read, see above")
