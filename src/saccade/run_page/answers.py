"""What the network answered, section by section: each is one table or picture of the evaluation, by its file's name.

A task's ``SECTIONS`` says which files its page shows, in which order and under which headings. A file that has no form
of its own here is shown as a table and a picture; those of a task that says nothing, as pictures.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from saccade.display.page import Code, Line, Name
from saccade.evaluate.intervals import accuracy_interval
from saccade.run_page.blocks import (
    Block,
    Cell,
    Charts,
    ColouredTexts,
    Curve,
    DataTable,
    LineChart,
    Matrix,
    Number,
    RunSection,
    Token,
    Verbatim,
)
from saccade.run_page.files import Row, RunFiles, column, number_in
from saccade.run_page.headline import sentence, words
from saccade.run_page.pictures import Pictures
from saccade.run_page.tables import as_picture, as_table

SHOWN_ELSEWHERE = ("learning_curves", "gradients")
OF_ALL_TASKS = {"seen": "What the network sees", "slices": "Where it errs", "speed": "How fast it answers"}
"""Files that any evaluation may hold, and their headings."""

_MAX_MATRIX = 24  # classes; of more, the picture and the list
_MAX_CONFUSIONS, _NAMED = 100, 3  # pairs in the list, and in the sentence above it
_UNFOLDED = 12  # pairs; more are shown when asked for
_MAX_CLASSES = 500  # rows of the table of classes
_SIGNIFICANT = 0.05  # p below which a difference is taken for no chance
_MAX_CHARACTERS = 20_000  # of a text file
_MAX_TOKENS = 400  # of a text whose tokens are coloured
_LINE_END = "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}"  # the token that stands for the end of a line
_ANSWERS = {"network": "as the network answers", "calibrated": "with the temperature"}  # of reliability.csv
_DESCRIPTIONS = {
    "confusion": "Which true class, a row each, was taken for which class, a column each",
    "mistakes": "Test examples that were told wrongly, the surest first; above each its true class and the answer",
    "reliability": "How often answers of a given confidence are right",
    "risk_coverage": "Share of wrong answers among those kept, by the share of examples that are answered",
    "forecast": "Forecasts of test windows beside what came",
    "by_step": "Mean error by how many steps ahead",
    "by_series": "Errors, series by series",
    "predictions": "Predicted numbers against true ones",
    "seen_mistakes": "Test images, each beside a map of what in it speaks for the answer, and one for the true class",
    "seen_filters": "Filters of the first layer, each as a small picture",
    "seen_classes": "For each class, the mean of the maps over the mean of its images",
    "loss_by_position": "Mean loss of the next token by how many tokens were read",
    "confused_tokens": "Which next tokens are taken for which",
}


@dataclass(frozen=True)
class Evaluated:
    """What a section is made of.

    Attributes:
        files: the run's folder.
        name: name of the file, without its ending.
        title: heading of the section.
        pictures: room for pictures.
    """

    files: RunFiles
    name: str
    title: str
    pictures: Pictures

    @property
    def rows(self) -> list[Row]:
        """The table of that name; empty where there is none."""
        return self.files.table(f"evaluation/{self.name}.csv")

    def picture(self) -> list[Block]:
        """The picture of that name; nothing where there is none."""
        description = _DESCRIPTIONS.get(self.name, self.title)
        picture = as_picture(self.files.evaluation / f"{self.name}.png", self.pictures, description)
        return [picture] if picture else []

    def section(
        self, lines: Sequence[Line], blocks: Sequence[Block], result: str = "", *, is_fine: bool = True
    ) -> RunSection | None:
        """A section of that heading; None of nothing."""
        if not lines and not blocks:
            return None
        return RunSection(self.name.replace("_", "-"), self.title, result, is_fine, lines, blocks)


def answer_sections(files: RunFiles, headings: Mapping[str, str] | None, pictures: Pictures) -> Iterator[RunSection]:
    """The sections on an evaluation.

    Args:
        files: the run's folder.
        headings: a task's ``SECTIONS``; None where it says nothing.
        pictures: room for pictures.

    Yields:
        Sections of which there is something to show.
    """
    found = {path.stem for path in files.evaluation.glob("*") if path.is_file()}
    drawn = sorted(path.stem for path in files.evaluation.glob("*.png") if not path.stem.startswith("seen_"))
    named = dict(headings) if headings is not None else {stem: sentence(words(stem)) for stem in drawn}
    for name, title in {**named, **OF_ALL_TASKS}.items():
        if name in found and name not in SHOWN_ELSEWHERE:
            section = _FORMS.get(name, _as_it_is)(Evaluated(files, name, title, pictures))
            if section is not None:
                yield section


def _as_it_is(of: Evaluated) -> RunSection | None:
    """Picture, table and text of that name."""
    blocks = of.picture()
    if rows := of.rows:
        blocks.append(as_table(rows, f"{of.name}.csv", most=25, is_folded=bool(blocks)))
    text = of.files.evaluation / f"{of.name}.txt"
    if text.exists():
        with text.open(encoding="utf-8") as file:
            blocks.append(Verbatim(text.name, Name(file.read(_MAX_CHARACTERS))))
    return of.section([], blocks)


def _figure(of: Evaluated) -> RunSection | None:
    """The picture alone, where a table has a row an example."""
    return of.section([], of.picture())


# --- classes ----------------------------------------------------------------------------------------------------------


def _confusion(of: Evaluated) -> RunSection | None:
    rows = of.rows
    if not rows:
        return _figure(of)
    counts = {(row["actual"], row["predicted"]): int(row["count"]) for row in rows}
    names = list(dict.fromkeys(row["actual"] for row in rows))
    total = {name: sum(counts.get((name, other), 0) for other in names) for name in names}
    pairs = [(count, pair) for pair, count in counts.items() if pair[0] != pair[1] and count]
    pairs.sort(key=lambda one: -one[0])  # of equal ones, in the order of the file
    wrong = sum(count for count, _ in pairs)
    if not pairs:
        lines: list[Line] = [(f"None of {sum(total.values()):,} test examples was taken for another class.",)]
    else:
        lines = [
            (f"{wrong:,} of {sum(total.values()):,} test examples were taken for another class. ", *_largest(pairs))
        ]
    blocks: list[Block] = []
    if 2 <= len(names) <= _MAX_MATRIX:
        matrix = [[counts.get((actual, predicted), 0) for predicted in names] for actual in names]
        blocks.append(Matrix("Rows: true, columns: predicted", [Name(name) for name in names], matrix))
    else:
        blocks += of.picture()
    if pairs:
        caption = "Confusions" + (f": the {_MAX_CONFUSIONS} largest of {len(pairs):,}" * (len(pairs) > _MAX_CONFUSIONS))
        cells: list[list[Cell]] = [
            [
                Name(actual),
                Name(predicted),
                Number(count, f"{count:,}"),
                Number(count / total[actual], f"{count / total[actual]:.1%}".replace("%", " %")),
            ]
            for count, (actual, predicted) in pairs[:_MAX_CONFUSIONS]
        ]
        head = ["true class", "taken for", "examples", "share of the true class"]
        blocks.append(DataTable(caption, head, cells, is_folded=len(pairs) > _UNFOLDED))
    return of.section(lines, blocks)


def _largest(pairs: Sequence[tuple[int, tuple[str, str]]]) -> Iterator[str | Name]:
    yield "Most often: "
    for place, (count, (actual, predicted)) in enumerate(pairs[:_NAMED]):
        yield "; " * (place > 0)
        yield Name(actual)
        yield " for "
        yield Name(predicted)
        yield f" ({count:,})"
    yield "."


def _per_class(of: Evaluated) -> RunSection | None:
    rows = of.rows
    if not rows:
        return None
    rows = [_with_interval(row) for row in rows]
    score = "average_precision" if "average_precision" in rows[0] else "f1"
    known = sorted(
        (value, row.get("class", "")) for row in rows if (value := number_in(row.get(score, ""))) is not None
    )
    lines: list[Line] = []
    if len(known) > 1 and known[0][0] < known[-1][0]:
        told = f"Lowest {words(score)}: "
        shown = [part for value, name in known[:_NAMED] for part in (", ", Name(name), f" ({value:.3f})")]
        lines.append((told, *shown[1:], "."))
    absent = [row.get("class", "") for row in rows if number_in(row.get("support", "")) == 0]
    if absent:
        shown = [part for name in absent[:_NAMED] for part in (", ", Name(name))]
        more = f" and {len(absent) - _NAMED:,} more" if len(absent) > _NAMED else ""
        lines.append(("Without test examples, and so not measured: ", *shown[1:], f"{more}."))
    if any("recall_low" in row for row in rows):
        lines.append(("Recall stands with its 95 % interval.",))
    table = as_table(rows, "A row a class", texts=("class",), most=_MAX_CLASSES)
    result = f"{len(absent):,} without test examples" if absent else ""
    return of.section(lines, [table], result, is_fine=not absent)


def _with_interval(row: Row) -> Row:
    """The row with Wilson's interval of recall, where the table has none."""
    recall, support = (number_in(row.get(name, "")) for name in ("recall", "support"))
    if recall is None or not support or any(name.endswith("_low") for name in row):
        return row
    low, high = accuracy_interval(round(recall * support), int(support))
    widened: dict[str, str] = {}
    for name, text in row.items():
        widened[name] = text
        if name == "recall":
            widened |= {"recall_low": f"{low:.4f}", "recall_high": f"{high:.4f}"}
    return widened


def _mistakes(of: Evaluated) -> RunSection | None:
    blocks = of.picture()
    if rows := of.rows:
        blocks.append(as_table(rows, "Mistakes, the surest first", texts=tuple(rows[0])[1:], most=60))
    return of.section(
        [("Wrong, and sure of it: here labels turn out wrong, and classes alike.",)] if blocks else [], blocks
    )


# --- how sure ---------------------------------------------------------------------------------------------------------


def _reliability(of: Evaluated) -> RunSection | None:
    x_names, y_names = ("confidence", "mean_confidence", "predicted"), ("accuracy", "observed", "share_right")
    return _charted(
        of,
        x_names,
        y_names,
        "If confidence is to be believed, the points lie on the dashed diagonal; below it the network is too sure.",
        has_diagonal=True,
    )


def _risk_coverage(of: Evaluated) -> RunSection | None:
    says = "Answering only what it is surest of: how many of those answers are wrong, by the share that is answered."
    return _charted(of, ("coverage",), ("error", "risk", "error_rate"), says, has_diagonal=False)


def _charted(
    of: Evaluated, x_names: Sequence[str], y_names: Sequence[str], says: str, *, has_diagonal: bool
) -> RunSection | None:
    """A curve for each value of the column of words, where there is one; else the picture of that name."""
    rows = of.rows
    x, y = (next((name for name in names if rows and name in rows[0]), None) for names in (x_names, y_names))
    known = [row for row in rows if x and y and number_in(row[x]) is not None and number_in(row[y]) is not None]
    if not known or x is None or y is None:
        return _as_it_is(of)
    kind = next((name for name in rows[0] if all(number_in(row[name]) is None for row in known)), None)
    groups: dict[str, list[Row]] = {}
    for row in known:
        name = _ANSWERS.get(row[kind], words(row[kind])) if kind else words(y)
        groups.setdefault(name, []).append(row)
    charts = [
        _chart(of, name, sorted(own, key=lambda row: float(row[x])), x, y, has_diagonal=has_diagonal)
        for name, own in groups.items()
    ]
    table = as_table(rows, f"{of.title}: values", is_folded=True)
    return of.section([(says,)], [Charts(charts), table])


def _chart(of: Evaluated, name: str, rows: Sequence[Row], x: str, y: str, *, has_diagonal: bool) -> LineChart:
    ends = [next((column(rows, key) for key in (f"{y}_{end}", end) if key in rows[0]), []) for end in ("low", "high")]
    curve = Curve(words(y), column(rows, y), low=ends[0] if all(ends) else [], high=ends[1] if all(ends) else [])
    title = sentence(f"{name} by {words(x)}" if name == words(y) else name)
    places = [float(row[x]) for row in rows]
    return LineChart(title, words(x), places, [curve], has_diagonal=has_diagonal, has_points=has_diagonal)


# --- what the network sees --------------------------------------------------------------------------------------------


def _seen(of: Evaluated) -> RunSection | None:
    """Pictures and texts in the order in which the evaluation names them, and its lines between them."""
    by_example: dict[str, list[Row]] = {}
    for row in of.files.table("evaluation/influences.csv"):
        by_example.setdefault(row["example"], []).append(row)
    lines: list[Line] = []
    blocks: list[Block] = []
    for row in of.rows:
        text = _with_commands(row["text"])
        if row["picture"]:
            path = of.files.evaluation / row["picture"]
            picture = as_picture(path, of.pictures, _DESCRIPTIONS.get(path.stem, of.title), text)
            blocks += [picture] if picture else []
        elif row["example"]:
            blocks.append(_coloured_texts(text, by_example.get(row["example"], [])))
        else:
            lines.append(text)
    return of.section(lines, blocks)


def _with_commands(text: str) -> Line:
    """A line of the evaluation; what stands between backticks is a command."""
    return tuple(Code(part) if place % 2 else part for place, part in enumerate(text.split("`")) if part)


def _coloured_texts(caption: Line, rows: Sequence[Row]) -> ColouredTexts:
    largest = max((abs(number_in(row["influence"]) or 0.0) for row in rows), default=0.0) or 1.0
    texts = []
    for answer in dict.fromkeys(row["answer"] for row in rows):
        own = [row for row in rows if row["answer"] == answer]
        heading = own[0]["heading"]
        if len(own) > _MAX_TOKENS:
            heading = f"{heading} (the first {_MAX_TOKENS:,} of {len(own):,} {own[0]['unit']})"
        texts.append(((heading,), [_token(row, largest) for row in own[:_MAX_TOKENS]]))
    return ColouredTexts(caption, texts, is_spaced=any(row["unit"] != "characters" for row in rows))


def _token(row: Row, largest: float) -> Token:
    value, text = number_in(row["influence"]) or 0.0, row["token"]
    is_unknown = row["is_unknown"] == "1"
    return Token(text, abs(value) / largest, value > 0, f"{value:+.3g}", is_unknown, ends_line=text == _LINE_END)


# --- slices, speed, labels --------------------------------------------------------------------------------------------


def _slices(of: Evaluated) -> RunSection | None:
    groups: dict[str, list[Row]] = {}
    for row in of.rows:
        groups.setdefault(row.get("by", ""), []).append(row)
    blocks = of.picture()
    for by, rows in groups.items():
        named = [{words(by) or "value": row.get("value", ""), **_without(row, ("by", "value"))} for row in rows]
        blocks.append(as_table(named, f"By {words(by)}", texts=(words(by) or "value",), most=60))
    lines: list[Line] = [("Error and its 95 % interval, part by part of the test split.",)] if blocks else []
    worse = [row for row in of.rows if _errs_more(row)]
    if worse:
        shown = [part for row in worse[:_NAMED] for part in ("; ", f"{words(row['by'])} ", Name(row["value"]))]
        lines.append(("More than the rest, beyond chance: ", *shown[1:], "."))
    result = f"{len(worse):,} part{'s' * (len(worse) != 1)} with more errors" if worse else ""
    return of.section(lines, blocks, result, is_fine=not worse)


def _errs_more(row: Row) -> bool:
    """Whether a slice does worse than the rest; ``p`` is that of a test of this side, corrected for their number."""
    p, error, rest = (number_in(row.get(name, "")) for name in ("p", "error", "rest"))
    return p is not None and p < _SIGNIFICANT and (error is None or rest is None or error > rest)


def _without(row: Row, names: Sequence[str]) -> Row:
    return {name: text for name, text in row.items() if name not in names}


def _speed(of: Evaluated) -> RunSection | None:
    rows = of.rows
    told = []
    for row in rows:
        batch, seconds = (number_in(row.get(name, "")) for name in ("batch_size", "seconds_an_example"))
        if batch is not None and seconds is not None:
            told.append(f"{'one at a time' if batch == 1 else f'in batches of {batch:.0f}'} {1000 * seconds:.3g} ms")
    lines: list[Line] = [(f"An example takes, {', '.join(told)}.",)] if told else []
    return of.section(lines, [as_table(rows, "Measured when it was evaluated")] if rows else [])


def doubtful_section(files: RunFiles, pictures: Pictures) -> RunSection | None:
    """Examples of the training data whose labels other parts of the data speak against.

    Args:
        files: the run's folder.
        pictures: room for a picture of them.

    Returns:
        None where nobody looked for them.
    """
    rows = files.table("doubtful_labels.csv")
    if not (files.folder / "doubtful_labels.csv").exists():
        return None
    title, key = "Doubtful labels", "doubtful-labels"
    if not rows:
        return RunSection(key, title, "none", lines=[("No label of the training data is doubtful.",)])
    picture = as_picture(
        files.folder / "doubtful_labels.png",
        pictures,
        "Training examples with doubtful labels, the most doubtful first",
    )
    texts = [name for name in rows[0] if name not in ("rank", "row", "margin", "score") and not name.startswith("p")]
    table = as_table(rows, "The most doubtful first", texts=texts, most=60)
    lines: list[Line] = [
        ("Networks that did not learn from these examples are sure of another answer. Look at them first.",)
    ]
    blocks: list[Block] = [picture, table] if picture else [table]
    return RunSection(key, title, f"{len(rows):,} to look at", is_fine=False, lines=lines, blocks=blocks)


def label_cost_section(files: RunFiles, pictures: Pictures) -> RunSection | None:
    """What more training data would bring, as ``saccade repeat --fractions`` found it.

    Args:
        files: the run's folder.
        pictures: room for its picture.

    Returns:
        None where nobody tried it.
    """
    rows = files.table("fractions.csv")
    if not rows:
        return None
    picture = as_picture(files.folder / "fractions.png", pictures, "The main metric by the share of the training data")
    told = str(files.json("fractions.json").get("sentence", ""))
    blocks: list[Block] = [*([picture] if picture else []), as_table(rows, "Trained on shares of the training data")]
    lines: list[Line] = [(f"{told[:1].upper()}{told[1:].rstrip('.')}.",)] if told else []
    return RunSection("label-cost", "Would more data help", lines=lines, blocks=blocks)


_FORMS: dict[str, Callable[[Evaluated], RunSection | None]] = {
    "confusion": _confusion,
    "forecast": _figure,
    "mistakes": _mistakes,
    "per_class": _per_class,
    "predictions": _figure,
    "reliability": _reliability,
    "risk_coverage": _risk_coverage,
    "seen": _seen,
    "slices": _slices,
    "speed": _speed,
}
