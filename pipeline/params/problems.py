"""What is wrong with params.yaml, each problem with its place, and the words for it."""

import difflib
from dataclasses import dataclass
from pathlib import Path

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the file: where, and in a line what and what to do."""

    path: KeyPath
    message: str
    line: int | None = None

    def __str__(self) -> str:
        where = ".".join(map(str, self.path))
        return (f"line {self.line}: " if self.line else "") + (f"{where}: " if where else "") + self.message


class ParamsError(Exception):
    """The file cannot be used. Commands print it and end with exit code 2."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line or 0)
        count = f"{len(problems)} problems" if len(problems) > 1 else "a problem"
        super().__init__("\n".join([f"{path} has {count}:", *(f"  {problem}" for problem in self.problems)]))


def nearest(name: object, known: list[str], *, cutoff: float = 0.5) -> str:
    """What to say after an unknown name: the nearest known one, or all of them where none is as near as ``cutoff``."""
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=cutoff)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}"


def short(value: object) -> str:
    """A value as a message quotes it, in 60 characters at most."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
