"""What a source says of files that nobody has described: how it would read them, or why it cannot."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CERTAIN = 3  # the files say so themselves: known contents, a table that names files
LIKELY = 2  # nothing else fits as well
POSSIBLE = 1  # it can be read so, where nobody has a better idea


@dataclass(frozen=True)
class Recognised:
    """One way to read a folder, an archive or a file.

    Attributes:
        meaning: what it would then be, such as "pictures, a class a folder"; a question shows it.
        arguments: keyword arguments of the source.
        sureness: CERTAIN, LIKELY or POSSIBLE.
        seen: lines for people on what was seen.
        odd: lines for people on what is unusual, or was decided for want of a certain reading.
        split: keys of ``split:`` that this reading asks for.
        preprocess: keys of ``preprocess:`` that this reading asks for.
        reasons: reason for a value, by its dotted key, such as "source.class_from".
        group_hints: columns, or patterns of paths, that may name what belongs together, the likeliest first.
        alternatives: arguments that each settle a question with which reading may stop, such as day_first: true; they
            are tried where it does.
        sample: function that writes a part of large files into a folder; it gives the arguments that read that part,
            and how many times as many examples the whole has. None: all is read.
        examples: function that gives the examples without bringing all files to data/raw first; None: they are
            fetched and read as any dataset is.
    """

    meaning: str
    arguments: Mapping[str, Any]
    sureness: int
    seen: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    split: Mapping[str, Any] = field(default_factory=dict)
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    group_hints: tuple[str, ...] = ()
    alternatives: tuple[Mapping[str, Any], ...] = ()
    sample: Callable[[Path], tuple[Mapping[str, Any], int]] | None = None
    examples: Callable[[], Any] | None = None


@dataclass(frozen=True)
class Unusable:
    """Why files that look like a source's own cannot be read by it.

    Attributes:
        why: a line or two for people: what is missing, and how the files should lie.
        sureness: how sure it is that they were meant for this source.
    """

    why: str
    sureness: int


Reading = Recognised | Unusable
