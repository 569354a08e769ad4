"""Date, total and tax numbers of a receipt, found in what was read by rules; nothing is made up where none applies.

    date         a day, month and year that exist together; the first one, lines with DATE, DATA or FECHA before others
    total        the amount on a row that says TOTAL (not SUBTOTAL, nor one of tax, items or discount), GRAND TOTAL and
                 the like first, then the last one; where the row has none, the row below
    tax_number   nine digits with the check digit of a Portuguese NIF, fourteen with both of a Brazilian CNPJ, twelve
                 behind GST as Malaysia gave them (these have no check digit, only their form)

A field is as sure as what it was read from: the product of the confidences of its lines.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

Row = tuple[str, float, int]  # text, confidence, row of the page

_AMOUNT = re.compile(r"(?<![\d.,/-])(\d{1,3}(?:([., ])\d{3})(?:\2\d{3})*[.,]\d{2}|\d+[.,]\d{2})(?![\d%/]|[.,]\d)")
_DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})\s?([/.\-])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{2})(?!\d)")
_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})([/.\-])(\d{1,2})\2(\d{1,2})(?!\d)")
_NAMED = re.compile(r"(?<!\d)(\d{1,2})[\s\-/.]*(?:DE\s)?([A-ZÇ]{3,9})[\s\-/.,]*(?:DE\s)?(\d{4}|\d{2})(?!\d)")
_MONTHS = {  # English and Portuguese, by their first three letters
    **{"JAN": 1, "FEB": 2, "FEV": 2, "MAR": 3, "APR": 4, "ABR": 4, "MAY": 5, "MAI": 5, "JUN": 6, "JUL": 7},
    **{"AUG": 8, "AGO": 8, "SEP": 9, "SET": 9, "OCT": 10, "OUT": 10, "NOV": 11, "DEC": 12, "DEZ": 12},
}
_SAYS_DATE = re.compile(r"\b(DATE|DATA|FECHA)\b")
_SAYS_TOTAL = re.compile(r"\bTOTAL\b|\bAMOUNT DUE\b|\bVALOR A PAGAR\b")
_NO_TOTAL = re.compile(r"SUB[\s\-]?TOTAL|\b(TAX|GST|IVA|VAT|QTY|QUANTITY|ITEMS?|ITENS|DISCOUNT|DESCONTO|SAVINGS?)\b")
_BEST_TOTAL = re.compile(r"\b(GRAND|NET|NETT|ROUNDED|INCL\w*|PAYABLE|DUE|A PAGAR|GERAL)\b")
_NIF = re.compile(r"(?<![\d.,])(?:PT\s?)?(\d{3}\s?\d{3}\s?\d{3})(?![\d.,])")
_CNPJ = re.compile(r"(?<!\d)(\d{2}\.?\d{3}\.?\d{3}/?\d{4}-?\d{2})(?!\d)")
_GST = re.compile(r"\bGST\b\D{0,24}(\d{12})(?!\d)")


@dataclass(frozen=True)
class Field:
    """Something that a receipt says.

    Attributes:
        name: date, total or tax_number.
        value: 2019-01-31, an amount such as 1234.50, or digits.
        text: the part of the line that it was read from.
        line: number of that line, from 0 in reading order.
        confidence: product of the confidences of the lines that decided, in [0, 1].
        kind: of a tax number, whose it is: NIF, CNPJ or GST; of others, the rule.
    """

    name: str
    value: str
    text: str
    line: int
    confidence: float
    kind: str

    def record(self) -> dict[str, Any]:
        """The field as values for JSON."""
        return {**self.__dict__, "confidence": round(self.confidence, 6)}


def find_fields(lines: Sequence[Row]) -> list[Field]:
    """Find date, total and tax numbers.

    Args:
        lines: text, confidence and row of each line, in reading order.

    Returns:
        At most one date and one total, and each tax number once.
    """
    upper = [(text.upper(), confidence, row) for text, confidence, row in lines]
    return [*filter(None, (_date(upper), _total(upper))), *_tax_numbers(upper)]


def amounts(text: str) -> list[tuple[str, str]]:
    """Amounts of a text, in either decimal style: the value with a point, and how it stands there.

    >>> amounts("1.234,56 AND 1,234.56 AND 9.00, NOT 12.03.2019 OR 6.00%")
    [('1234.56', '1.234,56'), ('1234.56', '1,234.56'), ('9.00', '9.00')]
    """
    found = []
    for match in _AMOUNT.finditer(text):
        digits = re.sub(r"\D", "", match.group(1))
        found.append((f"{int(digits[:-2])}.{digits[-2:]}", match.group(1)))
    return found


def is_nif(digits: str) -> bool:
    """Whether nine digits are a Portuguese tax number: weights 9 to 2, modulus 11.

    >>> is_nif("501964843"), is_nif("501964842")
    (True, False)
    """
    if not re.fullmatch(r"[1-35-9]\d{8}", digits):
        return False
    check = 11 - sum(int(digit) * weight for digit, weight in zip(digits, range(9, 1, -1), strict=False)) % 11
    return int(digits[8]) == (0 if check > 9 else check)


def is_cnpj(digits: str) -> bool:
    """Whether fourteen digits are a Brazilian company's tax number: two check digits, modulus 11.

    >>> is_cnpj("11222333000181"), is_cnpj("11222333000182")
    (True, False)
    """
    if not re.fullmatch(r"\d{14}", digits) or len(set(digits)) == 1:
        return False
    for length in (12, 13):
        weights = [*range(length - 7, 1, -1), *range(9, 1, -1)]
        rest = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False)) % 11
        if int(digits[length]) != (0 if rest < 2 else 11 - rest):
            return False
    return True


def _date(lines: Sequence[Row]) -> Field | None:
    dates = [
        (not _SAYS_DATE.search(text), number, value, shown)
        for number, (text, _, _) in enumerate(lines)
        for value, shown in _dates(text)
    ]
    if not dates:
        return None
    _, number, value, shown = min(dates, key=lambda one: one[:2])
    return Field("date", value, shown, number, lines[number][1], "day before month")


def _dates(text: str) -> Iterator[tuple[str, str]]:
    for match in _YEAR_FIRST.finditer(text):
        yield from _existing(match.group(1), match.group(3), match.group(4), match.group(0))
    for match in _DAY_FIRST.finditer(text):
        yield from _existing(match.group(4), match.group(3), match.group(1), match.group(0))
    for match in _NAMED.finditer(text):
        month = _MONTHS.get(match.group(2)[:3])
        if month is not None:
            yield from _existing(match.group(3), str(month), match.group(1), match.group(0))


def _existing(year: str, month: str, day: str, shown: str) -> Iterator[tuple[str, str]]:
    whole = int(year) + (2000 if len(year) == 2 else 0)
    try:
        found = date(whole, int(month), int(day))
    except ValueError:  # such as the 31st of June: no date, so nothing is found here
        return
    if 1980 <= whole <= 2099:
        yield found.isoformat(), shown


def _total(lines: Sequence[Row]) -> Field | None:
    best: tuple[tuple[bool, int], Field] | None = None
    rows = {row: [i for i, one in enumerate(lines) if one[2] == row] for row in dict.fromkeys(one[2] for one in lines)}
    order = list(rows)
    for place, row in enumerate(order):
        words = next((i for i in rows[row] if _SAYS_TOTAL.search(lines[i][0])), None)
        if words is None or any(
            _NO_TOTAL.search(lines[i][0]) and not _BEST_TOTAL.search(lines[i][0]) for i in rows[row]
        ):
            continue
        for near in order[place : place + 2]:  # the row itself, then the one below
            found = [(i, *one) for i in rows[near] for one in amounts(lines[i][0])]
            if found:
                number, value, shown = found[-1]
                sure = lines[number][1] * (lines[words][1] if words != number else 1.0)
                rank = (bool(_BEST_TOTAL.search(lines[words][0])), place)
                if best is None or rank > best[0]:
                    best = rank, Field("total", value, shown, number, sure, lines[words][0])
                break
    return best[1] if best else None


def _tax_numbers(lines: Sequence[Row]) -> Iterator[Field]:
    seen: set[str] = set()
    for number, (text, confidence, _) in enumerate(lines):
        for kind, pattern, is_right in (("CNPJ", _CNPJ, is_cnpj), ("NIF", _NIF, is_nif), ("GST", _GST, bool)):
            for match in pattern.finditer(text):
                digits = re.sub(r"\D", "", match.group(1))
                if is_right(digits) and digits not in seen:
                    seen.add(digits)
                    yield Field("tax_number", digits, match.group(1), number, confidence, kind)
