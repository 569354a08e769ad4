"""Names of datasets and runs as folders: on a disk that takes capitals for small letters two of them may be one.

macOS and Windows have such disks. On others ``Digits`` and ``digits`` are two folders, as they are two keys.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.params.problems import Problem

_TAKEN = {"runs": ["datasets"], "datasets": []}  # folders of the project's own beside those of the entries


def ignores_case(file: Path) -> bool:
    """Whether the disk that holds a file finds it under its name in other letters.

    Args:
        file: one that is there, with a letter in its name.

    Returns:
        True on the usual disks of macOS and Windows.
    """
    other = file.with_name(file.name.swapcase())
    return other.exists() and other.samefile(file)


def names_that_are_one_folder(raw: Mapping[str, Any], file: Path) -> Iterator[Problem]:
    """Entries whose outputs would lie in one folder on this disk.

    Args:
        raw: the values of params.yaml, in which anything may be of the wrong type.
        file: params.yaml, on the disk that holds the outputs too.

    Yields:
        A problem for each name that another one before it takes.
    """
    if not ignores_case(file):
        return
    for section, taken in _TAKEN.items():
        entries = raw.get(section)
        seen = {name.casefold(): name for name in taken}
        for name in entries if isinstance(entries, Mapping) else ():
            other = seen.setdefault(str(name).casefold(), str(name))
            if other != name:
                yield Problem(
                    (section, name),
                    f"the name {name!r} must differ from {other!r} in more than capitals: on this disk both are one "
                    "folder. Rename one",
                )
