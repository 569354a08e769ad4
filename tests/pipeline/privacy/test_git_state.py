"""What a run keeps of the tree it was made in: its own code, and nothing of whatever else lies there."""

import contextlib
import os
import socket
import subprocess
from pathlib import Path

import pytest

from pipeline.privacy import git_state as module
from pipeline.privacy.git_state import git_state
from pipeline.runs import provenance

ITEM = {"item.model.name": "lenet5", "item.dataset": "digits"}
PIPELINE = """
stages:
  preprocess:
    foreach: ${datasets}
    do:
      cmd: x
      outs: [{"data/prepared/${key}": {cache: true}}]
  train:
    foreach: ${runs}
    do:
      cmd: x
      deps: [code/train, "code/models/${item.model.name}.py", "data/prepared/${item.dataset}", single.py, table.csv]
      plots: [{"reports/${key}/history.csv": {x: epoch}}]
  evaluate:
    cmd: x
    deps: [code/evaluate]
"""


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.delenv("DVC_ROOT", raising=False)
    root = tmp_path / "tree"
    write(root, {"params.yaml": "a: 1\n", "dvc.lock": "a: 1\n", "dvc.yaml": PIPELINE, "code/train/loop.py": "x = 1\n"})
    write(root, {"code/models/lenet5.py": "x = 1\n", "code/models/vgg.py": "x = 1\n", "notes.ipynb": "{}\n"})
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "first")
    monkeypatch.chdir(root)
    return root


def head(repository) -> str:
    return subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True).stdout.strip()


def tags(state):
    return provenance.tags({}, state)


def test_a_clean_tree_has_a_commit_and_no_difference(repository):
    state = git_state("train", ITEM)
    assert (state.commit, state.is_dirty, state.diff) == (head(repository), False, "")
    assert tags(state)["saccade.git_dirty"] == "false" and tags(state)["saccade.git_diff"] == "none"


def test_dvc_s_own_rewriting_of_its_lock_makes_no_tree_dirty(repository):
    write(repository, {"dvc.lock": "a: 2\n"})
    state = git_state("train", ITEM)
    assert (state.is_dirty, state.diff, state.other_changes) == (False, "", 0)


def test_changes_of_the_run_s_code_and_settings_are_kept(repository):
    write(repository, {"params.yaml": "a: 2\n", "dvc.lock": "a: 2\n", "code/train/loop.py": "x = 2\n"})
    write(repository, {"code/models/lenet5.py": "x = 3\n"})
    git(repository, "add", "params.yaml")  # staged or not is no matter
    state = git_state("train", ITEM)
    assert all(line in state.diff for line in ("-a: 1\n+a: 2\n", "-x = 1\n+x = 2\n", "-x = 1\n+x = 3\n"))
    assert "dvc.lock" not in state.diff and (state.changed_files, state.other_changes) == (3, 0)
    assert tags(state)["saccade.git_dirty"] == "true" and tags(state)["saccade.git_diff"] == "3 files"
    assert tags(state)["mlflow.source.git.commit"] == head(repository)


def test_new_code_in_a_listed_folder_is_kept(repository):
    write(repository, {"code/train/deep/er.py": "x = 1\ny = 2\n", "single.py": "z = 3"})
    diff = git_state("train", ITEM).diff
    assert "+++ b/code/train/deep/er.py\n@@ -0,0 +1,2 @@\n+x = 1\n+y = 2\n" in diff
    assert "+++ b/single.py\n@@ -0,0 +1,1 @@\n+z = 3\n" in diff


def test_of_everything_else_only_the_number_is_told(repository):
    write(repository, {"notes.ipynb": "PRIVATE\n", "code/models/vgg.py": "PRIVATE = 1\n", ".env": "PRIVATE=1\n"})
    write(repository, {"code/train/customers.txt": "PRIVATE\n", "code/evaluate/x.py": "PRIVATE = 1\n"})
    write(repository, {"table.csv": "PRIVATE\n", "data/prepared/digits/x.py": "PRIVATE = 1\n"})
    state = git_state("train", ITEM)
    assert state.diff == "" and state.is_dirty and state.changed_files == 0
    assert tags(state)["saccade.git_dirty"] == "true" and tags(state)["saccade.git_other_changes"] == "7"
    assert "PRIVATE" not in repr(state) and "customers" not in repr(state)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (f'KEY = "{"AKIA"}IOSFODNN7EXAMPLE"', "AWS Access Key"),
        (f'password = "{"hunter"}22"', "Secret Keyword"),
        (f'u = "https://ann:{"hunter"}22@host/a"', "user name or password"),
        (f'hub = "{"hf_" + "aB1" * 12}"', "Hugging Face token"),
    ],
)
def test_a_file_with_a_line_that_looks_like_a_secret_is_kept_out_whole(repository, line, kind):
    write(repository, {"code/train/loop.py": f"x = 2\ny = 3\n{line}\n", "single.py": "z = 3\n"})
    state = git_state("train", ITEM)
    assert "y = 3" not in state.diff and "z = 3" in state.diff and state.kept_out == 1
    assert len(state.warnings) == 1 and state.warnings[0].startswith("code/train/loop.py: line 3 (")
    assert kind in state.warnings[0] and line not in state.warnings[0]
    assert tags(state)["saccade.git_dirty"] == "true" and tags(state)["saccade.git_kept_out"] == "1"


def test_a_removed_secret_and_lines_of_a_private_key_are_kept_out_too(repository):
    key = "\n".join(["# -----BEGIN RSA PRIVATE KEY-----", *("# MIIEpAIBAAKCAQ" for _ in range(20)), ""])
    write(repository, {"code/train/loop.py": f'x = 1\npassword = "{"hunter"}22"\n', "code/models/lenet5.py": key})
    git(repository, "commit", "-am", "a secret")
    write(repository, {"code/train/loop.py": "x = 1\n", "code/models/lenet5.py": key + "# MIIEpAIBAAKCAQ\n"})
    state = git_state("train", ITEM)
    assert state.diff == "" and state.kept_out == 2
    assert "line 2, removed (Secret Keyword)" in "".join(state.warnings) and "a private key" in "".join(state.warnings)


def test_a_line_that_says_it_is_harmless_is_kept(repository):
    write(repository, {"single.py": f'password = "{"hunter"}22"  # pragma: allowlist secret\n'})
    state = git_state("train", ITEM)
    assert "hunter22" in state.diff and not state.warnings


def test_a_huge_difference_is_not_kept_and_told(repository, monkeypatch):
    monkeypatch.setattr(module, "_MAX_DIFF_BYTES", 100)
    write(repository, {"code/train/loop.py": "x = 1\n" * 50})
    state = git_state("train", ITEM)
    assert state.diff == "" and state.is_dirty and "commit them" in state.warnings[0]


def test_odd_things_in_a_tree_are_counted_and_never_opened(repository):
    write(repository, {"code/train/loop.py": "x = 2\n"})
    outside = repository.parent / "big"
    write(outside, {"private.py": "PRIVATE = 1\n"})
    for place in ("photos", "code/train/linked"):
        (repository / place).symlink_to(outside)
    (repository / "code/train/file.py").symlink_to(outside / "private.py")
    (repository / "code/train/dangling.py").symlink_to("nowhere.py")
    (repository / "code/train/loop_of_links.py").symlink_to("loop_of_links.py")
    os.mkfifo(repository / "code/train/pipe.py")
    with socket.socket(socket.AF_UNIX) as listening:
        with contextlib.chdir(repository / "code/train"):  # a socket's path has 107 characters
            listening.bind("socket.py")
        write(repository, {"code/train/un\nreadable.py": "x = 1\n"})
        (repository / "code/train/un\nreadable.py").chmod(0)
        Path(os.fsdecode(os.fsencode(repository) + b"/code/train/n\xff.py")).write_text("y = 5\n")
        nested = repository / "code/train/nested"
        write(nested, {"inner.py": "PRIVATE = 1\n"})
        git(nested, "init")
        git(nested, "add", ".")
        git(nested, "commit", "-m", "inner")
        state = git_state("train", ITEM)
    assert state.commit == head(repository) and state.is_dirty and "+x = 2" in state.diff
    assert "PRIVATE" not in state.diff and str(outside) not in state.diff
    assert "new file code/train/dangling.py (no plain file)" in state.diff and "un\\x0areadable.py" in state.diff
    assert "+++ b/code/train/n\\xff.py\n@@ -0,0 +1,1 @@\n+y = 5" in state.diff
    state.diff.encode()  # it is UTF-8, whatever the names are
    assert not [line for line in state.warnings if "commit" in line]


def test_a_submodule_a_worktree_a_shallow_and_a_sparse_clone(repository, monkeypatch):
    inner = repository.parent / "inner"
    write(inner, {"inner.py": "PRIVATE = 1\n"})
    git(inner, "init")
    git(inner, "add", ".")
    git(inner, "commit", "-m", "inner")
    git(repository, "submodule", "add", str(inner), "code/train/sub")
    git(repository, "commit", "-m", "a submodule")
    assert git_state("train", ITEM).is_dirty is False
    write(repository, {"code/train/sub/inner.py": "PRIVATE = 2\n"})
    state = git_state("train", ITEM)
    assert state.is_dirty and "PRIVATE" not in state.diff and state.other_changes == 1
    git(repository, "worktree", "add", "../worktree")
    git(repository.parent, "clone", "--depth=1", f"file://{repository}", "shallow")
    git(repository.parent, "clone", "--sparse", str(repository), "sparse")
    for place in ("worktree", "shallow", "sparse"):
        monkeypatch.chdir(repository.parent / place)
        state = git_state("train", ITEM)
        assert (state.commit, state.is_dirty, state.diff) == (head(repository), False, ""), place
        write(Path(), {"params.yaml": "a: 3\n"})
        assert "+a: 3" in git_state("train", ITEM).diff, place


def test_a_project_below_the_repository_s_root_sees_itself_alone(repository, monkeypatch):
    write(repository, {"sub/params.yaml": "a: 1\n", "sub/dvc.yaml": PIPELINE, "sub/single.py": "x = 1\n"})
    git(repository, "add", ".")
    git(repository, "commit", "-m", "a project below")
    write(repository, {"sub/single.py": "x = 2\n", "sub/other.txt": "1\n", "above.txt": "1\n", "sub/dvc.lock": "1\n"})
    monkeypatch.chdir(repository / "sub")
    state = git_state("train", ITEM)
    assert "+++ b/single.py" in state.diff and "+x = 2" in state.diff and state.other_changes == 1


def test_what_a_user_has_set_of_git_changes_nothing(repository, monkeypatch, tmp_path):
    settings = tmp_path / "gitconfig"
    settings.write_text(
        "[color]\n ui = always\n[diff]\n noprefix = true\n external = /bin/false\n renames = copies\n"
        "[status]\n showUntrackedFiles = no\n relativePaths = true\n[core]\n quotePath = false\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    write(repository, {"single.py": "x = 2\n", "params.yaml": "a: 2\n", "new.txt": "1\n"})
    state = git_state("train", ITEM)
    assert "+++ b/params.yaml\n" in state.diff and state.changed_files == 2 and state.other_changes == 1


def test_an_index_lock_that_was_left_behind_is_no_matter(repository):
    write(repository, {"params.yaml": "a: 2\n", ".git/index.lock": ""})
    assert "+a: 2" in git_state("train", ITEM).diff


def test_many_new_files_cost_little(repository):
    """A new folder is one entry, so their number hardly matters."""
    (repository / "photos").mkdir()
    for number in range(2_000):
        (repository / "photos" / f"{number}.jpg").touch()
    assert git_state("train", ITEM).other_changes == 1


def test_an_unmerged_file_loses_nothing(repository):
    git(repository, "checkout", "-q", "-b", "other")
    write(repository, {"params.yaml": "a: 5\n", "code/train/loop.py": "x = 5\n"})
    git(repository, "commit", "-am", "other")
    git(repository, "checkout", "-q", "-")
    write(repository, {"params.yaml": "a: 6\n"})
    git(repository, "commit", "-am", "ours")
    with pytest.raises(subprocess.CalledProcessError):
        git(repository, "merge", "other")
    state = git_state("train", ITEM)
    assert state.commit == head(repository) and state.is_dirty and "+x = 5" in state.diff


def test_outside_a_repository_and_before_the_first_commit_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert git_state().commit is None and not git_state().warnings
    git(tmp_path, "init")
    assert git_state().commit is None and not git_state().warnings


def test_without_git_there_is_no_commit(repository, monkeypatch):
    monkeypatch.setenv("PATH", str(repository))
    assert git_state().commit is None and not git_state().warnings


def test_a_tree_of_somebody_else_is_told_with_the_remedy(repository, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own switch for its tests
    state = git_state("train", ITEM)
    assert state.commit is None and "git config --global --add safe.directory" in state.warnings[0]


def test_where_git_cannot_tell_the_difference_the_commit_stays(repository, monkeypatch):
    monkeypatch.setattr(module, "_changed_entries", lambda: module._git("no-such-command"))
    monkeypatch.setattr(module, "_changed_sections", lambda patterns: module._git("no-such-command"))
    state = git_state("train", ITEM)
    assert state.commit == head(repository) and state.is_dirty is None and len(state.warnings) == 2
    assert tags(state)["saccade.git_dirty"] == "unknown"
