"""What was found wrong with a dataset: told with a remedy, unless params.yaml has decided about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from saccade.core.errors import UserError

OnProblem = Literal["error", "quarantine"]
OnConflict = Literal["error", "quarantine", "keep"]

MAX_LISTED = 5  # in a message


@dataclass(frozen=True)
class DataProblem:
    """One kind of what was found.

    Attributes:
        what: in a few words, ending with the count.
        listed: a line each; empty where nothing was found.
        remedy: what the user may do.
        is_decided: params.yaml says that it is known.
        outcome: what is done then.
    """

    what: str
    listed: Sequence[str]
    remedy: str
    is_decided: bool
    outcome: str


def raise_undecided(troubles: Iterable[DataProblem]) -> list[str]:
    """Stop at what nobody has decided about.

    Args:
        troubles: that were looked for.

    Returns:
        What is done about the others, for people: a line each.

    Raises:
        UserError: something was found that is not decided; says how much, the first few, and the remedy.
    """
    notes = []
    for trouble in troubles:
        if not trouble.listed:
            continue
        if not trouble.is_decided:
            more = len(trouble.listed) - MAX_LISTED
            lines = [f"  {line}" for line in trouble.listed[:MAX_LISTED]] + [f"  and {more:,} more"] * (more > 0)
            raise UserError("\n".join([f"{trouble.what}:", *lines, trouble.remedy]))
        notes.append(f"{trouble.what}: {trouble.outcome}")
    return notes
