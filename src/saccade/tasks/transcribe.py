"""What stands in a line of print: what training minimises, and what evaluation measures, draws and writes.

Shapes: N lines, T steps of a line, V tokens, L characters.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from saccade import kinds
from saccade.core.errors import UserError
from saccade.data.alphabet import decode
from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.display import figures
from saccade.evaluate.about_data.slices import Property, slices_of, write_slices
from saccade.evaluate.metric_intervals.interval import with_intervals
from saccade.evaluate.outcomes import FILE_NAME, Outcomes, write_outcomes
from saccade.kinds.image.pixels.line import real_columns
from saccade.kinds.tokens.text.display import shown, write_table
from saccade.predict.answers import DIGITS, Answer, Answers, Question
from saccade.transcripts.drawings import ShownLine, draw_activations, draw_read_lines
from saccade.transcripts.edits import LineEdits, count_edits
from saccade.transcripts.metrics import (
    character_confusion,
    errors_by_character,
    transcript_intervals,
    transcript_metrics,
)
from saccade.transcripts.read_lines import ReadLine, read_greedily

if TYPE_CHECKING:
    from saccade.predict.predictor import Predictor

KINDS = ("image",)  # input layouts
LABELS = "transcripts"
LOSSES = ("ctc",)
SCORE = "line_accuracy"  # beside the loss, in every epoch
SECTIONS = {  # of the page of a run: files of the evaluation, and their headings
    "lines": "Lines and what was read",
    "confused_characters": "What it takes for what",
    "characters": "Character by character",
    "lengths": "By length",
    "groups": "Group by group",
    "activations": "Which step said what",
}

# What `saccade predict` may be given, and says of it
TAKES = ("PATH",)
DOES = "reads lines of print"
GIVE = "give pictures of lines: `saccade predict {run} lines/`"

UNSURE_BELOW = 0.9  # probability of a character below which `saccade predict` marks it
MARK = "\N{COMBINING LOW LINE}"  # behind a character that is unsure

_NUM_WORST, _NUM_USUAL = 12, 6  # lines that are drawn: those with most edits, and others spread evenly
_NUM_ACTIVATIONS = 4
_LENGTHS = (1, 5, 10, 20, 30, 40, 60, 100)  # characters at which the table of lengths begins a row
_MAX_GROUPS = 200  # rows


def evaluate(
    folder: Path,
    answers: Sequence[np.ndarray],
    test: Split,
    spec: Spec,
    history: Sequence[Mapping[str, float]],
    *,
    properties: Sequence[Property] = (),
    names_of_examples: Sequence[str] = (),
) -> dict[str, Any]:
    """Measure the lines that were read on the test split, and write tables and figures.

    Args:
        folder: an empty folder; gets predictions.csv, outcomes.csv, slices.csv, lines.png, confused_characters.csv,
            characters.csv, lengths.csv, groups.csv where there are groups, activations.png and learning_curves.png.
        answers: log-probabilities of the tokens at each step of each line, float32 (T, V).
        test: the test split.
        spec: spec of the dataset.
        history: a row an epoch, as in history.csv.
        properties: what the lines differ in, for slices.csv.
        names_of_examples: what each is found by, such as its file; none: its row.

    Returns:
        Metric name to value; what metrics.json holds, ``cer`` first. Each is followed by the ends of its 95 % interval,
        from draws of whole groups where there are groups; both None beside the reason where there is none.
    """
    read = [read_greedily(said_TV, spec.vocabulary) for said_TV in answers]
    true = [decode(label_L.tolist(), spec.vocabulary) for label_L in test.labels]
    texts = [line.text for line in read]
    found = count_edits(true, texts)
    names = list(names_of_examples) or [f"row {row}" for row in test.rows.tolist()]
    figures.draw_learning_curves([dict(row) for row in history], folder / "learning_curves.png")
    write_table(
        folder / "predictions.csv",
        ["row", "name", "actual", "read", "confidence", "edits"],
        (
            [int(row), name, ours, line.text, f"{line.confidence:.6f}", int(edits)]
            for row, name, ours, line, edits in zip(test.rows, names, true, read, found.edits, strict=True)
        ),
    )
    pairs = character_confusion(true, texts)
    confused = [(shown(a), shown(b), n, f"{n / of:.4f}" if a else "") for a, b, n, of in pairs]
    write_table(folder / "confused_characters.csv", ["actual", "read", "count", "share_of_actual"], confused)
    by_character = [(shown(c), n, e, f"{e / n:.4f}") for c, n, e in errors_by_character(true, texts)]
    write_table(folder / "characters.csv", ["character", "count", "errors", "error"], by_character)
    write_table(folder / "lengths.csv", ["characters", "lines", "cer", "line_accuracy"], _by_length(found))
    if test.groups is not None:
        rows = _by_group(found, test.groups, properties)
        write_table(folder / "groups.csv", ["group", "lines", "cer", "line_accuracy"], rows)
    write_slices(folder / "slices.csv", slices_of(found.edits > 0, properties))
    rates_N = found.edits / np.maximum(found.characters, 1)
    weights_N = np.maximum(found.characters, 1).astype(np.float64)
    write_outcomes(folder / FILE_NAME, Outcomes(test.rows, {"cer": rates_N}, weights=weights_N))
    _draw(folder, answers, test, names, true, texts, found, spec)
    return with_intervals(transcript_metrics(found), transcript_intervals(found, test.groups))


def _by_length(found: LineEdits) -> Iterator[list[Any]]:
    for low, high in zip(_LENGTHS, [*_LENGTHS[1:], None], strict=True):
        is_in_N = (found.characters >= low) & (found.characters < (high or np.inf))
        if is_in_N.any():
            yield [f"{low} to {high - 1}" if high else f"{low} and more", *_cells(found, is_in_N)]


def _by_group(found: LineEdits, group_N: np.ndarray, properties: Sequence[Property]) -> list[list[Any]]:
    """The groups with most edits first; named, where a property says how they are called."""
    named = next((each.values for each in properties if each.name == "group"), None)
    rows = []
    for group in np.unique(group_N):
        is_in_N = group_N == group
        name = str(group) if named is None else str(np.asarray(named)[is_in_N.argmax()])
        rows.append((int(found.edits[is_in_N].sum()), [name, *_cells(found, is_in_N)]))
    return [row for _, row in sorted(rows, key=lambda one: -one[0])[:_MAX_GROUPS]]


def _cells(found: LineEdits, is_in_N: np.ndarray) -> list[Any]:
    characters = max(int(found.characters[is_in_N].sum()), 1)
    right = float((found.edits[is_in_N] == 0).mean())
    return [int(is_in_N.sum()), f"{found.edits[is_in_N].sum() / characters:.4f}", f"{right:.4f}"]


def _draw(
    folder: Path,
    answers: Sequence[np.ndarray],
    test: Split,
    names: Sequence[str],
    true: Sequence[str],
    read: Sequence[str],
    found: LineEdits,
    spec: Spec,
) -> None:
    order_N = np.argsort(-found.edits, kind="stable")
    worst = [int(i) for i in order_N[:_NUM_WORST] if found.edits[i]]
    usual = np.unique(np.linspace(0, len(true) - 1, _NUM_USUAL).round().astype(int)).tolist()

    def line(i: int) -> ShownLine:
        image_HWC = np.asarray(test.examples[i])
        return ShownLine(image_HWC[:, : real_columns(image_HWC)], names[i], true[i], read[i])

    shown_lines = [line(i) for i in dict.fromkeys([*worst, *usual])]
    title = "The lines with most errors, then others: above what stands there, below what was read"
    draw_read_lines(shown_lines, title, folder / "lines.png")
    chosen = [*usual[: _NUM_ACTIVATIONS - 1], *worst[:1]]
    draw_activations(
        [line(i) for i in chosen],
        [answers[i] for i in chosen],
        spec.vocabulary,
        "How probable each character is along the line (grey: none)",
        folder / "activations.png",
    )


# --- saccade predict --------------------------------------------------------------------------------------------------


def predict(predictor: "Predictor", question: Question) -> Answers:
    """Read pictures of lines.

    Args:
        predictor: network that reads lines.
        question: pictures.

    Returns:
        A row a line: its name, its text, in which unsure characters are underlined, and the confidence.

    Raises:
        UserError: there is nothing to read.
    """
    examples = kinds.read_new(question.reading)
    return Answers(
        _read(predictor, examples.batches, question.batch_size),
        [examples.title, "text", "confidence"],
        [examples.names, (), ()],
        examples.total,
        warnings=examples.warnings,
    )


def _read(predictor: "Predictor", batches: Iterable[Sequence[kinds.NewExample]], batch_size: int) -> Iterator[Answer]:
    import torch

    for batch in batches:
        arrays = [one.array for one in batch if not isinstance(one.array, UserError)]
        said = iter(predictor.line_outputs(torch.from_numpy(np.stack(arrays)), batch_size) if arrays else ())
        for one in batch:
            if isinstance(one.array, UserError):
                yield Answer([one.name], one.place, problem=str(one.array))
                continue
            said_TV = next(said)
            line = read_greedily(said_TV, predictor.spec.vocabulary)
            columns = real_columns(one.array)
            record = {**one.place, **record_of(line, columns / len(said_TV))}
            yield Answer([one.name, marked(line), f"{line.confidence:.4f}"], record)


def marked(line: ReadLine) -> str:
    """The text of a line, with a low line below each character that is unsure."""
    return "".join(
        one.text + MARK if one.probability < UNSURE_BELOW and one.text != " " else one.text for one in line.characters
    )


def record_of(line: ReadLine, columns_a_step: float) -> dict[str, Any]:
    """A line as plain values for JSON.

    Args:
        line: what was read.
        columns_a_step: columns of the prepared picture that a step stands for.

    Returns:
        Text, confidence, and its characters, each with its probability and where it stands, in columns of the picture
        at the height of the dataset.
    """
    characters = [
        {
            "text": one.text,
            "probability": round(one.probability, DIGITS),
            "left": round(one.first_step * columns_a_step, 1),
            "right": round(one.end_step * columns_a_step, 1),
        }
        for one in line.characters
    ]
    return {"text": line.text, "confidence": round(line.confidence, DIGITS), "characters": characters}
