"""What cells say that are no numbers: published splits, labels, and columns that nothing names."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from saccade.core.errors import UserError
from saccade.core.names import alike_names
from saccade.data.spec import SPLIT_NAMES, SPLITS
from saccade.tables.numbers import is_number

_FEW_ROWS = 1000

LabelsAre = Literal["classes"] | None


def parse_split(cell: str, column: str, where: str) -> str:
    """What a cell of the published split says: train, validation, test, or "" for nothing.

    Args:
        cell: a word of ``SPLIT_NAMES``, such as train, val or test, in any case, or empty.
        column: header of the column, for the message.
        where: table and line, for the message.

    Returns:
        The split.

    Raises:
        UserError: it says something else.
    """
    if cell and cell.lower() not in SPLIT_NAMES:
        words = [[word for word, split in SPLIT_NAMES.items() if split == meant][:2] for meant in SPLITS]
        known = ", ".join(word for some in words for word in some)
        raise UserError(f"{where}: {column} ({cell!r}) must be one of {known} and the like, in any case")
    return SPLIT_NAMES.get(cell.lower(), "")


def sorted_labels(labels: Iterable[str]) -> list[str]:
    """The different labels of a table, sorted: as numbers where all are whole ones."""
    found = set(labels)
    if all(label.removeprefix("-").isdecimal() for label in found):
        return sorted(found, key=lambda label: (int(label), label))
    return sorted(found)


def alike_label_notes(name: str, labels: Iterable[str]) -> list[str]:
    """What to tell of labels that differ in capitals, spaces or dashes alone, and may be one class.

    Args:
        name: name of the table.
        labels: different labels.

    Returns:
        A line, or none.
    """
    alike = alike_names(labels)
    if not alike:
        return []
    more = f", and {len(alike) - 1} more such" if len(alike) > 1 else ""
    listed = " and ".join(map(repr, alike[0]))
    return [f"{name}: {listed} differ in capitals, spaces or dashes alone, and are classes each{more}"]


def refuse_numbers(labels: Sequence[str], where: Callable[[int], str], column: str, hint: str = "") -> None:
    """Ask about labels that are numbers with decimals: they are more likely measured than names of classes.

    Args:
        labels: labels of all rows, without the spaces around.
        where: table and line of a row, for the message.
        column: header of the labels.
        hint: what else they may be used for, for the message.

    Raises:
        UserError: all are numbers, and one is no whole one.
    """
    row = next((row for row, label in enumerate(labels) if not _is_whole(label)), None)
    if row is None or not all(map(is_number, set(labels))):
        return
    hint = hint or "Round them to classes"
    raise UserError(
        f"{where(row)}: {column} ({labels[row]}) holds numbers with decimals. {hint}; or, if each is the name of a "
        "class, labels_are: classes"
    )


def _holds_splits(cells: Sequence[str]) -> bool:
    """Whether the first cells of a column name splits, at least two of them."""
    words = {cells[row].lower() for row in range(min(len(cells), _FEW_ROWS))}
    return words <= set(SPLIT_NAMES) and len({SPLIT_NAMES[word] for word in words}) > 1


def _is_whole(label: str) -> bool:
    """Whether a label is no number with decimals: 1, 007 and 1.0 are whole, and so is a word."""
    _, point, decimals = label.replace(",", ".").partition(".")
    return not (point and decimals.isdecimal() and decimals.strip("0"))


def unused_column_notes(name: str, unused: Mapping[str, Sequence[str]], split_column: str | int | None) -> list[str]:
    """What to tell of columns that nothing names: one of them may be meant as the published split.

    Args:
        name: name of the table.
        unused: their headers, and their cells in all rows.
        split_column: header of the published split; None where there is none.

    Returns:
        A line, or none.
    """
    if split_column is not None:
        return []
    found = next((column for column in unused if column.lower() in ("split", "subset")), None)
    if found is None:
        found = next((column for column, cells in unused.items() if _holds_splits(cells)), None)
    if found is None:
        return []
    return [f"{name}: the column {found!r} is not used as the published split; split_column would name it"]
