"""A project that lies in no git repository, or in one that cannot name a commit."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, Tree

from pipeline.without_git import has_repository, prepare_dvc, tell_missing_commit, why_no_commit
from saccade.core.errors import UserError

NAMED = ["-c", "user.name=t", "-c", "user.email=t@example.org"]


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *NAMED, *arguments], cwd=folder, check=True, capture_output=True)


def committed(folder: Path) -> Path:
    git(folder, "init", "--quiet")
    (folder / "file").write_text("content", encoding="utf-8")
    git(folder, "add", "file")
    git(folder, "commit", "--quiet", "-m", "one")
    return folder


def plain(folder: Path) -> Path:
    return folder


def above(folder: Path) -> Path:
    (committed(folder) / "below").mkdir()
    return folder / "below"


def worktree(folder: Path) -> Path:
    (folder / "main").mkdir()
    git(committed(folder / "main"), "worktree", "add", "--quiet", str(folder / "tree"))
    return folder / "tree"


def lost_worktree(folder: Path) -> Path:
    there = worktree(folder)
    shutil.rmtree(folder / "main")
    return there


def submodule(folder: Path) -> Path:
    for name in ("part", "whole"):
        (folder / name).mkdir()
        committed(folder / name)
    git(folder / "whole", "-c", "protocol.file.allow=always", "submodule", "add", str(folder / "part"), "part")
    return folder / "whole" / "part"


def shallow(folder: Path) -> Path:
    (folder / "far").mkdir()
    git(folder, "clone", "--quiet", "--depth", "1", committed(folder / "far").as_uri(), "near")
    return folder / "near"


def sparse(folder: Path) -> Path:
    (folder / "far").mkdir()
    git(folder, "clone", "--quiet", "--sparse", committed(folder / "far").as_uri(), "near")
    return folder / "near"


def empty(folder: Path) -> Path:
    git(folder, "init", "--quiet")
    return folder


def locked(folder: Path) -> Path:
    (committed(folder) / ".git" / "index.lock").touch()
    return folder


ODD_TREES = [
    (plain, "there is no git repository"),
    (above, None),
    (worktree, None),
    (lost_worktree, "there is no git repository"),
    (submodule, None),
    (shallow, None),
    (sparse, None),
    (locked, None),
    (empty, "the git repository has no commit yet"),
]


@pytest.fixture(autouse=True)
def _no_repository_above(monkeypatch: pytest.MonkeyPatch) -> None:
    """What git itself looks at must be the test's own folders alone."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(("make", "reason"), ODD_TREES, ids=lambda value: getattr(value, "__name__", ""))
def test_why_a_run_has_no_commit(make: Callable[[Path], Path], reason: str | None, tmp_path: Path) -> None:
    place = make(tmp_path)
    assert why_no_commit(place) == reason
    assert has_repository(place) == (reason != "there is no git repository")


def test_git_that_is_not_installed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert why_no_commit(tmp_path) == "git is not installed"


def test_a_folder_of_another_user_names_the_setting_that_allows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(tmp_path)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own way of testing this
    reason = why_no_commit(tmp_path)
    assert reason is not None and "git config --global --add safe.directory" in reason and str(tmp_path) in reason


def test_the_line_says_that_experiments_are_missing_too_where_there_is_no_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tell_missing_commit()
    assert capsys.readouterr().err == (
        "note: there is no git repository: runs are recorded without a commit, and `dvc exp` does not work\n"
    )
    empty(tmp_path)
    tell_missing_commit(is_brief=True)
    assert capsys.readouterr().err == ""
    tell_missing_commit()
    assert capsys.readouterr().err == (
        "note: the git repository has no commit yet: runs are recorded without a commit\n"
    )


@pytest.fixture
def unzipped(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Tree:
    shutil.rmtree(tree.root / ".git")
    shutil.copytree(ROOT / ".dvc", tree.root / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp", "config.local"))
    monkeypatch.chdir(tree.root)
    return tree


def test_dvc_does_without_git_until_it_is_there(unzipped: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    prepare_dvc()
    status = unzipped.python("-m", "dvc", "status", "fetch@digits")
    assert status.code == 0 and "is not a git repository" not in status.err
    empty(unzipped.root)
    prepare_dvc()
    assert "no_scm" not in Path(".dvc/config.local").read_text(encoding="utf-8")
    assert "a git repository is here now" in capsys.readouterr().err
    prepare_dvc()
    assert capsys.readouterr().err == ""


def test_a_setting_of_the_users_own_stays(unzipped: Tree) -> None:
    theirs = "[core]\n    no_scm = true\n"
    Path(".dvc/config.local").write_text(theirs, encoding="utf-8")
    prepare_dvc()
    assert Path(".dvc/config.local").read_text(encoding="utf-8") == theirs
    empty(unzipped.root)
    prepare_dvc()
    assert Path(".dvc/config.local").read_text(encoding="utf-8") == theirs


def test_settings_that_dvc_cannot_read_are_told(unzipped: Tree) -> None:
    Path(".dvc/config.local").write_text("[core\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"DVC cannot read its settings in \.dvc: .+"):
        prepare_dvc()
