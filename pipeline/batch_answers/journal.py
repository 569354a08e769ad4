"""What is answered already of a table that is not finished: parts of it and a journal, in a folder beside its place.

<table>.unfinished/journal.jsonl      first line: what the answers depend on; then a line a finished part
<table>.unfinished/part-00000000.csv  rows of a part, named after the number of its first example
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from saccade.core.errors import UserError
from saccade.core.files import remove_leftovers

FORMAT = 1
_WORDS = {
    "model": "the model",
    "inputs": "the inputs",
    "reading": "how inputs are read",
    "threshold": "the threshold below which an answer is unsure",
    "columns": "the columns",
    "format": "the form of this folder",
}


@dataclass(frozen=True)
class Part:
    """Rows that are written.

    Attributes:
        first: number of the first example, from 0.
        rows: number of rows.
        num_bytes: size of the file.
        problems: number of examples that could not be read.
        unsure: number of answers below the threshold.
    """

    first: int
    rows: int
    num_bytes: int
    problems: int
    unsure: int


class AnswerJournal:
    """The folder beside a table; one process at a time has it, as a context.

    Args:
        table: place of the table.
        depends_on: plain values that the answers depend on, by the keys of ``_WORDS``.

    Attributes:
        parts: parts that are written, in order and without a gap.
        dropped: why answers of an earlier start were dropped; empty where there were none.
    """

    def __init__(self, table: Path, depends_on: Mapping[str, Any]) -> None:
        self._table = table
        self._depends_on = {"format": FORMAT, **depends_on}
        self.folder = table.with_name(f"{table.name}.unfinished")
        self._path = self.folder / "journal.jsonl"
        self.parts: list[Part] = []
        self.dropped = ""

    def __enter__(self) -> Self:
        from filelock import FileLock, Timeout

        self._table.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(self._table)
        self._lock = FileLock(self._table.with_name(f".{self._table.name}.lock"))
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            message = f"{self._table} is being written by another process: wait for it, or give another --out"
            raise UserError(message) from None
        self._open()
        return self

    def __exit__(self, *error: object) -> None:
        Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()

    @property
    def done(self) -> int:
        """Number of examples that have their rows."""
        return sum(part.rows for part in self.parts)

    def path_of(self, first: int) -> Path:
        """File of the part that begins with an example."""
        return self.folder / f"part-{first:08}{self._table.suffix.lower()}"

    def add(self, rows: int, *, problems: int, unsure: int) -> None:
        """Say that the file of the next part is written.

        Args:
            rows: number of its rows.
            problems: number of examples that could not be read.
            unsure: number of answers below the threshold.
        """
        part = Part(self.done, rows, self.path_of(self.done).stat().st_size, problems, unsure)
        self._append(vars(part))
        self.parts.append(part)

    def remove(self) -> None:
        """Remove the folder, for the table is in place; at any moment it is whole, or one that nobody takes for it."""
        removed = self._table.with_name(f".{self._table.name}.partial-{os.getpid()}")
        self.folder.rename(removed)
        shutil.rmtree(removed)

    def _open(self) -> None:
        """Read what an earlier start left, or begin."""
        lines = self._lines()
        before = lines[0] if lines else {}
        if before == self._depends_on:
            self._take(lines[1:])
            self._cut_torn_line()
            return
        if len(lines) > 1:
            keys = [key for key in (*before, *self._depends_on) if before.get(key) != self._depends_on.get(key)]
            changed = " and ".join(_WORDS.get(key, key) for key in dict.fromkeys(keys))
            count = sum(line["rows"] for line in lines[1:])
            self.dropped = f"{count:,} answers of an earlier start are dropped, for since then {changed} changed"
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir()
        self._append(self._depends_on)

    def _take(self, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            part = Part(**line)
            path = self.path_of(part.first)
            if part.first != self.done or not path.exists() or path.stat().st_size != part.num_bytes:
                break
            self.parts.append(part)

    def _lines(self) -> list[dict[str, Any]]:
        """The lines of the journal, but for one that was torn by a kill."""
        if not self._path.exists():
            return []
        found = []
        for line in self._path.read_bytes().split(b"\n")[:-1]:
            try:
                found.append(json.loads(line))
            except ValueError:
                break  # a disk that lost its power may hold anything: what follows is answered again
        return found

    def _cut_torn_line(self) -> None:
        """Write the journal anew, so that it says what was taken and nothing else."""
        content = [self._depends_on, *map(vars, self.parts)]
        partial = self._path.with_name("journal.partial")
        partial.write_text("".join(json.dumps(line) + "\n" for line in content), encoding="utf-8")
        partial.replace(self._path)

    def _append(self, line: Mapping[str, Any]) -> None:
        with self._path.open("ab") as file:
            file.write(json.dumps(dict(line)).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
