"""Names of classes as people write them: in one Unicode form, without the spaces around; what looks alike is told."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from saccade.core.errors import UserError
from saccade.core.names import alike_names, composed

_MAX_NAMED = 3  # in a line


def plain_name(name: str) -> str:
    """A name in Unicode's composed form (NFC), without the spaces around.

    >>> plain_name("cafe\\u0301 ") == "caf\\u00e9"
    True
    """
    return composed(name).strip()


def plain_class_names(
    names: Sequence[str], where: Path, rename: Mapping[str, object] | None = None
) -> tuple[list[str], tuple[str, ...], tuple[str, ...]]:
    """Bring class names to one form, and look for those that may be one.

    Args:
        names: class of each example, as it stands in a path.
        where: the archive, for messages.
        rename: class name to the name to take in its place; classes of one name become one.

    Returns:
        The class of each example; lines that say which names became one; and lines that people should not miss, of
        names that differ in capitals, spaces or dashes alone.

    Raises:
        UserError: a name is made of spaces, or ``rename`` names a class that is not there.
    """
    counts = Counter(names)
    plain = {name: plain_name(name) for name in counts}
    if empty := next((name for name, made in plain.items() if not made), None):
        raise UserError(f"{where}: a folder's name ({empty!r}) must hold more than spaces to be a class. Rename it.")
    written_as: dict[str, list[str]] = {}
    for name in sorted(counts):
        written_as.setdefault(plain[name], []).append(name)
    notes = [
        f"{' and '.join(f'{name!a} ({counts[name]:,})' for name in forms)} are one class, {made!r}: Unicode forms "
        "and spaces around a name do not count"
        for made, forms in written_as.items()
        if len(forms) > 1
    ]
    renamed = {plain_name(name): plain_name(str(new)) for name, new in (rename or {}).items()}
    if unknown := next((name for name in renamed if name not in written_as), None):
        known = ", ".join(sorted(written_as)[:_MAX_NAMED]) + ", ..." * (len(written_as) > _MAX_NAMED)
        raise UserError(f"{where}: rename_classes ({unknown!r}) must name a class, which are {known}")
    made = [renamed.get(plain[name], plain[name]) for name in names]
    return made, tuple(notes), tuple(_alike_class_lines(Counter(made)))


def without_small_classes(classes: Sequence[str], min_per_class: int, where: Path) -> tuple[set[str], tuple[str, ...]]:
    """The classes that have enough examples.

    Args:
        classes: class of each example.
        min_per_class: least number of examples of a class, from 1.
        where: the archive, for messages.

    Returns:
        Their names, and a line that says which others were left out, if any.

    Raises:
        UserError: fewer than two classes are left.
    """
    if min_per_class < 1:
        raise UserError(f"min_per_class ({min_per_class}) must be at least 1")
    counts = Counter(classes)
    kept = {name for name, count in counts.items() if count >= min_per_class}
    small = sorted(set(counts) - kept)
    if len(kept) < 2 and small:
        largest = ", ".join(f"{name!r} {count:,}" for name, count in counts.most_common(2))
        raise UserError(
            f"{where}: min_per_class ({min_per_class}) must leave at least two classes, but leaves {len(kept)} of "
            f"{len(counts):,}. Lower it: the largest classes are {largest}"
        )
    if not small:
        return kept, ()
    named = ", ".join(f"{name!r} ({counts[name]:,})" for name in small[:_MAX_NAMED]) + ", ..." * (
        len(small) > _MAX_NAMED
    )
    total = sum(counts[name] for name in small)
    of = f"of fewer than {min_per_class} examples (min_per_class)"
    what = "1 class" if len(small) == 1 else f"{len(small):,} classes"
    return kept, (f"left out {what} {of}: {named}; {total:,} example{'s'[: total - 1]}",)


def _alike_class_lines(counts: Mapping[str, int]) -> list[str]:
    """A line for each group of classes that may be one, with what makes them one."""
    lines = []
    for names in alike_names(counts):
        listed = " and ".join(f"{name!r} ({counts[name]:,})" for name in names)
        most = max(names, key=lambda name: (counts[name], name))
        others = ", ".join(f"{_quoted(name)}: {_quoted(most)}" for name in names if name != most)
        lines.append(
            f"classes {listed} differ in capitals, spaces or dashes alone. If they are one: "
            f"rename_classes: {{{others}}}"
        )
    return lines


def _quoted(name: str) -> str:
    """A name as YAML takes it inside of braces."""
    return name if re.fullmatch(r"[A-Za-z][\w -]*", name) else "'" + name.replace("'", "''") + "'"
