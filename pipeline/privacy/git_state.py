"""Which code a run was made of, as git sees it: the commit, and what of the run's own code differs from it.

Of everything else in the tree no name and no byte is read or kept, only how many entries there are: a ``.env``, a
customer's texts or a notebook lie beside the code of many projects, and a tracking server is read by others.
"""

import os
import re
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import paths
from pipeline.privacy.secret_scan import find_secrets
from pipeline.privacy.stage_code import code_patterns
from saccade.core.errors import UserError

_SETTINGS = ("params.yaml", "dvc.yaml")
_MAX_DIFF_BYTES = 1_000_000  # a person's changes are smaller; a larger one is generated, and nobody would read it
_TIMEOUT_S = 60.0
_FEW_LINES = 5  # that a warning names
_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",  # an index.lock that was left behind, or a folder that cannot be written, is no matter
    "GIT_NO_LAZY_FETCH": "1",  # nothing is fetched from the remote of a partial clone
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_PLAIN_DIFF = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--submodule=short")
_PREFIXES = ("--src-prefix=a/", "--dst-prefix=b/")


@dataclass(frozen=True)
class GitState:
    """Where a tree stands.

    Attributes:
        commit: 40 hexadecimal digits; None outside a repository, before its first commit, or without git.
        is_dirty: whether anything in the tree differs from the commit, or is new and not ignored, less dvc.lock, which
            DVC rewrites; None where git did not say.
        diff: of the run's code, params.yaml and dvc.yaml, new files included.
        changed_files: how many files ``diff`` is about.
        other_changes: how many other entries of the tree are changed or new; a new folder is one.
        kept_out: files that belong in ``diff`` and are not there, since lines in them look like secrets.
        warnings: what the user should know.
    """

    commit: str | None
    is_dirty: bool | None = None
    diff: str = ""
    changed_files: int = 0
    other_changes: int = 0
    kept_out: int = 0
    warnings: tuple[str, ...] = ()


class _GitError(Exception):
    """Git said no; the text is its first line."""


def git_state(stage: str = "train", item: Mapping[str, object] | None = None) -> GitState:
    """The commit, and how the run's own code and settings differ from it.

    Nothing that lies in the tree raises: what git cannot tell is left out, with a warning, and the commit stays.

    Args:
        stage: whose code in dvc.yaml it is.
        item: what stands for the templates there, such as ``{"item.model.name": "lenet5"}``.

    Returns:
        The state; without a commit outside a repository, before its first commit, or without git.
    """
    try:
        commit = _git("rev-parse", "--verify", "HEAD").decode("ascii", "replace").strip()
    except _GitError as error:
        return GitState(None, warnings=_why_no_commit(str(error)))
    warnings: list[str] = []
    entries: list[bytes] = []
    is_dirty: bool | None = None
    try:
        entries = _changed_entries()
        is_dirty = bool(entries)
    except _GitError as error:
        warnings.append(f"git could not say whether the tree differs from its commit ({error}); the run says `unknown`")
    try:
        patterns = [*code_patterns(stage, item or {}), *_SETTINGS]
        sections = [*_changed_sections(patterns), *_new_sections(patterns)]
    except _GitError as error:
        warnings.append(f"git could not tell the changes of the run's code ({error}); they are not kept")
        return GitState(commit, is_dirty, warnings=tuple(warnings))
    names = {name for name, _ in sections}
    others = sum(entry not in names and not _holds(entry, names) for entry in entries)
    sections, secret = _without_secrets(sections)
    warnings += secret
    kept_out = len(names) - len({name for name, _ in sections})
    diff = "".join(text for _, text in sections)
    if len(diff) > _MAX_DIFF_BYTES:
        warnings.append(
            f"the changes of the run's code since commit {commit[:8]} ({len(diff):,} characters) are more than "
            f"{_MAX_DIFF_BYTES:,} and are not kept with the run: commit them"
        )
        diff, sections = "", []
    return GitState(commit, is_dirty, diff, len(sections), others, kept_out, tuple(warnings))


def changed_code(stages: Sequence[str], item: Mapping[str, object]) -> tuple[str, list[str]]:
    """The commit, and which files of the code of stages, params.yaml and dvc.yaml differ from it.

    Args:
        stages: names in dvc.yaml.
        item: what stands for the templates there.

    Returns:
        40 hexadecimal digits; paths from the tree's root, sorted, new files included.

    Raises:
        UserError: there is no commit, or git cannot tell.
    """
    try:
        commit = _git("rev-parse", "--verify", "HEAD").decode("ascii", "replace").strip()
        patterns = sorted({*_SETTINGS, *(pattern for stage in stages for pattern in code_patterns(stage, item))})
        known = _git("diff", "HEAD", *_PLAIN_DIFF, "--relative", "--name-only", "-z", "--", *patterns)
        new = _git("ls-files", "--others", "--exclude-standard", "-z", "--", *patterns)
    except _GitError as error:
        raise UserError(f"git names no commit ({error})") from error
    return commit, [_shown(name) for name in sorted({*known.split(b"\0"), *new.split(b"\0")}) if name]


def _why_no_commit(reason: str) -> tuple[str, ...]:
    """What to tell; nothing where there is no repository, which is a way to work, or no commit yet."""
    if "dubious ownership" in reason:
        where = Path.cwd()
        return (
            f"the run is recorded without its commit: {where} belongs to another user, and git reads nothing there. "
            f"`git config --global --add safe.directory {where}` lets it",
        )
    usual = ("not a git repository", "Needed a single revision", "unknown revision", "ambiguous argument", "no git")
    if any(words in reason for words in usual):
        return ()
    return (f"the run is recorded without its commit: git says {reason!r}",)


def _changed_entries() -> list[bytes]:
    """Paths, from where git runs, of what differs from the commit or is new; a new folder is one entry.

    Submodules count when they are at another commit, or changed inside.
    """
    root = _git("rev-parse", "--show-prefix").rstrip(b"\n")
    listed = _git("status", "--porcelain=v1", "-z", "--untracked-files=normal", "--no-renames", "--", ".")
    entries = []
    for line in listed.split(b"\0"):
        name = line[3:].removeprefix(root)
        if name and name != b"dvc.lock":
            entries.append(name)
    return entries


def _holds(entry: bytes, names: set[bytes]) -> bool:
    """Whether a new folder holds files of the run: those are told by name."""
    return entry.endswith(b"/") and any(name.startswith(entry) for name in names)


def _changed_sections(patterns: Sequence[str]) -> list[tuple[bytes, str]]:
    """Name and difference of each file that git knows."""
    common = ("diff", "HEAD", *_PLAIN_DIFF, "--relative")
    names = [name for name in _git(*common, "--name-only", "-z", "--", *patterns).split(b"\0") if name]
    if not names:
        return []
    names = sorted(set(names))
    text = _git(*common, *_PREFIXES, "--", *patterns).decode("utf-8", "replace")
    sections = [section for section in re.split(r"^(?=diff --(?:git|cc) )", text, flags=re.MULTILINE) if section]
    sections = [section for section in sections if section.startswith("diff --")]  # else a line on an unmerged file
    if len(sections) == len(names):
        return list(zip(names, sections, strict=True))
    return [  # a file changed between the two questions, or is unmerged
        (name, _git(*common, *_PREFIXES, "--", f":(literal){os.fsdecode(name)}").decode("utf-8", "replace"))
        for name in names
    ]


def _new_sections(patterns: Sequence[str]) -> list[tuple[bytes, str]]:
    """Name and difference of each file that git does not know and does not ignore. Only plain files are opened."""
    listed = _git("ls-files", "--others", "--exclude-standard", "-z", "--", *patterns)
    return [(name, _new_file(name)) for name in sorted(set(listed.split(b"\0"))) if name]


def _new_file(name: bytes) -> str:
    shown = _shown(name)
    path = os.path.join(os.fsencode(_where() or "."), name)  # noqa: PTH118 - bytes, for names that are no text
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode):  # where a link points to is not of the run; to open a pipe waits for ever
            return f"new file {shown} (no plain file)\n"
        if status.st_size > _MAX_DIFF_BYTES:
            return f"new file {shown} ({status.st_size} bytes)\n"
        with open(path, "rb") as file:  # noqa: PTH123 - bytes
            content = file.read()
    except OSError as error:
        return f"new file {shown} (cannot be read: {error.strerror})\n"
    if b"\0" in content:
        return f"new file {shown} ({len(content)} bytes)\n"
    lines = content.decode("utf-8", "replace").split("\n")
    if lines[-1] == "":
        lines.pop()
    return f"--- /dev/null\n+++ b/{shown}\n@@ -0,0 +1,{len(lines)} @@\n" + "".join(f"+{line}\n" for line in lines)


def _without_secrets(sections: Sequence[tuple[bytes, str]]) -> tuple[list[tuple[bytes, str]], list[str]]:
    """The sections without lines that look like secrets, whole, and a warning for each of the others."""
    clean, warnings = [], []
    for name, section in sections:
        shown = _shown(name)
        found = [
            f"line {_line_in_file(section, finding.line)} ({finding.kind})"
            for finding in find_secrets(re.sub(r"(?m)^[ +-]", "", section), shown)
        ]
        if not found and name.endswith(b".py") and _holds_private_key(name):
            found = ["a private key"]
        if not found:
            clean.append((name, section))
            continue
        more = f" and {len(found) - _FEW_LINES} more" if len(found) > _FEW_LINES else ""
        warnings.append(
            f"{shown}: {', '.join(found[:_FEW_LINES])}{more} looks like a secret; the changes of this file are not "
            "kept with the run. Take it from the environment instead, or end a harmless line with "
            "`# pragma: allowlist secret`"
        )
    return clean, warnings


def _holds_private_key(name: bytes) -> bool:
    """The lines of a key look like nothing; its first line may lie outside of what changed."""
    try:
        with open(os.path.join(os.fsencode(_where() or "."), name), "rb") as file:  # noqa: PTH118, PTH123 - bytes
            return re.search(rb"BEGIN [A-Z0-9 ]*PRIVATE KEY", file.read(_MAX_DIFF_BYTES)) is not None
    except OSError:
        return False  # removed, or not ours to read: then nothing of it is in the difference but removed lines


def _line_in_file(section: str, number: int) -> str:
    """Where a line of a difference stands in the file; of a removed line, where it stood."""
    old = new = 0
    text = ""
    for text in section.split("\n")[:number]:
        if match := re.match(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@", text):
            old, new = int(match[1]) - 1, int(match[2]) - 1
        elif text.startswith("\\"):
            continue  # "No newline at end of file"
        elif text.startswith("+") and not text.startswith("+++ "):
            new += 1
        elif text.startswith("-") and not text.startswith("--- "):
            old += 1
        else:
            old, new = old + 1, new + 1
    return f"{old}, removed" if text.startswith("-") else str(new)


def _shown(name: bytes) -> str:
    """A name in one line of UTF-8, whatever its bytes are."""
    return "".join(
        char if char.isprintable() else f"\\x{ord(char):02x}" for char in name.decode("utf-8", "backslashreplace")
    )


def _where() -> Path | None:
    """Where git is asked: where the command runs, or the project, where that is a tree of links to its code."""
    home = paths.home()
    return home if Path.cwd().is_relative_to(home / ".saccade") else None


def _git(*arguments: str) -> bytes:
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.quotepath=true", *arguments]
    try:
        return subprocess.run(
            command, cwd=_where(), env=os.environ | _ENVIRONMENT, capture_output=True, check=True, timeout=_TIMEOUT_S
        ).stdout
    except FileNotFoundError:
        raise _GitError("no git is installed") from None
    except subprocess.TimeoutExpired:
        raise _GitError(f"no answer within {_TIMEOUT_S:g} s") from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit code {error.returncode}"]
        raise _GitError(lines[0]) from None
    except OSError as error:
        raise _GitError(str(error)) from None
