"""How a table is written: what parts its cells, its encoding, its header, its numbers; each may be left to be found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, TypedDict

from saccade.core.errors import UserError
from saccade.io.encodings import codec_name

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "spaces": " "}
"""Words for what parts the cells, and the sign; spaces are any run of spaces and tabs."""

DECIMALS = (".", ",")
THOUSANDS = (".", ",", " ", "'", "_")
Quotes = Literal["double", "single", "backslash", "none"]
QUOTES = ("double", "single", "backslash", "none")


@dataclass(frozen=True)
class TableFormat:
    """What is known of a table's form; None: it is found out from the file.

    Attributes:
        separator: sign between the cells, or its word: comma, semicolon, tab, pipe, spaces.
        encoding: encoding of the text, as Python names it; a byte order mark of UTF-8 is left out.
        header: whether the first row names the columns; False calls them 0, 1, 2, ...
        decimal: sign before the decimals, a point or a comma.
        thousands: sign between thousands: a point, a comma, a space, an apostrophe or an underscore.
        missing_values: cells that stand for no value, besides the empty one and NA, N/A, NaN and null; numbers are
            compared as numbers.
        quotes: quotation marks around cells: double (doubled inside), single, backslash (double ones, escaped inside by
            a backslash), or none (marks are text).
        sheet: name of a spreadsheet's worksheet, or its number from 0; None takes the first.
    """

    separator: str | None = None
    encoding: str | None = None
    header: bool | None = None
    decimal: str | None = None
    thousands: str | None = None
    missing_values: Sequence[str | float] | str | float | None = None
    quotes: Quotes | None = None
    sheet: str | int | None = None

    def __post_init__(self) -> None:
        if self.separator is not None:
            object.__setattr__(self, "separator", _sign(self.separator))
        if self.encoding is not None:
            codec_name(self.encoding)
        _require("decimal", self.decimal, DECIMALS)
        _require("thousands", self.thousands, THOUSANDS)
        _require("quotes", self.quotes, QUOTES)
        if self.decimal is not None and self.decimal == self.thousands:
            raise UserError(f"decimal and thousands must be different signs, but both are {self.decimal!r}")
        if self.separator is not None and self.separator == self.thousands == " ":
            raise UserError("thousands (' ') must not be what parts the cells, too")

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> "TableFormat":
        """The form that a source's block of params.yaml states.

        Args:
            arguments: keys and values of the block; those that are no part of a format are passed over.

        Returns:
            The format.
        """
        known = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in arguments.items() if key in known and value is not None})


class TableArguments(TypedDict, total=False):
    """Keys of a source's block that say how its table is written: the attributes of ``TableFormat``, none required."""

    separator: str | None
    encoding: str | None
    header: bool | None
    decimal: Literal[".", ","] | None
    thousands: Literal[".", ",", " ", "'", "_"] | None
    missing_values: list[str | float] | str | float | None
    quotes: Literal["double", "single", "backslash", "none"] | None
    sheet: str | int | None


def _sign(separator: str) -> str:
    """The sign that a separator or its word stands for."""
    if separator in ("\\t", r"\s+"):
        return {"\\t": "\t", r"\s+": " "}[separator]
    sign = SEPARATORS.get(separator, separator)
    if len(sign) != 1 or sign in "\r\n\"'" or sign.isalnum():
        raise UserError(
            f"separator ({separator!r}) must be one sign, such as ';', or one of the words {', '.join(SEPARATORS)}"
        )
    return sign


def separator_word(sign: str) -> str:
    """What people call a separator.

    >>> separator_word(";"), separator_word("^")
    ('semicolons', "'^'")
    """
    words = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes", " ": "spaces"}
    return words.get(sign, repr(sign))


def _require(name: str, value: object, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise UserError(f"{name} ({value!r}) must be one of {', '.join(map(repr, known))}")
