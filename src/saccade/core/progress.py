"""The callback by which long work says how far it is."""

from collections.abc import Callable

Progress = Callable[[str, int, int | None], None]
"""``progress(what, done, total)``: called as work goes on; ``total`` is None when it is not known."""


def no_progress(what: str, done: int, total: int | None) -> None:
    """The default where nobody watches."""
