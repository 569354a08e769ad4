"""Records of JSON: one object a line, or a list of objects; values as text, one object in memory at a time."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from saccade.core.errors import UserError
from saccade.tables.delimited_text import Row
from saccade.tables.file_content import FileContent
from saccade.tables.numbers import TypedNumber
from saccade.tables.text_encoding import refuse_bad_byte

_CHUNK_CHARACTERS = 2**16
_BETWEEN = re.compile(r"[\s,]*")
# Numbers as they are written: 1.10 stays 1.10, and a long id loses no digit.
_DECODER = json.JSONDecoder(parse_float=TypedNumber, parse_int=TypedNumber, parse_constant=str)


@dataclass(frozen=True)
class JsonRecords:
    """Objects of a file, each a row.

    Attributes:
        content: the file.
        name: the user's name of the file, for messages.
        codec: codec of Python.
        encoding: name of the encoding, for messages.
        max_record: characters that an object may hold.
    """

    content: FileContent
    name: str
    codec: str
    encoding: str
    max_record: int

    def columns(self) -> list[str]:
        """The keys of all objects, in the order in which they first appear; read in a pass of its own."""
        found: dict[str, None] = {}
        for _, record in self._records():
            found.update(dict.fromkeys(record))
        return list(found)

    def rows(self, columns: list[str]) -> Iterator[Row]:
        """The values of each object in the columns' order; empty where it has no such key.

        Args:
            columns: keys.

        Yields:
            The line that an object begins in, and the cells.
        """
        for line, record in self._records():
            yield line, [record.get(column, "") for column in columns]

    def _records(self) -> Iterator[tuple[int, dict[str, str]]]:
        try:
            with self.content.reading(self.name) as file, io.TextIOWrapper(file, self.codec) as text:
                yield from self._decode(text)
        except UnicodeDecodeError:
            refuse_bad_byte(self.content, self.name, self.codec, self.encoding)

    def _decode(self, text: Any) -> Iterator[tuple[int, dict[str, str]]]:
        buffer, at, line, is_list, is_end = "", 0, 1, False, False
        while True:
            if not is_end and len(buffer) - at < _CHUNK_CHARACTERS:
                chunk = text.read(_CHUNK_CHARACTERS)
                buffer, at, is_end = buffer[at:] + chunk, 0, not chunk
            after = _BETWEEN.match(buffer, at).end()  # type: ignore[union-attr]  # matches nothing, too
            line += buffer.count("\n", at, after)
            at = after
            if at == len(buffer):
                if is_end:
                    return
                continue
            if buffer[at] == "[" and not is_list:
                is_list, at = True, at + 1
                continue
            if buffer[at] == "]" and is_list:
                return
            try:
                value, end = _DECODER.raw_decode(buffer, at)
            except RecursionError as error:
                raise UserError(f"{self.name}, line {line}: the JSON must not be so deep. Correct it.") from error
            except json.JSONDecodeError as error:
                if not is_end and len(buffer) - at <= self.max_record:  # it may go on behind the buffer
                    chunk = text.read(max(_CHUNK_CHARACTERS, len(buffer) - at))
                    buffer, at, is_end = buffer[at:] + chunk, 0, not chunk
                    continue
                raise UserError(
                    f"{self.name}, line {line + error.doc.count(chr(10), at, error.pos)}: the JSON must be whole: "
                    f"{error.msg}. Correct it."
                ) from error
            if not isinstance(value, dict):
                raise UserError(
                    f'{self.name}, line {line} must hold an object, such as {{"text": "...", "label": "..."}}, '
                    f"but holds {buffer[at : min(end, at + 40)]!r}. Write one object a row."
                )
            if (below := _records_below(value)) is not None:
                raise UserError(
                    f"{self.name}, line {line} must hold an object a row, but the rows seem to stand in the list under "
                    f"{below!r}. Write that list alone to a file."
                )
            yield line, _flat(value)
            line += buffer.count("\n", at, end)
            at = end


def _records_below(value: dict[str, Any]) -> str | None:
    """The key of a list of objects, where it is the only one of its sort and no row has one."""
    lists = [key for key, inner in value.items() if isinstance(inner, list) and len(inner) > 1]
    return lists[0] if len(lists) == 1 and all(isinstance(one, dict) for one in value[lists[0]]) else None


def _flat(record: dict[str, Any], above: str = "") -> dict[str, str]:
    """Values as text; an object inside gives columns such as ``user.name``, a list stays JSON."""
    cells: dict[str, str] = {}
    for key, value in record.items():
        name = f"{above}{key}".strip()
        if isinstance(value, dict):
            cells.update(_flat(value, f"{name}."))
        elif isinstance(value, TypedNumber):
            cells[name] = value
        elif isinstance(value, str):
            cells[name] = value.strip(" \t")
        elif value is None:
            cells[name] = ""
        elif isinstance(value, bool):
            cells[name] = "true" if value else "false"
        else:
            cells[name] = json.dumps(value, ensure_ascii=False)
    return cells
