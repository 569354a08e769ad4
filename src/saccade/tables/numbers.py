"""Numbers as people write them: 1234.5, 1.234,5, 1,234.5 or 1 234,5, and which of these a column holds.

A sign in a number stands before the decimals or parts thousands. ``1.234,5`` and ``12,5`` tell which; ``1.113`` alone
does not, and beside ``976`` it is asked about: one of the two readings is a thousand times the other.
"""

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence

from saccade.core.errors import UserError
from saccade.tables.table_format import TableFormat

MISSING = ("", "na", "n/a", "nan", "null")
"""What stands for no value in a column of numbers, in small letters; nothing is said of these."""
_UNUSUAL_MISSING = ("?", "-", "--", "none", "nil", "<na>", "#n/a", "#na", "nat", "\\n")
_MIN_PLACEHOLDERS = 3  # rows that hold the same number
_FAR = 3  # times the range of all other numbers
_UNIT = re.compile(r"^[A-Z]{0,2}[$€£¥₹]\s*(?=[\d+-])|(?<=\d)\s*[%$€£¥₹]$")  # before or behind a number
_LARGEST = 3.4028234663852886e38  # the largest number of 32 bits
_MAX_COLUMNS = 200  # that are looked at together
_SPACES = " \u00a0\u202f\u2009"
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMMA = re.compile(r"[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?", re.ASCII)
_PLAIN: dict["re.Pattern[str] | None", str] = {_INTEGER: r"[-+0-9]++", _POINT: r"[-+.0-9eE]++"}
_THOUSAND = {sign: re.compile(rf"[+-]?[1-9]\d{{0,2}}{re.escape(sign)}\d{{3}}", re.ASCII) for sign in ".,"}
# Groups of three, or of two before the last three as in India; then decimals by the other sign.
_GROUPS = {
    sign: re.compile(rf"[+-]?\d{{1,3}}({group}\d{{2,3}})*{group}\d{{3}}({rest}\d*)?", re.ASCII)
    for sign, group, rest in (
        (".", r"\.", ","),
        (",", ",", r"\."),
        (" ", rf"[{_SPACES}]", "[.,]"),
        ("'", "['’]", "[.,]"),
        ("_", "_", "[.,]"),
    )
}


def is_number(text: str) -> bool:
    """Whether a cell is a number in one of the ways that ``NumberReader`` knows.

    >>> [is_number(text) for text in ("7", "-1.5e3", "1.394,64", "2024-01-01", "")]
    [True, True, True, False, False]
    """
    return _signs(text.replace("\u2212", "-")) is not None


def is_missing(text: str) -> bool:
    """Whether a cell stands for no value where numbers are expected."""
    return text.lower() in MISSING or text.lower() in _UNUSUAL_MISSING


class TypedNumber(str):
    """Text of a number that a file holds as one, such as a cell of a spreadsheet: it can be read in one way only."""

    __slots__ = ()


class MissingValues:
    """The test of cells against ``missing_values``.

    Args:
        values: words, compared without case, and numbers, compared as numbers: -200 is -200.0 and -200,0 too.
    """

    def __init__(self, values: Sequence[str | float] | str | float | None) -> None:
        values = () if values is None else (values,) if isinstance(values, str | float | int) else values
        self.words = {value.strip().lower() for value in values if isinstance(value, str)}
        self.numbers = {float(value) for value in values if not isinstance(value, str)}
        self.numbers |= {float(word) for word in self.words if _POINT.fullmatch(word)}

    def __contains__(self, cell: str) -> bool:
        if cell.lower() in self.words:
            return True
        text = cell.replace(",", ".")
        return bool(self.numbers) and bool(_POINT.fullmatch(text)) and float(text) in self.numbers


class NotANumberError(UserError):
    """A cell holds a word where a number is expected."""


class NumberReader:
    """The numbers of one column, all read in one way, which the first rows tell or the format states.

    Args:
        column: name of the column, for messages.
        form: what is stated of the table's form.
        sample: lines and cells of the column in the table's first rows, from which the reading is found.
        where: name of a line, for messages.
        separator: sign between the table's cells; empty where cells are parted otherwise.

    Raises:
        UserError: the sample can be read in two ways, and nothing says which is meant.
    """

    def __init__(
        self,
        column: str,
        form: TableFormat,
        sample: Iterable[tuple[int, str]],
        where: Callable[[int], str],
        separator: str = "",
    ) -> None:
        self.column = column
        self._form, self._where, self._separator = form, where, separator
        self._missing = MissingValues(form.missing_values)
        # What each sign stands for: "decimal", "thousands", or "" while no cell has told.
        self._role = {".": "", ",": "", " ": "", "'": "", "_": ""}
        self._example: dict[str, tuple[int, str]] = {}  # first cell of each sort that a question would show
        self._is_assumed = False  # that the point or the comma stands before decimals
        self.missing_words: dict[str, int] = {}
        if form.decimal is not None:
            self._role[form.decimal] = "decimal"
        if form.thousands is not None:
            self._role[form.thousands] = "thousands"
        self._sure = _SURE[False, False]  # cells that teach nothing new
        sample = self._sample = list(sample)
        self._unit = self._find_unit(sample)  # what each number bears, such as % or €
        for line, cell in sample:
            self._learn(self._plain(cell, line) if self._unit else cell, line)
        self._decide()
        self._fast = self._fast_pattern()

    def __call__(self, cell: str, line: int) -> float:
        """Read a cell.

        Args:
            cell: text of the cell.
            line: line in which its row begins.

        Returns:
            The number; NaN where there is none.

        Raises:
            UserError: it is no number, or it can be read in two ways.
        """
        if type(cell) is TypedNumber:
            number = float(cell)
            if number in self._missing.numbers or number != number:
                return math.nan
        elif self._fast is not None and self._fast.fullmatch(cell):
            number = float(cell if self._fast is not _COMMA else cell.replace(",", "."))
            if number in self._missing.numbers:
                return float("nan")
        else:
            if self._is_empty(cell):
                return float("nan")
            text = self._plain(cell, line)
            self._learn(text, line)
            self._decide()
            number = self._value(text, cell, line)
            self._fast = self._fast_pattern()
        if not -_LARGEST <= number <= _LARGEST:
            raise UserError(
                f"{self._at(line)} ({cell}) must lie within ±{_LARGEST:.3g}, as far as 32 bits reach. Correct it."
            )
        return number

    @property
    def plain(self) -> str | None:
        """Pattern of cells that ``float`` reads as this column is read, or refuses; None: there is none."""
        return None if self._missing.numbers else _PLAIN.get(self._fast)

    @property
    def findings(self) -> list[str]:
        """How the column is read where that is not as everywhere: phrases that the column's name follows."""
        found = []
        stated = (self._form.decimal, self._form.thousands)
        if self._role[","] == "decimal" and "," not in stated and "decimal ," in self._example:
            found.append("a comma before the decimals in")
        if self._role["."] == "decimal" and self._form.decimal == "," and "decimal ." in self._example:
            found.append("a point before the decimals in")
        for sign, role in self._role.items():
            if role == "thousands" and sign not in stated and (example := self._shown(sign)) is not None:
                found.append(f"{sign!r} between thousands ({example!r} is {self._value(example, example, 0):.10g}) in")
        if self._is_assumed and self._separator == ";":
            sign = next(sign for sign in ".," if f"thousand {sign}" in self._example)
            cell = self._example[f"thousand {sign}"][1]
            found.append(f"{cell!r} read as {self._value(cell, cell, 0):g} (thousands: {sign!r} would read it so) in")
        if self._unit:
            found.append(f"{self._unit!r} left out in")
        if (placeholder := self._placeholder()) is not None:
            value, rows = placeholder
            found.append(
                f"{value:g} ({rows} of the first {len(self._sample):,} rows) far from all other numbers: if it stands "
                f"for none, missing_values: [{value:g}]; in"
            )
        found += [f"{word!r} read as missing in" for word in self.missing_words]
        return found

    def _placeholder(self) -> tuple[float, int] | None:
        """A whole number that stands in several of the first rows, far below or above all others, and how often."""
        numbers = sorted(
            float(text)
            for _, cell in self._sample
            if cell not in self._missing and _POINT.fullmatch(text := cell.replace(",", "."))
        )
        for value, others in _ends(numbers):
            count = len(numbers) - len(others)
            if count < _MIN_PLACEHOLDERS or len(others) < 2 * count or value != int(value):
                continue
            gap = min(abs(value - others[0]), abs(value - others[-1]))
            if others[0] < others[-1] and gap > _FAR * (others[-1] - others[0]):
                return value, count
        return None

    def _shown(self, sign: str) -> str | None:
        """A cell in which a sign parts thousands."""
        for sort in ("certain thousands", "thousand"):
            if (found := self._example.get(f"{sort} {sign}")) is not None:
                return found[1]
        return None

    def _is_empty(self, cell: str) -> bool:
        low = cell.lower()
        if low in MISSING or cell in self._missing:
            return True
        if low in _UNUSUAL_MISSING:
            self.missing_words[cell] = self.missing_words.get(cell, 0) + 1
            return True
        return False

    def _find_unit(self, sample: Sequence[tuple[int, str]]) -> str:
        first: dict[str, tuple[int, str]] = {}  # of numbers with each unit, and of those without
        for line, cell in sample:
            if cell[-1:].isdigit() and cell[0] in "+-.0123456789":
                first.setdefault("", (line, cell))
            elif type(cell) is not TypedNumber and _signs(_UNIT.sub("", cell)) is not None:
                found = _UNIT.search(cell)
                first.setdefault(found[0].strip() if found else "", (line, cell))
        if len(first) > 1:
            (one_line, one), (line, cell) = sorted(first.values())[:2]
            raise UserError(
                f"{self._at(line)} must be written as the others are, but is {cell!r}, and {one!r} in line {one_line}. "
                "Write all numbers of the column with the same unit, or none."
            )
        return next(iter(first), "")

    def _plain(self, cell: str, line: int) -> str:
        """A cell without its unit, and with the minus of keyboards."""
        text = cell if type(cell) is TypedNumber else cell.replace("\u2212", "-")
        found = None if type(cell) is TypedNumber else _UNIT.search(text)
        if found is not None and not self._example and _signs(_UNIT.sub("", text)) is not None:
            self._unit = found[0].strip()  # the first number there is
        if not self._unit or type(cell) is TypedNumber:
            return text
        if (found is None or found[0].strip() != self._unit) and _signs(_UNIT.sub("", text)) is not None:
            raise UserError(
                f"{self._at(line)} ({cell!r}) must bear {self._unit!r} as the numbers above do. Write all numbers of "
                "the column with the same unit, or none."
            )
        return text if found is None else _UNIT.sub("", text)

    def _learn(self, cell: str, line: int) -> None:
        """Keep the first cell of each sort."""
        if self._sure.fullmatch(cell):
            return
        if type(cell) is TypedNumber or cell in self._missing:
            return
        text = cell.replace("\u2212", "-")
        for sort in _signs(text) or ():
            if sort not in self._example:
                self._example[sort] = (line, text)
                self._sure = _SURE["integer" in self._example, "decimal ." in self._example]

    def _decide(self) -> None:
        """Find what each sign stands for, as far as the cells tell."""
        has = self._example
        if "decimal ." in has and "decimal ," in has:
            (first, one), (line, cell) = sorted((has["decimal ."], has["decimal ,"]))
            raise UserError(
                f"{self._at(line)} must have one sign before its decimals, but they are {one!r} in line {first} and "
                f"{cell!r} here. Correct one of them."
            )
        for sign in ".,":
            if f"decimal {sign}" in has and f"certain thousands {sign}" in has:
                self._refuse_two_ways(sign, has[f"certain thousands {sign}"])
        for sign in self._role:
            if f"certain thousands {sign}" in has and self._role[sign] != "decimal" and sign != "_":
                self._role[sign] = "thousands"
        for sign, other in (".,", ",."):
            if self._role[sign] == "thousands" or self._form.decimal == sign:
                continue
            if f"decimal {sign}" in has:
                self._role[sign], self._is_assumed = "decimal", False
            elif f"thousand {sign}" in has:
                tells = f"decimal {other}" in has or self._form.decimal == other
                if tells and not self._is_assumed:
                    self._role[sign] = "thousands"
                elif tells or "integer" in has or (sign == "," and self._separator != ";"):
                    self._ask(sign)
                else:  # three decimals in every cell
                    self._role[sign], self._is_assumed = "decimal", True

    def _ask(self, sign: str) -> None:
        line, cell = self._example[f"thousand {sign}"]
        what = "comma" if sign == "," else "point"
        other = "," if sign == "." else "."
        sort = next((sort for sort in ("integer", f"decimal {other}") if sort in self._example), None)
        beside = f" and {self._example[sort][1]!r} in line {self._example[sort][0]}" if sort else ""
        raise UserError(
            f"{self._at(line)} holds {cell!r}{beside}. {cell!r} is {cell.replace(sign, '')} if the {what} parts "
            f"thousands, {cell.replace(sign, '.')} if decimals follow it. Say which: thousands: {sign!r} or "
            f"decimal: {sign!r}"
        )

    def _refuse_two_ways(self, sign: str, thousands: tuple[int, str]) -> None:
        line, cell = self._example[f"decimal {sign}"]
        raise UserError(
            f"{self._at(max(line, thousands[0]))} must be written in one way, but {sign!r} stands before decimals in "
            f"{cell!r} (line {line}), and between thousands in {thousands[1]!r} (line {thousands[0]}). Correct one of "
            "them."
        )

    def _fast_pattern(self) -> "re.Pattern[str] | None":
        """What needs no other look than ``float`` takes at it."""
        if self._unit or self._is_assumed or "thousands" in self._role.values():
            return None
        if "decimal ." in self._example or self._form.decimal == ".":
            return _POINT
        if "decimal ," in self._example:
            return _COMMA
        told = "integer" in self._example and not any(f"thousand {sign}" in self._example for sign in ".,")
        return _INTEGER if told else None

    def _value(self, text: str, cell: str, line: int) -> float:
        plain = text
        thousands = [sign for sign, role in self._role.items() if role == "thousands"]
        for sign in thousands:
            if _GROUPS[sign].fullmatch(text):
                plain = re.sub(_GROUP_SIGNS[sign], "", text)
                break
        pattern = _COMMA if self._role[","] == "decimal" and "." not in plain else _POINT
        if pattern.fullmatch(plain) and not ("." in plain and self._role["."] == "thousands"):
            return float(plain.replace(",", "."))
        where = self._at(line)
        if cell.lower().lstrip("+-") in ("inf", "infinity"):
            raise UserError(f"{where} ({cell}) must be a finite number. Correct it, or leave the cell empty.")
        stated = {"decimal": self._form.decimal, "thousands": self._form.thousands}
        named = " and ".join(f"{key}: {sign!r}" for key, sign in stated.items() if sign is not None)
        if named and _signs(text) is not None:
            raise UserError(f"{where} ({cell!r}) must be a number as {named} says. Correct the cell, or that.")
        raise NotANumberError(
            f"{where} ({cell!r}) must be a number. Correct it, leave the cell empty where nothing was measured, or say "
            f"that this word stands for it (missing_values: [{cell!r}]); value_columns names the columns of numbers."
        )

    def _at(self, line: int) -> str:
        return f"{self._where(line)}: {self.column}"


class RowReader:
    """The numbers of several columns, row by row; a row of plain numbers costs one look.

    Args:
        readers: readers of the columns.
    """

    def __init__(self, readers: Sequence[NumberReader]) -> None:
        self._readers = readers
        self._plain = self._plain_row()
        parts = range(0, len(readers), _MAX_COLUMNS) if len(readers) > _MAX_COLUMNS else ()
        self._parts = [(start, RowReader(readers[start : start + _MAX_COLUMNS])) for start in parts]

    def __call__(self, cells: Sequence[str], line: int) -> list[float]:
        """Read a row.

        Args:
            cells: texts of the columns' cells.
            line: line in which the row begins.

        Returns:
            A number a column; NaN where there is none.

        Raises:
            UserError: a cell is no number, or it can be read in two ways.
        """
        if self._parts:
            return [number for start, read in self._parts for number in read(cells[start : start + _MAX_COLUMNS], line)]
        if self._plain is not None and self._plain.fullmatch("\n".join(cells)):
            try:
                numbers = list(map(float, cells))
            except ValueError:  # such as 1-2: the column's reader says what is wrong
                numbers = [math.inf]
            if min(numbers) >= -_LARGEST and max(numbers) <= _LARGEST:
                return numbers
        numbers = [read(cell, line) for read, cell in zip(self._readers, cells, strict=True)]
        self._plain = self._plain_row()
        return numbers

    def _plain_row(self) -> "re.Pattern[str] | None":
        patterns = [pattern for read in self._readers if (pattern := read.plain) is not None]
        if not patterns or len(patterns) > _MAX_COLUMNS or len(patterns) < len(self._readers):
            return None
        return re.compile("\n".join(patterns), re.ASCII)


def _ends(numbers: Sequence[float]) -> list[tuple[float, Sequence[float]]]:
    """The least and the greatest of sorted numbers, each with those that are not equal to it."""
    if not numbers:
        return []
    least, greatest = numbers[0], numbers[-1]
    return [(least, numbers[bisect_right(numbers, least) :]), (greatest, numbers[: bisect_left(numbers, greatest)])]


# Cells that certainly are whole numbers, or decimals behind a point, where such have been seen.
_SURE = {
    (False, False): re.compile(r"(?!)"),
    (True, False): re.compile(r"[+-]?\d++", re.ASCII),
    (False, True): re.compile(r"[+-]?\d*+\.(?:\d{1,2}|\d{4,})", re.ASCII),
    (True, True): re.compile(r"[+-]?\d*+(?:\.(?:\d{1,2}|\d{4,}))?+", re.ASCII),
}
_GROUP_SIGNS = {".": r"\.", ",": ",", " ": f"[{_SPACES}]", "'": "['’]", "_": "_"}


def _signs(text: str) -> tuple[str, ...] | None:
    """The sorts of evidence that a number gives; None where a text is no number in any reading."""
    if _INTEGER.fullmatch(text):
        return ("integer",)
    for sign in ".,":
        if _THOUSAND[sign].fullmatch(text):
            return (f"thousand {sign}",)
    for sign, pattern in ((".", _POINT), (",", _COMMA)):
        if pattern.fullmatch(text):
            return (f"decimal {sign}",) if sign in text else ()
    for sign, groups in _GROUPS.items():
        if groups.fullmatch(text):
            rest = next((other for other in ".," if other != sign and other in text), None)
            return (f"certain thousands {sign}", *((f"decimal {rest}",) if rest else ()))
    return None
