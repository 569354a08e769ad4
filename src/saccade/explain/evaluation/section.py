"""What an evaluation writes of what its network sees: seen.csv, a line a picture or example, and what these name."""

import csv
from pathlib import Path

import numpy as np

from saccade.core.errors import UserError
from saccade.core.messages import printable
from saccade.data.prepared import Split
from saccade.explain.attribution.frozen import unchanged
from saccade.explain.evaluation.cases import NameOf, Shown
from saccade.explain.evaluation.images import show_images
from saccade.explain.evaluation.sequences import show_sequences
from saccade.explain.evaluation.work import Work
from saccade.predict.predictor import Predictor, TokenOutputs

SEEN = "seen.csv"


def write_seen(
    folder: Path,
    predictor: Predictor,
    answers: np.ndarray | TokenOutputs | list[np.ndarray],
    test: Split,
    name_of: NameOf,
    *,
    multiply_adds: int,
    run: str,
) -> str:
    """Explain what a network answered on the test split, its mistakes above all.

    Nothing is written of vectors, such as the rows of a table: no picture and no order shows them; nor of lines that
    are read, whose task draws which step said what.

    Args:
        folder: folder of the evaluation; gets seen.csv, and of images seen_mistakes.png, seen_filters.png and
            seen_classes.png, of texts influences.csv, of series seen_1.png and so on.
        predictor: trained network, which stays as it is.
        answers: what it answered on the split.
        test: the split.
        name_of: what people find an example by, from its place in the split.
        multiply_adds: multiply-adds of one example.
        run: name of the run, for the command that shows more.

    Returns:
        Reason why nothing is shown; empty where something is.
    """
    layout, work = predictor.spec.layout, Work(multiply_adds, len(test.rows))
    if layout not in ("image", "tokens", "series") or isinstance(answers, list):
        return ""
    reason = ""
    try:
        with unchanged(predictor.network):
            if layout == "image":
                assert isinstance(answers, np.ndarray), "one answer an image"
                found = show_images(folder, predictor, answers, test, name_of, work, run)
            else:
                found = show_sequences(folder, predictor, answers, test, name_of, work, run)
    except (UserError, RuntimeError) as error:  # an own model may take what is tried on it amiss; metrics are there
        reason = str(error).strip().partition("\n")[0]
        found = [Shown(f"Nothing is shown of it: {reason}")]
    if not found:
        return reason
    with (folder / SEEN).open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["picture", "example", "text"])
        writer.writerows([one.picture, one.example, printable(one.text)] for one in found)
    return reason
