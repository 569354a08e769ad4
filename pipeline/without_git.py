"""A project without git, as an unpacked .zip is: DVC is told to do without, until a repository is there.

DVC asks for a git repository unless ``core.no_scm`` is set. It is set in ``.dvc/config.local``, which is of this copy
of the project alone, and a mark in ``.saccade`` remembers that nobody else has set it. What is then missing is the
commit in the records of runs, and DVC's experiments, which are commits.
"""

import re
import subprocess
from pathlib import Path

from pipeline import paths
from pipeline.console import warn
from saccade.core.errors import UserError

_NO_COMMIT_YET = "the git repository has no commit yet"


def has_repository(folder: Path) -> bool:
    """Whether a folder lies in a git repository; git itself need not be installed.

    Args:
        folder: of the project; the repository may begin in a folder above it.

    Returns:
        False too where ``.git`` leads nowhere, as in a worktree whose repository was deleted.
    """
    folder = folder.resolve()
    return any(_is_git_folder(place / ".git") for place in (folder, *folder.parents))


def _is_git_folder(place: Path) -> bool:
    if place.is_file():  # of a worktree or a submodule: it says where the repository is
        match = re.match(r"gitdir: (.*)", place.read_text(encoding="utf-8", errors="surrogateescape"))
        return match is not None and (place.parent / match[1].strip() / "HEAD").exists()
    return (place / "HEAD").exists()


def why_no_commit(folder: Path) -> str | None:
    """Why git cannot name the commit that a run comes from.

    Args:
        folder: of the project.

    Returns:
        A clause without a full stop; None where git names it.
    """
    if not has_repository(folder):
        return "there is no git repository"
    try:
        ended = subprocess.run(
            ["git", "rev-parse", "--verify", "HEAD"], cwd=folder, capture_output=True, text=True, errors="replace"
        )
    except OSError as error:
        return "git is not installed" if isinstance(error, FileNotFoundError) else f"git does not start ({error})"
    if ended.returncode == 0:
        return None
    if "dubious ownership" in ended.stderr:
        return (
            "git refuses a folder of another user (`git config --global --add safe.directory "
            f"'{folder.resolve()}'` allows it)"
        )
    if "single revision" in ended.stderr or "unknown revision" in ended.stderr:
        return _NO_COMMIT_YET
    return f"git says {' '.join(ended.stderr.split()) or f'nothing and ends with {ended.returncode}'}"


def tell_missing_commit(*, is_brief: bool = False) -> None:
    """Say in a line why the runs to come will name no commit, where that is so.

    Args:
        is_brief: say nothing of a repository without a commit, as one is that was begun a moment ago.
    """
    why = why_no_commit(paths.home())
    if why is None or (is_brief and why == _NO_COMMIT_YET):
        return
    experiments = "" if has_repository(paths.home()) else ", and `dvc exp` does not work"
    warn(f"note: {why}: runs are recorded without a commit{experiments}")


def prepare_dvc() -> None:
    """Let DVC do without git where there is no repository, and with it again where there is one.

    Raises:
        UserError: DVC's settings cannot be read.
    """
    mark = paths.home() / ".saccade" / "no_scm"
    if has_repository(paths.home()):
        if mark.exists():
            if _set_no_scm(is_wanted=False):
                warn("note: a git repository is here now: DVC uses it, and runs name their commit")
            mark.unlink()
    elif _set_no_scm(is_wanted=True):
        mark.parent.mkdir(exist_ok=True)
        mark.write_text("core.no_scm in .dvc/config.local was set by `saccade repro`\n", encoding="utf-8")


def _set_no_scm(*, is_wanted: bool) -> bool:
    """Change ``core.no_scm`` in .dvc/config.local; False where it was so before."""
    from dvc.config import Config, ConfigError

    try:
        config = Config.from_cwd()
        if bool(config["core"].get("no_scm")) == is_wanted:
            return False
        with config.edit("local") as local:
            core = local.setdefault("core", {})
            core.pop("no_scm", None)
            if is_wanted:
                core["no_scm"] = True
    except ConfigError as error:
        raise UserError(f"DVC cannot read its settings in .dvc: {error}") from error
    return True
