"""What the cells of a table say of each example: one class, several or none of them, or numbers to predict.

Shapes: N examples, K classes, O numbers to predict.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from saccade.core.errors import UserError
from saccade.tables.cells import sorted_labels
from saccade.tables.numbers import NumberReader
from saccade.tables.table import Column

SEPARATORS = ("|", ";", ",", " ")
_WORDS = {" ": "a space", ",": "a comma", ";": "a semicolon", "|": "'|'"}
_MAX_NAMED = 5


@dataclass(frozen=True)
class LabelColumns:
    """Which columns of a table hold the labels, and how their cells are read.

    Attributes:
        label_column: header of the column of labels; not looked at where one of the next two is given.
        label_columns: headers of columns that are a class each, with 1 in the rows of the examples that have it.
        value_columns: headers of the numbers to predict.
        multilabel: whether an example may have several classes, or none.
        separator: what parts several labels in a cell of ``label_column``; "": each cell is one label; None: it is
            found where ``multilabel`` says that there are several.
        text_column: header of the column of transcripts, what stands in each picture; None: there are labels.
    """

    label_column: Column = "label"
    label_columns: Sequence[Column] = ()
    value_columns: Sequence[Column] = ()
    multilabel: bool = False
    separator: str | None = None
    text_column: Column | None = None

    def __post_init__(self) -> None:
        others = {
            "label_columns": self.label_columns,
            "value_columns": self.value_columns,
            "multilabel": self.multilabel,
        }
        others |= {"labels_separator": self.separator}
        if self.text_column is not None and (other := next((name for name, value in others.items() if value), None)):
            raise UserError(
                f"{other} must be left out where text_column ({self.text_column}) names transcripts to read"
            )
        given = [name for name in ("label_columns", "value_columns") if getattr(self, name)]
        if len(given) > 1:
            raise UserError("label_columns (classes) and value_columns (numbers) must not both be given: leave one out")
        for name, is_set in (("multilabel", self.multilabel), ("labels_separator", bool(self.separator))):
            if self.value_columns and is_set:
                raise UserError(f"{name} must be left out where value_columns names numbers to predict")
        if self.label_columns and self.separator:
            raise UserError(
                f"labels_separator ({self.separator!r}) must be left out where label_columns names a column a class"
            )
        if len(set(self.headers)) < len(self.headers):
            raise UserError(f"{', '.join(self.headers)} must be different columns")

    @property
    def headers(self) -> tuple[str, ...]:
        """The columns that are read."""
        one = self.label_column if self.text_column is None else self.text_column
        columns = tuple(self.label_columns) or tuple(self.value_columns) or (one,)
        return tuple(map(str, columns))

    @property
    def are_columns(self) -> bool:
        """Whether there is a column a class, or a number."""
        return bool(self.label_columns or self.value_columns)

    @property
    def are_lists(self) -> bool:
        """Whether a cell holds several labels, or none."""
        return not self.are_columns and bool(self.multilabel or self.separator)

    @property
    def is_one_class(self) -> bool:
        """Whether a cell is the name of a class."""
        return not (self.are_columns or self.are_lists or self.text_column is not None)

    @property
    def named(self) -> dict[str, Column]:
        """The argument that names each column, to its header."""
        if self.text_column is not None:
            return {"text_column": self.text_column}
        if not self.are_columns:
            return {"label_column": self.label_column}
        argument = "label_columns" if self.label_columns else "value_columns"
        return {f"{argument}[{number}]": header for number, header in enumerate(self.headers)}


@dataclass(frozen=True)
class EncodedLabels:
    """The labels of a table as arrays.

    Attributes:
        values: class ids int64 (N,); several classes uint8 (N, K); or numbers float32 (N, O).
        classes: class names, sorted: as numbers where all are whole ones; those of columns in the columns' order. Empty
            where there are numbers.
        targets: names of the numbers; empty where there are classes.
        notes: lines for people on how the cells were read.
        texts: transcripts, where these are the labels; ``values`` are zeros then.
    """

    values: np.ndarray
    classes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


def read_flag_or_number(cell: str, read: NumberReader, line: int) -> float:
    """A cell of a column that is a class or a number: yes and true are 1, no and false 0.

    Args:
        cell: text of the cell.
        read: reader of the column's numbers.
        line: line in which the row begins.

    Returns:
        The number; NaN where there is none.

    Raises:
        UserError: it is no number.
    """
    word = _WORDS_OF_FLAGS.get(cell.lower())
    return read(cell, line) if word is None else word


_WORDS_OF_FLAGS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


def encode_columns(
    values_NC: np.ndarray, where: Callable[[int], str], name: str, columns: LabelColumns
) -> EncodedLabels:
    """Columns that are a class each, or numbers.

    Args:
        values_NC: float, a row an example, the columns of ``columns.headers``; NaN where a cell holds no number.
        where: function from a row to its place in the table, for messages.
        name: name of the table, for messages.
        columns: which columns they are.

    Returns:
        The labels.

    Raises:
        UserError: a cell is neither 1 nor 0, or no number; or a row has several classes, and should have one; with the
            line.
    """
    headers = columns.headers
    if columns.value_columns:
        for row, column in np.argwhere(~np.isfinite(values_NC)).tolist():
            raise UserError(
                f"{where(row)}: {headers[column]} must hold a number, for value_columns names it. Fill it, or take the "
                "row out."
            )
        return EncodedLabels(values_NC.astype(np.float32), targets=headers)
    if len(headers) < 2:
        raise UserError(f"label_columns ({headers[0]}) must name at least two columns, a class each")
    for row, column in np.argwhere((values_NC != 0) & (values_NC != 1)).tolist():
        value = values_NC[row, column]
        raise UserError(
            f"{where(row)}: {headers[column]} ({'empty' if np.isnan(value) else f'{value:g}'}) must be 1 or 0, for "
            "label_columns names it: whether the example has this class. Correct it, or take the row out."
        )
    has_NK = values_NC.astype(np.uint8)
    if columns.multilabel:
        _refuse_unused(has_NK, headers, name)
        return EncodedLabels(has_NK, headers)
    counts_N = has_NK.sum(axis=1)
    for row in np.flatnonzero(counts_N != 1).tolist():
        several, none = int((counts_N > 1).sum()), int((counts_N == 0).sum())
        raise UserError(
            f"{where(row)}: label_columns ({', '.join(headers[:_MAX_NAMED])}) must hold one 1 a row, but "
            f"{several:,} rows hold several and {none:,} none. If an example may have several classes or none: "
            "multilabel: true, and the task multilabel; else correct the rows"
        )
    return EncodedLabels(has_NK.argmax(axis=1).astype(np.int64), headers)


def encode_labels(texts: Sequence[str], where: Callable[[int], str], name: str, columns: LabelColumns) -> EncodedLabels:
    """Read a column of labels, one a cell or several.

    Args:
        texts: cell of each example's row, without spaces around.
        where: function from a row to its place in the table, for messages.
        name: name of the table, for messages.
        columns: how they are read.

    Returns:
        The labels.

    Raises:
        UserError: a cell is empty that should be the name of a class, there is one class, or cells can be read two
            ways; with the line.
    """
    if columns.are_lists:
        return _several(texts, where, name, columns)
    if columns.separator is None:
        _refuse_hidden_lists(texts, where)
    if "" in texts:
        raise UserError(
            f"{where(texts.index(''))}: {columns.headers[0]} must not be empty. Fill it, or take the row out."
        )
    classes = sorted_labels(texts)
    if len(classes) == 1:
        raise UserError(f"{name} must have at least two classes, but there is only {classes[0]!r}")
    class_id = {label: k for k, label in enumerate(classes)}
    return EncodedLabels(np.array([class_id[text] for text in texts], dtype=np.int64), tuple(classes))


def _several(texts: Sequence[str], where: Callable[[int], str], name: str, columns: LabelColumns) -> EncodedLabels:
    are_brackets = _are_brackets(texts)
    separator = columns.separator
    if separator is None:
        separator = "," if are_brackets else _find_separator(texts, where)
    lists = [_bracketed(text) if are_brackets else _parts(text, separator) for text in texts]
    classes = sorted_labels(part for parts in lists for part in parts)
    if len(classes) < 2:
        raise UserError(f"{name} must have at least two labels, but has {', '.join(map(repr, classes)) or 'none'}")
    class_id = {label: k for k, label in enumerate(classes)}
    has_NK = np.zeros((len(lists), len(classes)), dtype=np.uint8)
    for row, parts in enumerate(lists):
        has_NK[row, [class_id[part] for part in parts]] = 1
    several = int((has_NK.sum(axis=1) > 1).sum())
    read = f"parted by {_WORDS.get(separator, repr(separator))}" if separator else "one a cell"
    read = "in square brackets" if are_brackets else read
    shown = ", ".join(classes[:_MAX_NAMED]) + (", ..." if len(classes) > _MAX_NAMED else "")
    note = f"{name}: labels {read}: {len(classes):,} of them ({shown}); {several:,} of {len(texts):,} rows have several"
    return EncodedLabels(has_NK, tuple(classes), notes=(note,))


def _parts(text: str, separator: str) -> list[str]:
    """The labels of a cell, each once; of none where it is empty.

    >>> _parts("rust  scab", " "), _parts("a, b,", ","), _parts("", " ")
    (['rust', 'scab'], ['a', 'b'], [])
    """
    parts = text.split(separator) if separator else [text]
    return list(dict.fromkeys(part for part in map(str.strip, parts) if part))


def _are_brackets(texts: Sequence[str]) -> bool:
    """Whether all cells that are not empty are lists in square brackets, as JSON and Python write them."""
    return any(texts) and all(text[:1] == "[" and text[-1:] == "]" for text in texts if text)


def _bracketed(text: str) -> list[str]:
    """The labels of a list in square brackets, quoted or not.

    >>> _bracketed('["rust", "hot scab"]'), _bracketed("['rust']"), _bracketed("[rust, scab]"), _bracketed("[]")
    (['rust', 'hot scab'], ['rust'], ['rust', 'scab'], [])
    """
    try:
        found = ast.literal_eval(text or "[]")
    except (ValueError, SyntaxError, MemoryError, RecursionError):  # brackets by the thousand, too
        return _parts(text[1:-1], ",")
    return list(dict.fromkeys(str(one).strip() for one in found))


def _find_separator(texts: Sequence[str], where: Callable[[int], str]) -> str:
    """What parts the labels of a column that holds several a cell; "" where each holds one."""
    present = [separator for separator in SEPARATORS if any(separator in text for text in texts)]
    if len(present) == 2 and present[1] == " ":
        # The space in "a, b" belongs to the comma
        first = present[0]
        if not any(" " in part for text in texts for part in _parts(text, first)):
            return first
    if len(present) > 1:
        row = max(range(len(texts)), key=lambda row: sum(separator in texts[row] for separator in present))
        readings = "; ".join(
            f'labels_separator: "{separator}" reads {", ".join(map(repr, _parts(texts[row], separator)))}'
            for separator in present
            if separator in texts[row]
        )
        raise UserError(f"{where(row)}: {texts[row]!r} can be read in several ways: {readings}. Say which.")
    return present[0] if present else ""


def _refuse_hidden_lists(texts: Sequence[str], where: Callable[[int], str]) -> None:
    """Labels that look like several of the others would silently be classes of their own: ask."""
    if _are_brackets(texts):
        row = max(range(len(texts)), key=lambda row: len(_bracketed(texts[row])))
        several = {part for text in set(texts) for part in _bracketed(text)}
        raise UserError(
            f"{where(row)}: {texts[row]!r} is a list. Several labels a row: multilabel: true and the task multilabel "
            f'({len(several):,} labels); one a row, each list a class: labels_separator: "" '
            f"({len(set(texts)):,} classes)"
        )
    row_of: dict[str, int] = {}
    for row, text in enumerate(texts):
        row_of.setdefault(text, row)
    empty = ", with the empty rows filled or taken out" if row_of.pop("", None) is not None else ""
    for separator in SEPARATORS:
        if (found := next(_hidden_lists(row_of, separator), None)) is None:
            continue
        several = {part for text in row_of for part in _parts(text, separator)}
        parts = ", ".join(map(repr, _parts(found, separator)))
        raise UserError(
            f"{where(row_of[found])}: {found!r} looks like several labels ({parts}), for other rows have "
            f'these too. Several a row: labels_separator: "{separator}" and the task multilabel ({len(several):,} '
            f'labels); one a row: labels_separator: "" ({len(row_of):,} classes){empty}'
        )


def _hidden_lists(labels: dict[str, int], separator: str) -> Iterator[str]:
    """Labels that others are parts of: all stand alone in other rows or, parted by no space, in other lists."""
    lists = {text: parts for text in labels if len(parts := _parts(text, separator)) > 1}
    in_lists = Counter(part for parts in lists.values() for part in parts)
    for text, parts in lists.items():
        if all(part in labels for part in parts) or (
            separator != " " and all(part in labels or in_lists[part] > 1 for part in parts)
        ):
            yield text


def _refuse_unused(has_NK: np.ndarray, headers: Sequence[str], name: str) -> None:
    for header, count in zip(headers, has_NK.sum(axis=0, dtype=np.int64), strict=True):
        if count in (0, len(has_NK)):
            raise UserError(
                f"{name}: {header} must be 1 in some rows and 0 in others, but is {int(count > 0)} in all. Leave it "
                "out of label_columns."
            )
