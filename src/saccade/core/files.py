"""Outputs are written beside their place and moved into it whole, so nothing is ever half-written."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from saccade.core.errors import UserError


def _partial_path(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial-{os.getpid()}")


def _is_running(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # not known: signal 0, which asks elsewhere, is Ctrl-C there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # it runs, under another user
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_leftovers(target: Path) -> None:
    """Remove what killed processes left beside ``target``, and put back an output that was lost mid-swap.

    What bears our own process id is a leftover too: in a container, every start may get the same one.
    """
    if not target.parent.is_dir():
        return
    for left in list(target.parent.iterdir()):
        match = re.fullmatch(rf"\.{re.escape(target.name)}\.(partial|replaced)-(\d+)", left.name)
        if match is None or (int(match[2]) != os.getpid() and _is_running(int(match[2]))):
            continue
        if match[1] == "replaced" and not target.exists():
            left.rename(target)
        else:
            _remove(left)


@contextlib.contextmanager
def replacing_file(target: Path) -> Iterator[Path]:
    """Yield a path to write to; it takes the place of ``target`` when the block ends without an exception."""
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(target)
    partial = _partial_path(target)
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; it takes the place of ``target`` when the block ends without an exception.

    An earlier ``target`` stays as it was until then. A process killed between the two renames loses nothing:
    the next call (or ``remove_leftovers``) puts the earlier folder back.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(target)
    partial = _partial_path(target)
    replaced = target.with_name(f".{target.name}.replaced-{os.getpid()}")
    try:
        partial.mkdir()
        yield partial
        if target.exists():
            target.rename(replaced)
        partial.rename(target)
    finally:
        if replaced.exists() and not target.exists():
            replaced.rename(target)
        for left in (partial, replaced):
            if left.exists():
                _remove(left)


def write_json(target: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically. NaN and infinities are refused: they are not JSON."""
    with replacing_file(target) as partial:
        partial.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path, *, format_number: int | tuple[int, ...], make_with: str) -> dict[str, Any]:
    """Read a JSON object that says of which format it is.

    Args:
        path: the file.
        format_number: value that its key "format" must have, or several of which it must have one.
        make_with: the command that makes it, for messages.

    Returns:
        The object, less "format".

    Raises:
        UserError: the file is not there, is damaged, or is of another format.
    """
    if not path.exists():
        raise UserError(f"{path} does not exist. Make it with `{make_with}`.")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}). Run `dvc checkout`, or make it again: `{make_with}`.") from error
    known = format_number if isinstance(format_number, tuple) else (format_number,)
    if values.pop("format", None) not in known:
        expected = f"{' or '.join(map(str, known))}, {'those' if len(known) > 1 else 'the one'} this saccade reads"
        raise UserError(f"{path} is of another format than {expected}. Make it again: `{make_with}`.")
    return values


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
