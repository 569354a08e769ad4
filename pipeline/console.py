"""Output of a command while it works: progress bars on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from saccade.core.messages import pluralise

__all__ = ["Progress", "choose_on_terminal", "pluralise", "say", "warn"]

_LINE_EVERY_S = 10.0
_NOTE_EVERY_S = 2.0


def say(line: str) -> None:
    """Print one line to standard output."""
    print(line, flush=True)  # noqa: T201


def warn(line: str) -> None:
    """Print one line to standard error."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def choose_on_terminal() -> Callable[[str, Sequence[str]], int] | None:
    """A function that asks a question on the terminal and returns the place of the answer, from 0; None: there is none.

    Enter alone takes the first answer.
    """
    return _choose if sys.stdin.isatty() and sys.stdout.isatty() else None


def _choose(question: str, answers: Sequence[str]) -> int:
    say(f"{question}:")
    for place, answer in enumerate(answers, start=1):
        say(f"  {place}. {answer}")
    while True:
        text = input(f"which one? [1 to {len(answers)}, Enter for 1] ").strip() or "1"
        if text.isdecimal() and 1 <= int(text) <= len(answers):
            return int(text) - 1


class Progress:
    """A ``saccade.core.progress.Progress`` that people can watch: call it with (what, done, total).

    On a terminal it is a bar with the time left. Elsewhere a line is printed now and then, none for short work.

    Args:
        unit: name of what is counted, such as "images".
        line_every_s: seconds between two lines where there is no terminal.
    """

    def __init__(self, unit: str = "", line_every_s: float = _LINE_EVERY_S) -> None:
        self._unit = unit
        self._line_every_s = line_every_s
        self._bar = _Bar(unit) if sys.stderr.isatty() else None
        self._last_line_at = time.monotonic()

    def __call__(self, what: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if self._bar is not None:
            self._bar.show(what, done, total, now)
        elif now - self._last_line_at >= self._line_every_s:
            self._last_line_at = now
            say(f"  {what}: {done:,}" + (f" of {total:,}" if total else "") + (f" {self._unit}" if self._unit else ""))

    def note(self, line: str) -> None:
        """Print a line on a finished part of the work: always on a terminal, elsewhere at most once in two seconds."""
        if self._bar is not None:
            self._bar.note(line)
        elif time.monotonic() - self._last_line_at >= _NOTE_EVERY_S:
            self._last_line_at = time.monotonic()
            say(f"  {line}")

    def say(self, line: str) -> None:
        """Print one line of results to standard output; on a terminal above the bar, as long as it is."""
        if self._bar is not None and sys.stdout.isatty():
            self._bar.say(line)
        else:
            say(line)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


class _Bar:
    def __init__(self, unit: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit))
        rate = TextColumn("{task.fields[rate]}")
        self._rich = RichProgress(
            *(*columns, rate, TimeRemainingColumn()),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # what goes to a file or a pipe must arrive there
        )
        self._rich.start()
        self._what = ""
        self._task = self._rich.add_task("", total=None, rate="")
        self._shown_at = self._started_at = 0.0
        self._first = 0

    def show(self, what: str, done: int, total: int | None, now: float) -> None:
        if what != self._what:
            self._what, self._first, self._started_at = what, done, now
            self._rich.reset(self._task, description=what, total=total)
        elif now - self._shown_at < 0.05 and done != total:
            return  # a training step takes less time than drawing it
        self._shown_at = now
        elapsed_s = now - self._started_at
        rate = f"{(done - self._first) / elapsed_s:,.0f}/s" if elapsed_s > 1 else ""
        self._rich.update(self._task, completed=done, total=total, rate=rate)

    def note(self, line: str) -> None:
        self._rich.console.print(f"  {line}", highlight=False, markup=False)

    def say(self, line: str) -> None:
        self._rich.console.print(line, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def close(self) -> None:
        self._rich.stop()
