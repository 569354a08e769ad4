"""Users without a name, homes that are missing, trees of somebody else, clocks that jump back, names on other disks."""

import errno
import getpass
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, Tree
from params_helpers import GOOD

from pipeline import paths
from pipeline.commands.repro import _refuse_read_only
from pipeline.exit_codes import report_error
from pipeline.params import names_on_disk
from pipeline.params.load import load_params
from pipeline.params.names_on_disk import ignores_case, names_that_are_one_folder
from pipeline.params.problems import ParamsError
from pipeline.runs.journal import Journal
from pipeline.stages.local_sources import changes, look_at, remember
from pipeline.surroundings import complete_environment
from saccade.core.errors import UserError

NOBODY = 54321  # a user id that no machine has an entry for


def test_a_user_id_without_an_entry_and_without_a_home_gets_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: NOBODY)
    complete_environment(tmp_path)
    assert os.environ["USER"] == getpass.getuser() == str(NOBODY)
    assert Path.home() == tmp_path / ".saccade" / "home" and not Path.home().exists()
    monkeypatch.undo()


def test_a_name_and_a_home_that_are_known_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "somebody")
    monkeypatch.setenv("LOGNAME", "somebody")
    monkeypatch.setenv("HOME", "/somewhere")
    complete_environment(tmp_path)
    assert (os.environ["USER"], os.environ["HOME"]) == ("somebody", "/somewhere")


def test_dvc_starts_for_such_a_user(tree: Tree) -> None:
    """It asks for the user's name when it opens its store of states."""
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv, to become a user without an entry")
    shutil.copytree(ROOT / ".dvc", tree.root / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp", "config.local"))
    for path in (tree.root, *tree.root.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    # It may read what is root's: the Python of the tests may lie in root's home.
    capability = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    become = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", *capability]
    code = (
        "from pathlib import Path; from pipeline import surroundings; surroundings.complete_environment(Path());"
        "from dvc.repo import Repo; print(Repo().site_cache_dir)"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*become, sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=tree.root, env=environment, capture_output=True, text=True)
    if "setpriv" in ended.stderr:
        pytest.skip(f"setpriv cannot: {ended.stderr.strip()}")
    assert ended.returncode == 0, ended.stderr


def test_what_is_another_users_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_STAGE", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    error = PermissionError(errno.EACCES, "Permission denied", "weights.safetensors")  # rmtree names no folder
    assert report_error(error, "train") == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: Permission denied: weights.safetensors; {tmp_path} belongs to ")
    assert said.endswith(f"runs as user {NOBODY}: two users need two copies of the project (git clone)\n")


def test_shared_memory_that_is_missing_is_named_where_the_error_names_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if sys.platform != "linux":
        pytest.skip("semaphores lie elsewhere")
    monkeypatch.delenv("DVC_STAGE", raising=False)
    monkeypatch.setattr(os, "access", lambda place, mode: place != "/dev/shm")
    assert report_error(OSError(errno.EROFS, "Read-only file system"), "augment") == 1
    assert capsys.readouterr().err == (
        "error: Read-only file system; /dev/shm must be writable, for processes share memory there\n"
    )


def test_a_read_only_project_is_refused_before_dvc_calls_it_unexpected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    _refuse_read_only()
    monkeypatch.setattr(os, "access", lambda place, mode: Path(place).name != ".dvc")
    with pytest.raises(PermissionError) as caught:
        _refuse_read_only()
    assert caught.value.filename == str(tmp_path / ".dvc")


def test_a_journal_whose_clock_jumps_back_is_read_in_its_own_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(10**18, 0, -(10**17)))
    monkeypatch.setattr(time, "time_ns", lambda: next(now))
    journal = Journal(tmp_path / "run")
    about = {"run": "r", "experiment": "e", "identity": "i", "params": {}, "tags": {}, "datasets": [], "texts": {}}
    journal.start(run_uid="u", folder_name=None, **about)
    journal.epoch(1, {"loss": 2.0}, [])
    journal.epoch(2, {"loss": 1.0}, [])
    journal.end("FINISHED")
    assert (journal.state().status, list(journal.state().epochs)) == ("FINISHED", [1, 2])


@pytest.mark.parametrize("name", ["mon projet é", "two\nlines", "tab\t'quoted' \"$HOME\"", "日本"])
def test_a_project_lies_under_any_utf8_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = as_project(tmp_path / name) / "src"
    below.mkdir()
    monkeypatch.chdir(below)
    paths.enter_tree()
    assert Path.cwd() == tmp_path / name


def test_a_path_that_is_no_utf8_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    try:
        as_project(place)
    except OSError as error:
        pytest.skip(f"this disk takes no such names ({error})")
    monkeypatch.chdir(place)
    with pytest.raises(UserError, match=r"caf\\xe9'\) must be UTF-8: DVC and MLflow can name no other"):
        paths.enter_tree()


def test_a_current_folder_that_was_deleted_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(UserError, match="the current folder was deleted"):
        paths.enter_tree()
    monkeypatch.chdir(tmp_path)


def as_project(folder: Path) -> Path:
    (folder / "pipeline").mkdir(parents=True)
    (folder / "pipeline" / "__main__.py").touch()
    (folder / "dvc.yaml").touch()
    return folder


def odd(name: str) -> Callable[[Path], None]:
    """Put something odd into a folder."""

    def put(folder: Path) -> None:
        place = folder / name
        match name:
            case "link to a folder":
                place.symlink_to(folder.parent, target_is_directory=True)
            case "dangling link":
                place.symlink_to("nowhere")
            case "loop":
                place.symlink_to("loop")
            case "pipe":
                os.mkfifo(place)
            case "nested repository":
                subprocess.run(["git", "init", "--quiet", str(place)], check=True)
            case "unreadable":
                place.mkdir()
                place.chmod(0)
            case _:
                place.touch()

    return put


ODD = [
    "link to a folder",
    "dangling link",
    "loop",
    "pipe",
    "nested repository",
    "unreadable",
    "two\nlines",
    "caf\udce9",
]


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_a_folder_of_ones_own_may_hold_odd_things(name: str, inside: Tree, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    (folder / "cat").mkdir(parents=True)
    (folder / "cat" / "1.jpg").write_bytes(b"1")
    odd(name)(folder)
    remember("own", look_at({"path": str(folder)}))
    paths.raw("own").mkdir(parents=True)
    assert list(changes({"own": {"path": str(folder)}})) == []
    (folder / "cat" / "1.jpg").write_bytes(b"22")
    assert len(list(changes({"own": {"path": str(folder)}}))) == 1
    (folder / "unreadable").chmod(0o700) if name == "unreadable" else None


def test_names_that_differ_in_capitals_are_refused_where_they_are_one_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "params.yaml"
    assert "\n  rnn:" in GOOD
    file.write_text(GOOD.replace("\n  rnn:", "\n  CNN:", 1), encoding="utf-8")
    if not ignores_case(file):
        load_params(file)
    monkeypatch.setattr(names_on_disk, "ignores_case", lambda file: True)
    with pytest.raises(ParamsError, match=r"runs\.CNN: the name 'CNN' must differ from 'cnn' in more than capitals"):
        load_params(file)
    assert [problem.path for problem in names_that_are_one_folder({"runs": {"Datasets": {}}}, file)] == [
        ("runs", "Datasets")
    ]


def test_a_disk_that_takes_capitals_for_small_letters_is_known(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    assert ignores_case(tmp_path / "a.txt") == (tmp_path / "A.TXT").exists()
    (tmp_path / "A.TXT").unlink(missing_ok=True)
    (tmp_path / "a.txt").touch()
    os.link(tmp_path / "a.txt", tmp_path / "A.TXT")  # one file under both names, as such a disk shows it
    assert ignores_case(tmp_path / "a.txt")
