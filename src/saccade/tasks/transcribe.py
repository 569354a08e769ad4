"""A line of text that is read from its image: what evaluation measures, draws and writes, and what predict prints.

Shapes: N lines, T steps of the network's output, V ids of the vocabulary, L characters.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from saccade import kinds
from saccade.core.errors import UserError
from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.display import figures
from saccade.evaluate.about_data.slices import Property, slices_of, write_slices
from saccade.evaluate.metric_intervals.interval import with_intervals
from saccade.evaluate.outcomes import FILE_NAME, write_outcomes
from saccade.kinds.image.pixels.line import real_columns
from saccade.kinds.tokens.text.display import write_table
from saccade.predict.answers import Answer, Answers, Question
from saccade.transcripts import metrics, tables
from saccade.transcripts.decoder import GREEDY, ChosenDecoder, Decoder
from saccade.transcripts.figures import (
    DrawnLine,
    draw_activation,
    draw_character_errors,
    draw_rates,
    draw_read_lines,
)
from saccade.transcripts.new_lines import line_record, marked_text, read_new_lines
from saccade.transcripts.read_line import UNSURE_BELOW, ReadLine

if TYPE_CHECKING:
    from saccade.predict.predictor import Predictor

KINDS = ("image",)  # input layouts
LABELS = "transcripts"
LOSSES = ("ctc",)
SCORE = "line_accuracy"  # beside the loss, in every epoch
SECTIONS = {  # of the page of a run: files of the evaluation, and their headings
    "read_lines": "What it reads",
    "worst_lines": "The worst lines",
    "wrong_and_sure": "Wrong, and sure of it",
    "activation": "Which step says what",
    "character_errors": "Which characters it gets wrong",
    "character_confusion": "What it reads for what",
    "cer_by": "Errors by what lines differ in",
    "cer_by_group": "Errors group by group",
    "confidence": "How far its confidence can be trusted",
    "decoder": "How characters become a text",
}

# What `saccade predict` may be given, and says of it
TAKES = ("PATH",)
DOES = "reads lines of print"
GIVE = "give pictures of lines: `saccade predict {run} lines/`"

_DRAWN = 14  # lines of a picture
_ACTIVATIONS = 3
_WORST = 200  # rows of a table of lines


def evaluate(
    folder: Path,
    outputs: Sequence[np.ndarray],
    test: Split,
    spec: Spec,
    history: Sequence[Mapping[str, float]],
    *,
    decoder: ChosenDecoder | None = None,
    properties: Sequence[Property] = (),
    names_of_examples: Sequence[str] = (),
) -> dict[str, Any]:
    """Read the test lines, measure what was read, and write tables and figures.

    Args:
        folder: an empty folder; gets learning_curves.png, predictions.csv, outcomes.csv, slices.csv (in which a line is
            wrong that has an edit), the lines drawn with their edits (read_lines, worst_lines, wrong_and_sure),
            activation.png, character_errors and character_confusion, cer_by, cer_by_group and confidence.csv.
        outputs: logarithms of the network's probabilities, float (T_n, V) a line, in the order of the test split.
        test: the test split.
        spec: spec of the dataset.
        history: a row an epoch, as in history.csv.
        decoder: what makes texts of them; None: the most probable character at each step.
        properties: what the lines differ in, for cer_by and slices.csv.
        names_of_examples: what each is found by, such as its file; none: its row.

    Returns:
        Metric name to value; what metrics.json holds, ``cer`` first. Each is followed by the ends of its 95 % interval,
        None beside the reason where there is none. Where a beam search read them, ``greedy_cer`` and its interval say
        what the network does without it.
    """
    chosen = decoder or ChosenDecoder(GREEDY)
    figures.draw_learning_curves([dict(row) for row in history], folder / "learning_curves.png")
    names = list(names_of_examples) or [f"row {row}" for row in test.rows.tolist()]
    truths = metrics.true_texts(test.labels, spec.vocabulary)
    lines = chosen.decoder.read_all(outputs, spec.vocabulary)
    reads = [metrics.comparable(line.text) for line in lines]
    counts = metrics.count_lines(truths, reads)
    properties = [*properties, Property("characters", counts.characters.astype(np.float64), "in the transcript")]

    _write_lines(folder, test, spec, names, truths, lines, counts)
    _draw_activations(folder / "activation.png", outputs, test, spec, names, truths, lines, counts)
    _write_characters(folder, truths, reads)
    rows = list(tables.rates_by(counts, properties, test.groups))
    if rows:
        head = ["by", "value", "lines", "characters", "edits", "cer", "low", "high"]
        write_table(folder / "cer_by.csv", head, rows)
        draw_rates(rows, folder / "cer_by.png")
    group = next((one for one in properties if one.name == "group"), None)
    if group is not None:
        head = ["group", "lines", "wrong_lines", "characters", "edits", "cer"]
        write_table(folder / "cer_by_group.csv", head, tables.rates_by_group(counts, list(group.values)))
    head = ["confidence_from", "lines", "share_of_lines", "right"]
    write_table(folder / "confidence.csv", head, tables.confidence_rows(lines, counts.is_wrong))
    (folder / "confidence.txt").write_text(f"{tables.count_marks(truths, lines).in_words()}\n", encoding="utf-8")
    write_slices(folder / "slices.csv", slices_of(counts.is_wrong, properties))
    write_outcomes(folder / FILE_NAME, metrics.line_outcomes(test.rows, counts))
    measured = metrics.transcript_metrics(counts)
    intervals = metrics.transcript_intervals(counts, test.groups)
    if unknown := metrics.num_unknown(test.labels):
        measured["unknown_characters"] = unknown
    if chosen.decoder.name != "greedy":
        greedy = GREEDY.read_all(outputs, spec.vocabulary)
        plain = metrics.count_lines(truths, [metrics.comparable(line.text) for line in greedy])
        measured |= {"greedy_cer": metrics.transcript_metrics(plain)["cer"]}
        measured |= {"language_weight": chosen.decoder.language_weight}
        intervals["greedy_cer"] = metrics.ratio_interval(plain.edits, plain.characters, test.groups)
        _write_decoder(folder, chosen)
    return with_intervals(measured, intervals)


def _write_lines(
    folder: Path,
    test: Split,
    spec: Spec,
    names: Sequence[str],
    truths: Sequence[str],
    lines: Sequence[ReadLine],
    counts: metrics.LineCounts,
) -> None:
    """predictions.csv, and tables and pictures of some lines."""

    def cells(place: int) -> list[Any]:
        line, edits = lines[place], int(counts.edits[place])
        return [int(test.rows[place]), names[place], truths[place], line.text, f"{line.confidence:.6f}", edits]

    def drawn(places: Sequence[int]) -> list[DrawnLine]:
        images = (_real_part(test, place, spec) for place in places)
        return [
            DrawnLine(image, truths[place], lines[place], names[place])
            for image, place in zip(images, places, strict=True)
        ]

    head = ["row", "name", "truth", "read", "confidence", "edits"]
    write_table(folder / "predictions.csv", head, map(cells, range(len(lines))))
    some = sorted(np.random.default_rng(0).permutation(len(lines))[:_DRAWN].tolist())
    wrong = np.flatnonzero(counts.is_wrong)
    rate_n = counts.edits[wrong] / np.maximum(counts.characters[wrong], 1)
    worst = wrong[np.lexsort((-rate_n, -counts.edits[wrong]))].tolist()
    sure = wrong[np.argsort([-lines[place].confidence for place in wrong.tolist()], kind="stable")].tolist()
    of = f"of {len(lines):,} test lines"
    titles = {
        "read_lines": (some, f"{len(some)} {of}, drawn by chance"),
        "worst_lines": (worst, f"The {min(len(worst), _DRAWN)} with the most edits {of} ({len(wrong):,} have any)"),
        "wrong_and_sure": (sure, f"The {min(len(sure), _DRAWN)} surest of {len(wrong):,} wrong lines"),
    }
    for name, (places, title) in titles.items():
        draw_read_lines(drawn(places[:_DRAWN]), title, f"None {of} has an edit.", folder / f"{name}.png")
        if name != "read_lines" and places:
            write_table(folder / f"{name}.csv", head, map(cells, places[:_WORST]))


def _real_part(test: Split, place: int, spec: Spec) -> np.ndarray:
    """A line without its padding, uint8 (H, w, C)."""
    image_HWC = np.asarray(test.examples[place])
    return image_HWC[:, : real_columns(image_HWC)] if spec.is_padded else image_HWC


def _draw_activations(
    path: Path,
    outputs: Sequence[np.ndarray],
    test: Split,
    spec: Spec,
    names: Sequence[str],
    truths: Sequence[str],
    lines: Sequence[ReadLine],
    counts: metrics.LineCounts,
) -> None:
    """A line that is right, and some that are wrong, those first that have few steps to show."""
    steps_N = np.array([len(log_p_TV) for log_p_TV in outputs])
    order = np.argsort(np.abs(steps_N - np.median(steps_N)), kind="stable")
    right = [place for place in order.tolist() if not counts.is_wrong[place] and truths[place]]
    wrong = [place for place in order.tolist() if counts.is_wrong[place]]
    places = [*right[:1], *wrong[: _ACTIVATIONS - 1]] or order[:1].tolist()
    shown = [DrawnLine(_real_part(test, p, spec), truths[p], lines[p], names[p]) for p in places]
    draw_activation(shown, [outputs[place] for place in places], spec.vocabulary, path)


def _write_characters(folder: Path, truths: Sequence[str], reads: Sequence[str]) -> None:
    rows, pairs = tables.character_errors(truths, reads)
    head = ["character", "count", "read", "substituted", "missed", "inserted", "error_rate"]
    cells = [
        [
            tables.shown(row.character),
            row.count,
            row.same,
            row.substituted,
            row.missed,
            row.inserted,
            f"{(row.substituted + row.missed) / row.count:.6f}" if row.count else "",
        ]
        for row in rows
    ]
    write_table(folder / "character_errors.csv", head, cells)
    draw_character_errors(rows, folder / "character_errors.png")
    confused = [
        [tables.shown(true), tables.shown(read), count, "" if share is None else f"{share:.6f}"]
        for true, read, count, share in tables.confusion_rows(pairs)
    ]
    if confused:
        write_table(folder / "character_confusion.csv", ["actual", "read", "count", "share_of_actual"], confused)


def _write_decoder(folder: Path, chosen: ChosenDecoder) -> None:
    """decoder.txt and, where weights were tried, decoder.csv."""
    said = f"{chosen.decoder.in_words()}\n"
    if chosen.trials:
        said += f"chosen by the edits on {chosen.lines:,} validation lines\n"
        rows = [
            [f"{one.language_weight:g}", f"{one.length_bonus:.4f}", one.edits, one.characters, f"{one.cer:.6f}"]
            for one in chosen.trials
        ]
        head = ["language_weight", "length_bonus", "edits", "characters", "validation_cer"]
        write_table(folder / "decoder.csv", head, rows)
    (folder / "decoder.txt").write_text(said, encoding="utf-8")


# --- saccade predict --------------------------------------------------------------------------------------------------


def check_question(question: Question, spec: Spec) -> None:
    """Refuse what texts do not know.

    Args:
        question: what a run is asked.
        spec: of its network.

    Raises:
        UserError: classes are asked for.
    """
    if question.top is not None:
        raise UserError(
            f"--top ({question.top}) must be left out: {question.reading.run} reads lines of print and knows no classes"
        )


def predict(predictor: "Predictor", question: Question) -> Answers:
    """Read images of lines.

    Args:
        predictor: network that reads lines.
        question: what is asked about, with the decoder of the run.

    Returns:
        A row a line: its name, its confidence, how many characters are unsure, and the text, in which these stand in
        brackets. In JSON ``text``, ``confidence`` and ``characters``, each with its probability and the columns of
        the picture that it was read from.

    Raises:
        UserError: there is nothing to read.
    """
    examples = kinds.read_new(question.reading)
    decoder = question.decoder or GREEDY
    return Answers(
        _answers(predictor, examples, question, decoder),
        [examples.title, "confidence", "unsure", "text"],
        [examples.names, ["0.0000"], ["000"], [""]],
        examples.total,
        warnings=examples.warnings,
        notes=[
            f"[in brackets]: characters of a probability below {UNSURE_BELOW:g}; confidence: probability of the whole "
            f"text; read by {decoder.in_words()}"
        ],
    )


def _answers(
    predictor: "Predictor", examples: kinds.NewExamples, question: Question, decoder: Decoder
) -> Iterator[Answer]:
    batch_size = min(question.batch_size, examples.batch_size or question.batch_size)
    for batch in examples.batches:
        lines = iter(read_new_lines(predictor, batch, decoder, batch_size))
        widths = iter(_widths(question, batch, predictor.spec))
        for one in batch:
            if isinstance(one.array, UserError):
                yield Answer([one.name], one.place, problem=str(one.array))
                continue
            line, width = next(lines), next(widths)
            cells = [one.name, f"{line.confidence:.4f}", str(line.num_unsure), marked_text(line)]
            yield Answer(cells, {**one.place, "width": width, **line_record(line, width)})


def _widths(question: Question, batch: Sequence[kinds.NewExample], spec: Spec) -> list[int]:
    """The width of each picture that could be opened, in its own pixels; where nobody asks, as the network saw it."""
    opened = [(one, one.array) for one in batch if not isinstance(one.array, UserError)]
    if question.as_json and opened:
        measures = kinds.measures_of_new(question.reading, [one for one, _ in opened])
        if "width" in measures:
            return [int(width) for width in measures["width"]]
    return [real_columns(array) if spec.is_padded else array.shape[1] for _, array in opened]
