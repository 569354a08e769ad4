"""Texts: labelled by the names of folders and files, or in a table; or one long text."""

import codecs
import posixpath
import re
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from saccade.core.errors import UserError
from saccade.recognition.columns import Column, TableLook, look_at_table, may_be_sampled, place_of_table, tables_of
from saccade.recognition.file_names import NamedClasses, by_file_names, by_folders, seen_classes
from saccade.recognition.groups import group_column_names, group_patterns
from saccade.recognition.look import Look
from saccade.recognition.recognised import LIKELY, POSSIBLE, Reading, Recognised, Unusable
from saccade.recognition.samples import spread_lines

TEXTS = (".txt", ".text")
_PROSE = (*TEXTS, ".md", ".tex", ".srt", "")  # of a file that is read letter by letter
_LEAST_SHARE = 0.5  # of all files, that are texts where a folder is one of texts
_SAMPLED = 20_000  # rows of a long table, by which settings are decided
_LOOKED_AT = 20  # files whose beginnings are looked at
_MIN_LINES = 10  # of each file, where each line is an example
_LONGEST_LINE = 400  # characters of half of the lines, where each is an example
_QUARANTINE = {"on_unreadable": "quarantine", "on_conflict": "quarantine"}
_WHY_QUARANTINE = "what is no text or empty, or stands under two classes, is left out and listed on the page"


def labelled_by_names(look: Look) -> list[Reading]:
    """Texts whose class is a folder, stands in each name, or is the name of a file of lines.

    Args:
        look: what is there.

    Returns:
        Readings, several where more than one is as sure.
    """
    names = look.names(TEXTS)
    has_suffix = bool(names) or look.is_file or not _are_texts(look, look.names(("",)))
    names = names if has_suffix else look.names(("",))
    if look.is_file or len(names) < 2 or len(names) < _LEAST_SHARE * len(look.sizes):
        return []
    encoding, odd = _encoding(look, names)
    arguments: dict[str, Any] = {"path": look.place} | ({"encoding": encoding} if encoding else {})
    arguments |= {} if has_suffix else {"include": ["*"]}
    found = _named(look, names)
    if found is not None:
        found, left_out = found.without_small_classes("texts")
        return [
            Recognised(
                meaning=f"texts, a file each, in {len(found.counts)} classes",
                arguments={**arguments, **found.arguments},
                sureness=LIKELY,
                seen=found.seen("texts"),
                odd=(*odd, *left_out, *found.notes),
                preprocess=_QUARANTINE,
                reasons={"preprocess.on_unreadable": _WHY_QUARANTINE},
                group_hints=tuple(group_patterns(found.names)),
            )
        ]
    lines = {name: _lines(look.start(name), encoding) for name in _spread(names)}
    are_lines = min(len(each) for each in lines.values()) >= _MIN_LINES and not _are_numbered(names)
    middle = statistics.median(len(line) for each in lines.values() for line in each) if are_lines else 0
    if not are_lines or middle > _LONGEST_LINE or len(names) > 1000:
        return []
    classes = sorted(posixpath.splitext(posixpath.basename(name))[0] for name in names)
    shown = ", ".join(classes[:6]) + (", ..." if len(classes) > 6 else "")
    return [
        Recognised(
            meaning=f"texts, a line each, and a file a class: {shown}",
            arguments=arguments | {"examples": "lines"},
            sureness=LIKELY if middle < 60 or len(names) > 2 else POSSIBLE,
            seen=(
                f"{len(names)} files of lines, a class each: {shown}",
                f"half of the lines are longer than {middle:.0f} characters",
            ),
            odd=odd,
            preprocess={"on_conflict": "keep"},
            reasons={"preprocess.on_conflict": "the same line may rightly stand in several classes, as surnames do"},
        )
    ]


def labelled_in_table(look: Look) -> list[Reading]:
    """Texts in a column of a table, with a column of labels.

    Args:
        look: what is there.

    Returns:
        A reading, or why there is none.
    """
    readings: list[Reading] = []
    for name in tables_of(look):
        table = look_at_table(look, name)
        if table is not None and (texts := _text_column(table)) is not None:
            readings.append(_of_table(look, table, texts))
    return readings


def one_long_text(look: Look) -> list[Reading]:
    """A text, or several one after the other, whose next letter is to be predicted.

    Args:
        look: what is there.

    Returns:
        A reading, or why there is none.
    """
    names = list(look.sizes) if look.is_file else look.names(TEXTS)
    if not names or len(names) < _LEAST_SHARE * len(look.sizes) or (look.is_file and not _is_prose(look)):
        return []
    encoding, odd = _encoding(look, names)
    size = sum(look.sizes[name] for name in names)
    if size < 40:
        return [Unusable(f"{look.place} holds {size} characters, too few to learn from", POSSIBLE)]
    arguments: dict[str, Any] = {"path": look.place} | ({"encoding": encoding} if encoding else {})
    if len(names) < len(look.sizes):
        arguments["include"] = ["*.txt"]
    start = _decoded(look.start(names[0]), encoding).strip().split("\n")[0][:60]
    what = "one text" if len(names) == 1 else f"{len(names):,} texts, one after the other"
    return [
        Recognised(
            meaning=f"{what}, to go on with letter by letter",
            arguments=arguments,
            sureness=LIKELY if look.is_file else POSSIBLE,
            seen=(f"{what} of about {size:,} characters, beginning with {start!r}",),
            odd=odd,
            split={"test": 0.05, "validation": 0.05}
            if size > 50_000
            else {"test": 0.1, "validation": 0.1}
            if size > 1_000
            else {"overfit": True},
            reasons={
                "split": "the last part is the test, the one before it validation"
                if size > 1_000
                else "too short to keep a part aside: all of it is learnt by heart"
            },
        )
    ]


def _of_table(look: Look, table: TableLook, texts: Column) -> Reading:
    labels = table.label_columns(without=(texts.name,))
    if not labels:
        why = (
            f"{table.name} holds texts ({texts.name}), but no column of labels: one with the same few words in many "
            "rows. Add one."
        )
        return Unusable(why, LIKELY)
    label, splits = labels[0], table.split_column()
    arguments: dict[str, Any] = place_of_table(look, table) | dict(table.arguments)
    for key, column, default in (("text_column", texts, "text"), ("label_column", label, "label")):
        if column.name != default:
            arguments[key] = column.name
    if splits is not None:
        arguments["split_column"] = splits.name
    named = {texts.name, label.name, *([splits.name] if splits else [])}

    def sample(folder: Path) -> tuple[dict[str, Any], int]:
        times = spread_lines(look.file(table.name), folder / "part.csv", _SAMPLED)
        return {**arguments, "table": str(folder / "part.csv")}, round(times)

    return Recognised(
        meaning=f"texts in the column {texts.name}, a class in {label.name}",
        arguments=arguments,
        sureness=LIKELY,
        seen=(
            table.in_words(),
            *seen_classes(label.counts, splits.counts if splits else None, table.looked_at("texts")),
        ),
        preprocess=_QUARANTINE,
        reasons={"preprocess.on_unreadable": _WHY_QUARANTINE},
        group_hints=tuple(group_column_names([str(c.name) for c in table.columns if c.name not in named])),
        sample=sample if look.archive is None and may_be_sampled(look, table.name) else None,
    )


def _text_column(table: TableLook) -> Column | None:
    """The column of sentences, the longest ones."""
    found = [column for column in table.columns if column.are_sentences and not column.are_numbers]
    return max(found, key=lambda column: sum(map(len, column.values)), default=None)


def _named(look: Look, names: Sequence[str]) -> NamedClasses | None:
    try:
        return by_folders(names, look.path)
    except UserError:
        are_files = statistics.mean(look.sizes[name] for name in names) < 100_000
        return next(by_file_names(names, look.path), None) if are_files else None


def _are_texts(look: Look, names: Sequence[str]) -> bool:
    """Whether files without a suffix hold text, by the beginnings of some."""
    starts = [look.start(name, 4096) for name in _spread(names)]
    return bool(starts) and not any(b"\0" in start or start.startswith(b"\x80") for start in starts)


def _are_numbered(names: Sequence[str]) -> bool:
    """Whether the names differ in a number alone, as those of chapters do."""
    return len({re.sub(r"\d+", "", posixpath.basename(name)) for name in names}) == 1


def _spread(names: Sequence[str]) -> list[str]:
    step = max(1, len(names) // _LOOKED_AT)
    return list(names[::step])


def _encoding(look: Look, names: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The encoding where it is not UTF-8, and a line that says so."""
    for name in _spread(names):
        start = look.start(name)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16", (f"{name} is UTF-16 by its first bytes",)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(start)
        except UnicodeDecodeError:
            return "cp1252", (f"{name} is no UTF-8: it is read as cp1252, the encoding of Windows in western Europe",)
    return None, ()


def _decoded(content: bytes, encoding: str | None) -> str:
    return content.decode(encoding or "utf-8", "ignore").removeprefix("\ufeff")


def _lines(content: bytes, encoding: str | None) -> list[str]:
    return [line.strip() for line in _decoded(content, encoding).splitlines() if line.strip()]


def _is_table(lines: Sequence[str]) -> bool:
    """Whether each line holds as many semicolons, tabs or commas as the others, as rows of a table do."""
    counts = [[line.count(mark) for line in lines[:200]] for mark in ";\t,|"]
    return len(lines) > 3 and any(min(each) > 0 and len(set(each)) == 1 for each in counts)


def _is_prose(look: Look) -> bool:
    name = next(iter(look.sizes))
    content = look.start(name)
    if b"\0" in content and not content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return False
    if _is_table(_lines(content, None)):
        return False
    letters = sum(map(str.isalpha, text := _decoded(content, _encoding(look, [name])[0])))
    return posixpath.splitext(name)[1].lower() in _PROSE and letters > 0.4 * len(text)
