"""The dataset report of a long text, whose next token is predicted."""

from pathlib import Path

from saccade.data.prepared import DatasetInfo, open_split
from saccade.data.spec import SPLITS
from saccade.display.page import Cell, Code, Line, Name, Section, Table
from saccade.kinds.tokens.page.checked import CheckedStream
from saccade.kinds.tokens.page.vocabulary import vocabulary_section
from saccade.kinds.tokens.text.tokenizer import tokenizer_of

_SHOWN = 100  # tokens at each end of a part
_WINDOWS = 3


def stream_sections(description: DatasetInfo, prepared: Path, checked: CheckedStream) -> list[Section]:
    """All sections, in their order.

    Args:
        description: of the prepared arrays.
        prepared: their folder.
        checked: what is known of the text.

    Returns:
        Sections of a page.
    """
    return [
        _parts(description, checked),
        _windows(description, prepared, checked),
        vocabulary_section(checked.tokens),
    ]


def _parts(description: DatasetInfo, checked: CheckedStream) -> Section:
    spec, tokens = description.spec, checked.tokens
    total = len(tokens.spool.numbers)
    rows: list[list[Cell]] = []
    for split in SPLITS:
        start, end = checked.parts[split]
        shown = [_text(checked, start, min(start + _SHOWN, end)), _text(checked, max(start, end - _SHOWN), end)]
        rows.append([split, start + 1, end, end - start, *map(Name, shown)])
    table = Table(["part", "first", "last", spec.unit, "begins with", "ends with"], rows)
    if checked.is_overfit:
        lines: list[Line] = [
            (
                f"The whole text, {total:,} {spec.unit}, is training, validation and test (",
                Code("split.overfit: true"),
                "): what is measured is what was learnt by heart, and says nothing about other text.",
            )
        ]
        return Section("parts", "The parts of the text", "learnt by heart", False, lines, [table])
    lines = [
        (
            f"{total:,} {spec.unit}: the first part is for training, the next for validation, the last for the test. "
            "No window reaches over a border.",
        )
    ]
    return Section("parts", "The parts of the text", f"{total:,} {spec.unit}", True, lines, [table])


def _text(checked: CheckedStream, start: int, end: int) -> str:
    spool = checked.tokens.spool
    glue = " " if spool.unit == "words" else ""
    return glue.join(map(spool.token, spool.numbers[start:end].tolist()))


def _windows(description: DatasetInfo, prepared: Path, checked: CheckedStream) -> Section:
    spec, train = description.spec, open_split(prepared, "train")
    step = min(checked.stride, spec.shape[0])
    overlap = f"; one begins every {step:,}, so that they overlap" if step < spec.shape[0] else ""
    lines: list[Line] = [
        (
            f"Windows of {spec.shape[0]:,} {spec.unit}, each asked for what comes next after each of them{overlap}. In "
            "validation and test they do not overlap, and each of the "
            f"{spec.unit} but the first is asked for once; the last window of a part may be shorter.",
        )
    ]
    tokens = tokenizer_of(spec)
    rows: list[list[Cell]] = [
        [i + 1, Name(tokens.decode(train.examples[i].tolist())), Name(tokens.decode(train.labels[i].tolist()))]
        for i in range(min(_WINDOWS, len(train.rows)))
    ]
    table = Table(["training window", "reads", "is asked for"], rows)
    return Section("windows", "Windows", lines=lines, blocks=[table])
