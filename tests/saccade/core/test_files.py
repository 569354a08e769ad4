"""Outputs that take their place whole, whatever happens while they are written."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from saccade.core.files import remove_leftovers, replacing_file, replacing_folder, sha256_of_file, write_json

DEAD = 2**30  # above every pid that Linux gives
ALIVE = os.getppid()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make_folder(folder: Path, content: str) -> Path:
    folder.mkdir()
    (folder / "values.txt").write_text(content)
    return folder


def test_a_file_takes_its_place_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "made" / "out.txt"
    for content in ("first", "second"):
        before = target.read_text() if target.exists() else None
        with replacing_file(target) as partial:
            assert partial.parent == target.parent  # the same file system: the rename is atomic
            partial.write_text(content)
            assert (target.read_text() if target.exists() else None) == before
            inode = partial.stat().st_ino
        assert target.read_text() == content
        assert target.stat().st_ino == inode  # moved and not copied: a reader sees the one or the other
        assert names(target.parent) == ["out.txt"]


def test_an_exception_leaves_the_earlier_file(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    target.write_text("earlier")
    with pytest.raises(KeyError, match="stop"), replacing_file(target) as partial:
        partial.write_text("half")
        raise KeyError("stop")
    assert target.read_text() == "earlier"
    assert names(tmp_path) == ["out.txt"]


def test_a_block_that_writes_nothing_is_an_error_and_leaves_the_earlier_file(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    target.write_text("earlier")
    with pytest.raises(FileNotFoundError, match=r"out\.txt\.partial"), replacing_file(target):
        pass
    assert target.read_text() == "earlier"


def test_a_folder_takes_its_place_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "made" / "out"
    for content in ("first", "second"):
        with replacing_folder(target) as partial:
            assert names(partial) == []
            (partial / f"{content}.txt").write_text(content)
            assert not (target / f"{content}.txt").exists()
        assert names(target) == [f"{content}.txt"]  # nothing of the earlier one is mixed in
        assert names(target.parent) == ["out"]


def test_an_exception_leaves_the_earlier_folder(tmp_path: Path) -> None:
    target = make_folder(tmp_path / "out", "earlier")
    with pytest.raises(KeyError, match="stop"), replacing_folder(target) as partial:
        (partial / "values.txt").write_text("half")
        raise KeyError("stop")
    assert (target / "values.txt").read_text() == "earlier"
    assert names(tmp_path) == ["out"]


def test_an_exception_before_there_was_a_folder_leaves_none(tmp_path: Path) -> None:
    with pytest.raises(KeyError), replacing_folder(tmp_path / "out") as partial:
        (partial / "values.txt").write_text("half")
        raise KeyError("stop")
    assert names(tmp_path) == []


def test_a_swap_that_fails_half_way_puts_the_earlier_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = make_folder(tmp_path / "out", "earlier")
    rename = Path.rename

    def refuse_the_second(path: Path, to: Path) -> Path:
        if ".partial-" in path.name:
            raise PermissionError("refused")
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", refuse_the_second)
    with pytest.raises(PermissionError, match="refused"), replacing_folder(target) as partial:
        (partial / "values.txt").write_text("new")
    assert (target / "values.txt").read_text() == "earlier"
    assert names(tmp_path) == ["out"]


def test_leftovers_of_dead_processes_are_removed_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    (tmp_path / f".out.partial-{DEAD}").write_text("a file")
    make_folder(tmp_path / f".out.partial-{DEAD + 1}", "a folder")
    make_folder(tmp_path / f".out.partial-{ALIVE}", "being written")
    others = [f".out.txt.partial-{DEAD}", f".about.partial-{DEAD}", ".out.partial-", f".out.partial-{DEAD}.txt"]
    for name in others:
        (tmp_path / name).write_text("not an output called out")
    remove_leftovers(tmp_path / "out")
    assert names(tmp_path) == sorted([f".out.partial-{ALIVE}", *others])


def test_what_is_left_under_our_own_process_id_is_from_a_dead_process_too(tmp_path: Path) -> None:
    """In a container every start may get the same process id."""
    target = tmp_path / "out"
    make_folder(tmp_path / f".out.replaced-{os.getpid()}", "earlier")
    make_folder(tmp_path / f".out.partial-{os.getpid()}", "half")
    with replacing_folder(target) as partial:
        assert (target / "values.txt").read_text() == "earlier"
        assert names(partial) == []
        (partial / "values.txt").write_text("new")
    assert (target / "values.txt").read_text() == "new"
    assert names(tmp_path) == ["out"]


def test_a_folder_lost_between_the_two_renames_is_put_back(tmp_path: Path) -> None:
    make_folder(tmp_path / f".out.replaced-{DEAD}", "earlier")
    make_folder(tmp_path / f".out.partial-{DEAD}", "new")
    remove_leftovers(tmp_path / "out")
    assert (tmp_path / "out" / "values.txt").read_text() == "earlier"
    assert names(tmp_path) == ["out"]


def test_a_replaced_folder_goes_when_the_new_one_is_there(tmp_path: Path) -> None:
    make_folder(tmp_path / "out", "new")
    make_folder(tmp_path / f".out.replaced-{DEAD}", "earlier")
    remove_leftovers(tmp_path / "out")
    assert (tmp_path / "out" / "values.txt").read_text() == "new"
    assert names(tmp_path) == ["out"]


def test_leftovers_are_found_whatever_the_name_means_in_a_pattern(tmp_path: Path) -> None:
    (tmp_path / f".run[1].partial-{DEAD}").write_text("half")
    (tmp_path / f".run1.partial-{DEAD}").write_text("of another output")
    remove_leftovers(tmp_path / "run[1]")
    assert names(tmp_path) == [f".run1.partial-{DEAD}"]


def test_leftovers_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    remove_leftovers(tmp_path / "no" / "out")
    assert names(tmp_path) == []


def test_a_process_killed_while_writing_leaves_the_earlier_folder(tmp_path: Path) -> None:
    target = make_folder(tmp_path / "out", "earlier")
    code = (
        "import sys, time; from pathlib import Path; from saccade.core.files import replacing_folder\n"
        "with replacing_folder(Path(sys.argv[1])) as partial:\n"
        "    (partial / 'values.txt').write_text('half'); print('written', flush=True); time.sleep(60)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None and process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    assert (target / "values.txt").read_text() == "earlier"
    assert len(names(tmp_path)) == 2
    remove_leftovers(target)
    assert names(tmp_path) == ["out"]


def test_json_is_indented_ends_with_a_newline_and_reads_as_utf_8(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": [1, 0.5], "c": None})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == ('{\n  "b": [\n    1,\n    0.5\n  ],\n  "c": null\n}\n')


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_json_refuses_what_is_not_json_and_leaves_the_earlier_file(tmp_path: Path, value: float) -> None:
    write_json(tmp_path / "a.json", {"loss": 1.0})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"loss": value})
    assert '"loss": 1.0' in (tmp_path / "a.json").read_text()
    assert names(tmp_path) == ["a.json"]


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 3001  # more than one block of reading
    (tmp_path / "a").write_bytes(content)
    assert sha256_of_file(tmp_path / "a") == hashlib.sha256(content).hexdigest()
