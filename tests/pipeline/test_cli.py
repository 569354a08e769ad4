"""Commands, as users call them: exit codes, messages of a line or two, and whose code runs."""

import errno
import gzip
import os
import signal
from pathlib import Path

import pytest
import typer
from conftest import ROOT

from pipeline import cli
from pipeline.exit_codes import report_error
from pipeline.params.problems import ParamsError, Problem
from pipeline.signals import KilledBySignal
from saccade.core.errors import UserError

HEAVY = {"torch", "torchvision", "pydantic", "mlflow", "albumentations", "cv2", "sklearn", "dvc", "rich.progress"}

# One call of every command that reads params.yaml; `sync`, `registered` and `page` do not.
EVERY_COMMAND = {
    "check": ["check"],
    "list": ["list"],
    "fetch": ["fetch", "digits"],
    "preprocess": ["preprocess", "digits"],
    "augment": ["augment", "digits"],
    "preview": ["preview", "digits"],
    "train": ["train", "lenet5-digits"],
    "find-lr": ["find-lr", "lenet5-digits"],
    "evaluate": ["evaluate", "lenet5-digits"],
    "repeat": ["repeat", "lenet5-digits", "--seeds", "2"],
    "predict": ["predict", "lenet5-digits", "photos"],
    "explain": ["explain", "lenet5-digits", "photos"],
    "repro": ["repro"],
    "compare": ["compare"],
    "verify": ["verify", "lenet5-digits"],
    "doctor": ["doctor", "lenet5-digits"],
    "add": ["add", "mnist-lenet5"],
    "clean": ["clean"],
    "start": ["start", "photos"],
    "register": ["register", "lenet5-digits"],
    "export": ["export", "lenet5-digits"],
    "serve": ["serve", "lenet5-digits"],
    "drift": ["drift", "lenet5-digits", "photos"],
}


def names_of_commands() -> set[str]:
    return {command.name or command.callback.__name__ for command in cli.app.registered_commands}


# --- params.yaml is wrong ---------------------------------------------------------------------------------------------


def test_every_command_refuses_a_wrong_file_and_writes_nothing(tree):
    assert names_of_commands() - {"sync", "registered", "page"} == set(EVERY_COMMAND)
    tree.replace("params.yaml", "batch_size: 64", "batchsize: 64")
    before = tree.snapshot()
    commands = [*EVERY_COMMAND.values(), ["add", "--copy", "lenet5-digits", "new"]]
    results, modules = tree.run_all(*commands, cold=True)
    for command, ended in zip(commands, results, strict=True):
        assert (ended.code, ended.out) == (2, ""), (command, ended)
        assert ended.err == (
            "params.yaml has 2 problems:\n"
            "  line 23: runs.lenet5-digits.train.batch_size: missing; it is required\n"
            "  line 25: runs.lenet5-digits.train.batchsize: unknown key; did you mean 'batch_size'?\n"
        ), command
    assert tree.snapshot() == before
    assert not modules & {"torch", "mlflow", "albumentations", "dvc"}


def test_a_wrong_file_ends_the_process_with_code_2_without_a_traceback(tree):
    tree.replace("params.yaml", "seed: 0", "seed: nought")
    before = tree.snapshot()
    ended = tree.run("check")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "params.yaml has a problem:\n  line 3: seed: 'nought': must be a valid integer\n"
    assert tree.snapshot() == before


# --- names ------------------------------------------------------------------------------------------------------------


def test_unknown_names_tell_the_nearest(tree):
    before = tree.snapshot()
    results, modules = tree.run_all(
        *(["fetch", "digit"], ["preprocess", "digit"], ["augment", "digit"]),
        *(["train", "lenet-digits"], ["evaluate", "lenet-digits"], ["compare", "lenet-digits"]),
        *(["add", "mnist-lenet"], ["add", "--copy", "lstm-digit", "new"], ["train", "xyzzy"]),
        cold=True,
    )
    dataset = "error: datasets of params.yaml has no 'digit'; did you mean 'digits'?\n"
    run = "error: runs of params.yaml has no 'lenet-digits'; did you mean 'lenet5-digits'?\n"
    assert [(ended.code, ended.out, ended.err) for ended in results] == [
        *[(1, "", dataset)] * 3,
        *[(1, "", run)] * 3,
        (1, "", "error: no recipe is called 'mnist-lenet'; did you mean 'mnist-lenet5'?\n"),
        (1, "", "error: runs of params.yaml has no 'lstm-digit'; did you mean 'lstm-digits'?\n"),
        (1, "", "error: runs of params.yaml has no 'xyzzy'; known: lenet5-digits, lstm-digits\n"),
    ]
    assert tree.snapshot() == before and "torch" not in modules


def test_a_wrong_command_line_ends_with_code_2(tree):
    results, _ = tree.run_all(["trian"], ["train"], ["train", "lenet5-digits", "--epochs", "3"], [])
    assert [ended.code for ended in results] == [2, 2, 2, 2]
    assert "Did you mean 'train'?" in results[0].err
    assert "Missing argument 'RUN'" in results[1].err
    assert "--epochs" in results[2].err  # params.yaml is the one home of hyper-parameters


# --- stages, in the wrong order and with bad data: one process, for importing torch takes seconds --------------------

_SNAPSHOT = """
import hashlib, pathlib
for path in sorted(path for root in {roots} for path in pathlib.Path(root).rglob("*")):
    if not {{".git", "__pycache__"}} & set(path.parts):
        print(path, hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
"""
_EVERYTHING, _OUTS = _SNAPSHOT.format(roots=["."]), _SNAPSHOT.format(roots=["data/prepared", "reports"])
_RAW = "data/raw/digits/digits.csv.gz"
_DAMAGES = {
    "cut short": f"raw = open({_RAW!r}, 'rb').read(); open({_RAW!r}, 'wb').write(raw[:len(raw) // 2])",
    "not gzip": f"open({_RAW!r}, 'wb').write(b'<html>')",
    "ragged": f"import gzip; open({_RAW!r}, 'wb').write(gzip.compress(b'1,2,3\\n4,5\\n'))",
    "too few columns": f"import gzip; open({_RAW!r}, 'wb').write(gzip.compress(b'1,2\\n3,4\\n'))",
}
_EDIT = "text = open('params.yaml').read(); open('params.yaml', 'w').write(text.replace({old!r}, {new!r}))"


@pytest.fixture(scope="module")
def ended(make_tree):
    """How each step ended, by name."""
    steps = {
        "everything at first": ["!", _EVERYTHING],
        "preprocess before fetch": ["preprocess", "digits"],
        "augment before preprocess": ["augment", "digits"],
        "train before preprocess": ["train", "lenet5-digits"],
        "evaluate before train": ["evaluate", "lenet5-digits"],
        "everything then": ["!", _EVERYTHING],
        "fetch": ["fetch", "digits"],
        "preprocess": ["preprocess", "digits"],
        "outs": ["!", _OUTS],
        "train before augment": ["train", "lenet5-digits"],
    }
    for name, damage in _DAMAGES.items():
        steps |= {f"damage, {name}": ["!", damage], name: ["preprocess", "digits"]}
    steps |= {
        "outs after damage": ["!", _OUTS],
        "check": ["check"],
        "edit": ["!", _EDIT.format(old="rotate: [-10, 10]", new="rotate: far")],
        "check of a wrong value": ["check"],
    }
    results, _ = make_tree().run_all(*steps.values())
    return dict(zip(steps, results, strict=True))


@pytest.mark.parametrize(
    ("step", "missing", "remedy"),
    [
        ("preprocess before fetch", "data/raw/digits", "fetch digits"),
        ("augment before preprocess", "data/prepared/digits/train.npy", "preprocess digits"),
        ("train before preprocess", "data/prepared/digits/dataset.json", "preprocess digits"),
        ("train before augment", "data/augmented/digits/augment.json", "augment digits"),
        ("evaluate before train", "reports/lenet5-digits/run.json", "train lenet5-digits"),
    ],
)
def test_a_stage_before_its_data_names_the_one_to_run(step, missing, remedy, ended):
    message = f"error: {missing} does not exist. Make it with `saccade {remedy}`.\n"
    assert ended[step] == (1, "", message)


def test_a_stage_before_its_data_writes_nothing(ended):
    assert "params.yaml" in ended["everything at first"].out
    # Beside a training the follower opens its store at once: empty or not there, as far as it came before the error.
    written = set(ended["everything then"].out.splitlines()) - set(ended["everything at first"].out.splitlines())
    assert all(line.startswith("mlflow.db") for line in written), written
    assert set(ended["everything at first"].out.splitlines()) <= set(ended["everything then"].out.splitlines())


def test_a_stage_ends_with_a_line_on_what_it_made(ended):
    assert (ended["fetch"].code, ended["preprocess"].code) == (0, 0)
    assert ended["fetch"].out == "fetched digits: digits.csv.gz (0.1 MB) in data/raw/digits\n"
    assert ended["preprocess"].out.splitlines()[-1] == (  # on a busy machine, lines on how far it is come first
        "prepared digits: train 1,259, validation 269, test 269 images of 32x32x1, 10 classes "
        "(0, 1, 2, 3, 4, 5, 6, 7, ...); see reports/datasets/digits/report.html"
    )


@pytest.mark.parametrize("damage", _DAMAGES)
def test_a_damaged_raw_file_is_told_in_a_line_or_two(damage, ended):
    assert (ended[damage].code, ended[damage].out) == (1, "")
    assert ended[damage].err.startswith(f"error: {_RAW} must ") and len(ended[damage].err.splitlines()) <= 2


def test_a_damaged_raw_file_leaves_the_earlier_arrays_as_they_were(ended):
    assert "data/prepared/digits/train.npy" in ended["outs"].out and "reports/datasets/digits" in ended["outs"].out
    assert ended["outs after damage"] == ended["outs"]


def test_check_tells_values_that_only_albumentations_knows(ended):
    assert ended["check"] == (0, "params.yaml is fine: 1 dataset, 2 runs\n", "")
    wrong = ended["check of a wrong value"]
    where = (
        "params.yaml has a problem:\n  line 16: datasets.digits.augment.transforms.0.rotate: 'far': Affine refuses it"
    )
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.startswith(where) and len(wrong.err.splitlines()) == 2


def test_a_fetch_that_fails_leaves_the_earlier_bytes_as_they_were(tree):
    mirror = tree.root / "mirror"
    mirror.mkdir()
    for name in ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"):
        (mirror / name).write_bytes(gzip.compress(b"\0\0\x08\x03 not what was published"))
    tree.replace("params.yaml", "{name: digits}", f"{{name: mnist, mirror: {mirror}}}")
    earlier = tree.root / "data/raw/digits/earlier.gz"
    earlier.parent.mkdir(parents=True)
    earlier.write_bytes(b"whole")
    (ended,), _ = tree.run_all(["fetch", "digits"])
    assert (ended.code, ended.out) == (1, "") and len(ended.err.splitlines()) <= 2, ended
    assert "train-images-idx3-ubyte.gz" in ended.err and ended.err.startswith("error: ")
    assert tree.snapshot("data") == {"data/raw": None, "data/raw/digits": None, "data/raw/digits/earlier.gz": b"whole"}


# --- whose code runs, and where ---------------------------------------------------------------------------------------


def test_help_is_light(tree):
    (ended,), modules = tree.run_all(["--help"], cold=True)
    assert ended.code == 0 and names_of_commands() <= set(ended.out.split())
    assert not modules & HEAVY


def test_list_and_compare_import_neither_torch_nor_mlflow(tree):
    (listed, compared), modules = tree.run_all(["list"], ["compare"], cold=True)
    assert listed.code == compared.code == 0
    assert "lenet5-digits       lenet5 on digits: not trained yet" in listed.out and "mnist-lstm" in listed.out
    assert compared.out.count("not trained yet") == 2
    assert not modules & {"torch", "mlflow", "albumentations", "cv2", "sklearn", "dvc"}


def test_the_version_is_the_packages(tree):
    from saccade import __version__

    (ended,), modules = tree.run_all(["--version"], cold=True)
    assert ended == (0, f"saccade {__version__}\n", "") and not modules & HEAVY


def completed(command: str, parameter: str, incomplete: str) -> list[str]:
    """What Typer offers a shell for an argument or an option."""
    found = typer.main.get_command(cli.app)
    for word in command.split():
        found = found.commands[word]
    (asked,) = [one for one in found.params if one.name == parameter]
    context = found.make_context(command, [], resilient_parsing=True)
    return [item.value for item in asked.shell_complete(context, incomplete)]


@pytest.mark.parametrize(
    ("command", "parameter", "incomplete", "names"),
    [
        *((command, "dataset", "", ["digits"]) for command in ("fetch", "preprocess", "augment", "preview")),
        *((command, "run", "le", ["lenet5-digits"]) for command in ("train", "find-lr", "evaluate", "repeat")),
        *((command, "run", "ls", ["lstm-digits"]) for command in ("predict", "explain", "doctor", "describe run")),
        ("compare", "runs", "x", []),
        ("evaluate", "on", "d", ["digits"]),
        ("add", "name", "mnist-lenet", ["mnist-lenet5", "mnist-lenet5-fast"]),
        ("add", "copy", "l", ["lenet5-digits", "lstm-digits"]),
        ("describe model", "name", "resnet1", ["resnet18"]),
    ],
)
def test_a_shell_completes_names(command, parameter, incomplete, names, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert completed(command, parameter, incomplete) == names


def test_a_shell_completes_nothing_where_params_yaml_cannot_be_read(inside):
    for text in ("runs: [", "runs:\n- 1\n", "", "\x00"):
        inside.params.write_text(text)
        assert completed("train", "run", "le") == []
    inside.params.unlink()
    assert completed("train", "run", "le") == []


def test_a_shell_asks_saccade_however_it_was_called(tree):
    ended = tree.run(_SACCADE_COMPLETE="complete_bash", COMP_WORDS="saccade train le", COMP_CWORD="2")
    assert ended == (0, "lenet5-digits\n", "")


# What pip writes for [project.scripts] saccade = "pipeline.__main__:main".
_ENTRY = "import sys; sys.argv[0] = 'saccade'; from pipeline.__main__ import main; sys.exit(main())"


def test_an_installed_saccade_runs_the_code_of_the_copy_it_is_called_in(make_tree):
    installed, copy = make_tree(), make_tree()
    copy.replace("pipeline/commands/listing.py", 'say("runs (params.yaml):")', 'say("runs, as the copy says it:")')
    copy.replace("src/saccade/models/lenet5.py", '"""', '"""The copy\'s own ')
    copy.replace("params.yaml", "  lenet5-digits:", "  run-of-the-copy:")
    below = copy.root / "docs" / "deep"
    below.mkdir(parents=True)
    ended = copy.python("-c", _ENTRY, "list", cwd=below, PYTHONPATH=str(installed.root))
    assert ended.code == 0, ended.err
    for mark in ("runs, as the copy says it:", "The copy's own ", "run-of-the-copy"):
        assert mark in ended.out
    ended = copy.python("-c", _ENTRY, "train", "nope", cwd=below, PYTHONPATH=str(installed.root))
    assert (ended.code, ended.out) == (1, "") and "run-of-the-copy" in ended.err  # arguments and exit code pass through


def test_a_command_works_from_a_folder_below_and_not_outside(tree, tmp_path):
    below = tree.root / "recipes"
    ended = tree.run("add", "--copy", "lstm-digits", "second", cwd=below, PYTHONPATH=str(tree.root))
    assert (ended.code, ended.err) == (0, "")
    assert "  second:" in tree.params.read_text() and not (below / "params.yaml").exists()

    outside = tmp_path / "outside"
    outside.mkdir()
    ended = tree.run("list", cwd=outside, PYTHONPATH=str(tree.root))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        f"error: {outside} is not inside a saccade project: no folder above it holds a dvc.yaml and a pipeline/\n"
    )
    assert list(outside.iterdir()) == []


def test_a_defect_of_ours_keeps_its_traceback(tree):
    tree.replace("pipeline/commands/listing.py", 'say("runs (params.yaml):")', '{}["a defect"]')
    ended = tree.run("list")
    assert ended.code == 1
    assert "Traceback (most recent call last)" in ended.err and "KeyError: 'a defect'" in ended.err


# --- what is said of an error -----------------------------------------------------------------------------------------


@pytest.fixture
def by_hand(monkeypatch):
    monkeypatch.delenv("DVC_STAGE", raising=False)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserError("lr (-1) must be positive"), 1, "error: lr (-1) must be positive\n"),
        (
            ParamsError(Path("params.yaml"), [Problem(("seed",), "missing; it is required", 3)]),
            2,
            "params.yaml has a problem:\n  line 3: seed: missing; it is required\n",
        ),
        (KeyboardInterrupt(), 130, "stopped; the same command resumes where it stopped\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "data/raw/mnist"),
            1,
            "error: the disk is full (data/raw/mnist); free some space and run the command again\n",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            1,
            "error: the disk is full (while writing); free some space and run the command again\n",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "models"), 1, "error: Permission denied: models\n"),
        (OSError(errno.EROFS, "Read-only file system", "models"), 1, "error: Read-only file system: models\n"),
    ],
)
def test_an_error_of_a_user_or_of_the_machine_is_told_in_a_line(error, code, message, by_hand, capsys):
    assert report_error(error, "train") == code
    assert capsys.readouterr() == ("", message)


@pytest.mark.parametrize(
    ("command", "what_next"),
    [
        *((command, "resumes where it stopped") for command in ("fetch", "train", "repeat", "repro", "sync")),
        *(
            (command, "starts over")
            for command in ("preprocess", "augment", "evaluate", "predict", "explain", "describe")
        ),
    ],
)
def test_a_stopped_command_says_whether_what_it_did_is_kept(command, what_next, by_hand, capsys):
    assert report_error(KilledBySignal(signal.SIGTERM), command) == 143
    assert capsys.readouterr() == ("", f"stopped by SIGTERM; the same command {what_next}\n")


@pytest.mark.parametrize(
    "error", [ValueError("x"), KeyError("x"), OSError(errno.EIO, os.strerror(errno.EIO)), OSError("x")]
)
def test_anything_else_is_raised_again(error, by_hand, capsys):
    with pytest.raises(type(error)) as caught:
        report_error(error, "train")
    assert caught.value is error and capsys.readouterr() == ("", "")


def test_under_dvc_the_way_back_is_named(monkeypatch, capsys):
    monkeypatch.setenv("DVC_STAGE", "train@lenet5-digits")
    report_error(UserError("x"), "train")
    report_error(OSError(errno.ENOSPC, "No space left on device"), "train")
    report_error(ParamsError(Path("params.yaml"), []), "train")
    report_error(KeyboardInterrupt(), "train")
    assert capsys.readouterr().err.count("`dvc checkout` restores it") == 4
