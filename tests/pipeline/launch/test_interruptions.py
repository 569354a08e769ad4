"""A training that is stopped, by a kill, by Ctrl-C, by the death of one of its processes, and gone on with."""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import Tree
from tracking_helpers import everything
from warm_python import Started

from pipeline.signals import KilledBySignal, StopRequest

pytestmark = [pytest.mark.pipeline, pytest.mark.timeout(900)]
RUN = "lenet5-digits"
TRAIN = """      epochs: 24
      batch_size: 64
      optimizer: {name: adam, lr: 0.004}
      schedule: {name: one_cycle}
    evaluate"""
SHORT = """      epochs: 6
      batch_size: 16
      optimizer: {name: adam, lr: 0.004}
      schedule: {name: one_cycle}
      ema_decay: 0.9
      checkpoint_every_s: 0.05
      threads: 1
    evaluate"""


@dataclass(frozen=True)
class Result:
    """What an uninterrupted training gave."""

    weights_sha256: str
    history: str


@pytest.fixture(scope="module")
def prepared(make_tree: Callable[..., Tree]) -> Tree:
    """A tree with small data, on which nothing is trained."""
    tree = make_tree()
    tree.replace("params.yaml", TRAIN, SHORT)
    tree.replace("params.yaml", "{name: lenet5}", "{name: lenet5, dropout: 0.2, normalisation: batch}")
    tree.replace("params.yaml", "validation: 0.15}", "validation: 0.15, train_fraction: 0.5}")
    tree.replace("params.yaml", "views: 8", "views: 2")
    for stage in ("fetch", "preprocess", "augment"):
        assert tree.run(stage, "digits").code == 0
    return tree


@pytest.fixture(scope="module")
def uninterrupted(prepared: Tree, tmp_path_factory: pytest.TempPathFactory) -> Result:
    tree = copy_of(prepared, tmp_path_factory.mktemp("uninterrupted"))
    ended = tree.run("train", RUN)
    assert ended.code == 0, ended.err
    return Result(weights_of(tree), history_of(tree))


@pytest.fixture(scope="module")
def took_s(prepared: Tree, tmp_path_factory: pytest.TempPathFactory) -> float:
    """Seconds of a training that nobody stops, from the first import on; the shorter of two."""
    both = []
    for name in ("first", "second"):
        process = start(copy_of(prepared, tmp_path_factory.mktemp(name)))
        begun_at = time.monotonic()
        process.communicate()
        assert process.returncode == 0
        both.append(time.monotonic() - begun_at)
    return min(both)


def copy_of(tree: Tree, parent: Path) -> Tree:
    shutil.copytree(tree.root, parent / "tree", symlinks=True)
    return Tree(parent / "tree")


@pytest.fixture
def fresh(prepared: Tree, tmp_path: Path) -> Tree:
    return copy_of(prepared, tmp_path)


_started: list[Started] = []


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    """A test that fails must not leave a training behind."""
    yield
    for process in _started:
        if process.poll() is None:
            for pid in [*ranks_of(process), process.pid]:
                os.kill(pid, signal.SIGKILL)
            process.communicate()
    _started.clear()


def start(tree: Tree, *arguments: str) -> Started:
    """``python -m pipeline train``, in a session of its own, as a terminal would."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_", "PYTHON"))}
    command = ["-m", "pipeline", "train", RUN, *arguments]
    _started.append(Started(command, cwd=tree.root, env=clean | {"OMP_NUM_THREADS": "1"}))
    return _started[-1]


def weights_of(tree: Tree) -> str:
    trained = json.loads((tree.root / "reports" / RUN / "run.json").read_text(encoding="utf-8"))
    return trained["weights_sha256"]


def history_of(tree: Tree) -> str:
    return (tree.root / "reports" / RUN / "history.csv").read_text(encoding="utf-8")


def events(tree: Tree) -> list[dict]:
    journals = list((tree.root / ".saccade" / "runs").glob("*/journal.jsonl"))
    lines = journals[0].read_text(encoding="utf-8").split("\n")[:-1] if journals else []
    return [json.loads(line) for line in lines]


def wait_for(tree: Tree, process: Started, is_there: Callable[[], object]) -> None:
    while not is_there():
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


def checkpoints(tree: Tree) -> list[Path]:
    return sorted((tree.root / ".saccade" / "runs").glob("*/checkpoints/*.safetensors"))


def assert_whole(tree: Tree, uninterrupted: Result) -> None:
    """The result is the uninterrupted one to the last bit, and MLflow holds one run with each epoch once."""
    assert weights_of(tree) == uninterrupted.weights_sha256
    assert history_of(tree) == uninterrupted.history
    assert [row["epoch"] for row in csv.DictReader(history_of(tree).splitlines())] == list("123456")
    there = everything(f"sqlite:///{tree.root / 'mlflow.db'}")
    assert (there["runs"], there["status"]) == (1, "FINISHED")
    for key in ("train_loss", "validation_loss", "training/learning_rate"):
        assert [step for step, _, _ in there["metrics"][key]] == [1, 2, 3, 4, 5, 6]
    assert not checkpoints(tree)  # nobody goes on from there any more


MOMENTS: dict[str, Callable[[Tree], object]] = {
    "in mid-epoch": lambda tree: checkpoints(tree),
    "after an epoch": lambda tree: [event for event in events(tree) if event["event"] == "epoch"],
    "while it publishes": lambda tree: [event for event in events(tree) if event["event"] == "bundle"],
}


@pytest.mark.parametrize(
    "moment", ["in mid-epoch", pytest.param("after an epoch", marks=pytest.mark.slow), "while it publishes"]
)
def test_a_killed_training_goes_on_to_the_same_weights(fresh: Tree, uninterrupted: Result, moment: str) -> None:
    process = start(fresh)
    wait_for(fresh, process, lambda: MOMENTS[moment](fresh))
    process.kill()
    assert process.wait(280) == -signal.SIGKILL
    assert not (fresh.root / "reports" / RUN / "run.json").exists()
    ended = fresh.run("train", RUN)
    assert ended.code == 0, ended.err
    assert "going on after epoch" in ended.out
    assert_whole(fresh, uninterrupted)


@pytest.mark.slow
def test_a_training_killed_at_any_of_twenty_moments_goes_on_to_the_same_weights(
    prepared: Tree, uninterrupted: Result, took_s: float, tmp_path: Path
) -> None:
    """One moment drawn from each twentieth of the run, from the first import to the last byte."""
    draw = random.Random(0)
    for part in range(20):
        after_s = took_s * (part + draw.random()) / 20
        tree = copy_of(prepared, tmp_path / str(part))
        process = start(tree)
        time.sleep(after_s)
        process.kill()
        process.communicate()
        kinds = [event["event"] for event in events(tree)]
        stood = f"{len(checkpoints(tree))} checkpoints, {kinds.count('epoch')} epochs, last event {kinds[-1:]}"
        ended = tree.run("train", RUN)
        assert ended.code == 0, ended.err
        print(f"killed after {after_s:5.2f} s ({stood}): {weights_of(tree)[:16]}")
        assert_whole(tree, uninterrupted)


@pytest.mark.slow
def test_a_training_killed_again_and_again_ends_in_the_same_weights(
    fresh: Tree, uninterrupted: Result, took_s: float
) -> None:
    draw, kills = random.Random(1), 0
    for attempt in range(60):  # a little longer each time, or a slow machine would never get on
        process = start(fresh)
        time.sleep(took_s * (0.3 + 0.02 * attempt + 0.1 * draw.random()))
        if process.poll() is not None:
            break
        process.kill()
        process.communicate()
        kills += 1
    print(f"{kills} kills")
    assert kills >= 2 and fresh.run("train", RUN).code == 0  # finished already, or at last
    assert_whole(fresh, uninterrupted)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_a_signal_ends_a_training_in_order(fresh: Tree, uninterrupted: Result, number: int, code: int) -> None:
    process = start(fresh)
    wait_for(fresh, process, lambda: checkpoints(fresh))
    process.send_signal(number)
    _, error = process.communicate(timeout=280)
    by = "" if number == signal.SIGINT else " by SIGTERM"
    assert (process.returncode, error) == (code, f"stopped{by}; the same command resumes where it stopped\n")
    end = events(fresh)[-1]
    assert (end["event"], end["status"], end["reason"]) == ("end", "KILLED", signal.Signals(number).name)
    assert everything(f"sqlite:///{fresh.root / 'mlflow.db'}")["status"] == "KILLED"
    assert checkpoints(fresh)
    assert fresh.run("train", RUN).code == 0
    assert_whole(fresh, uninterrupted)


@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, KilledBySignal)])
def test_the_first_signal_is_noted_and_the_second_acts_at_once(number: int, error: type[BaseException]) -> None:
    journal_handler = signal.signal(signal.SIGTERM, lambda number, frame: _raise(KilledBySignal(number)))
    try:
        with StopRequest() as stop:
            assert not stop.is_requested
            os.kill(os.getpid(), number)
            assert stop.is_requested and isinstance(stop.error(), error)
            with pytest.raises(error):
                os.kill(os.getpid(), number)
    finally:
        signal.signal(signal.SIGTERM, journal_handler)


def test_one_who_is_led_notes_every_signal() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopRequest(is_worker=True) as stop:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.is_requested
    assert signal.getsignal(signal.SIGINT) is before


def _raise(error: BaseException) -> None:
    raise error


def test_a_damaged_checkpoint_is_told_and_the_one_before_it_is_used(fresh: Tree, uninterrupted: Result) -> None:
    process = start(fresh)
    wait_for(fresh, process, lambda: len(checkpoints(fresh)) > 1)
    process.kill()
    process.communicate()
    newest = checkpoints(fresh)[-1]
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)
    ended = fresh.run("train", RUN)
    assert ended.code == 0
    relative = newest.relative_to(fresh.root)
    assert f"{relative} is damaged: its bytes are not those its name tells." in ended.err
    assert_whole(fresh, uninterrupted)


# Several processes


@pytest.fixture
def fresh_pair(fresh: Tree) -> Tree:
    fresh.replace("params.yaml", "      threads: 1\n", "      threads: 1\n      processes: 2\n")
    fresh.replace("params.yaml", ", dropout: 0.2, normalisation: batch", "")  # other masks, and another norm, by rank
    return fresh


def ranks_of(process: Started) -> list[int]:
    """Process ids of the ranks, in their order."""
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    ranks = {}
    for pid in map(int, found):
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue  # it has gone since
        rank = [line for line in environment if line.startswith(b"RANK=")]
        if rank:
            ranks[int(rank[0][5:])] = pid
    return [ranks[rank] for rank in sorted(ranks)]


def is_running(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


@pytest.mark.slow
def test_two_processes_give_the_losses_of_one(fresh_pair: Tree) -> None:
    ended = fresh_pair.run("train", RUN)
    assert ended.code == 0, ended.err
    two = list(csv.DictReader(history_of(fresh_pair).splitlines()))
    fresh_pair.replace("params.yaml", "processes: 2", "processes: 1")
    ended = fresh_pair.run("train", RUN)
    assert "was trained before in another environment (processes 2 -> 1): starting afresh" in ended.out
    one = list(csv.DictReader(history_of(fresh_pair).splitlines()))
    assert len(one) == len(two) == 6
    for ours, theirs in zip(two, one, strict=True):
        for key in ("train_loss", "validation_loss"):  # 240 updates of Adam carry on how sums round
            assert float(ours[key]) == pytest.approx(float(theirs[key]), rel=2e-3), (key, ours["epoch"])
    assert float(two[0]["train_loss"]) == pytest.approx(float(one[0]["train_loss"]), rel=1e-5)


@pytest.mark.slow
def test_a_rank_that_dies_brings_the_rest_down_and_the_restart_goes_on(fresh_pair: Tree) -> None:
    fresh_pair.replace("params.yaml", "epochs: 6", "epochs: 60")
    process = start(fresh_pair)
    wait_for(fresh_pair, process, lambda: checkpoints(fresh_pair))
    ranks = ranks_of(process)
    assert len(ranks) == 2
    os.kill(ranks[1], signal.SIGKILL)
    _, error = process.communicate(timeout=280)
    assert process.returncode == 1
    expected = (
        f"error: rank 1 of 2 (process {ranks[1]}) ended with signal SIGKILL; the others were stopped. "
        "The same command goes on from the last checkpoint."
    )
    assert error.splitlines()[-1] == expected and "Traceback" not in error
    assert not any(map(is_running, ranks)) and not (fresh_pair.root / "reports" / RUN / "run.json").exists()

    before = checkpoints(fresh_pair)
    process = start(fresh_pair)
    wait_for(fresh_pair, process, lambda: not {*before} & {*checkpoints(fresh_pair)})
    process.send_signal(signal.SIGINT)
    said, error = process.communicate(timeout=280)
    assert "going on after epoch" in said
    assert (process.returncode, error) == (130, "stopped; the same command resumes where it stopped\n")
    assert events(fresh_pair)[-1]["reason"] == "SIGINT"


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["training", "starting"])
def test_ranks_do_not_outlive_the_process_that_launched_them(fresh_pair: Tree, moment: str) -> None:
    fresh_pair.replace("params.yaml", "epochs: 6", "epochs: 600")
    process = start(fresh_pair)
    wait_for(
        fresh_pair, process, lambda: checkpoints(fresh_pair) if moment == "training" else len(ranks_of(process)) == 2
    )
    ranks = ranks_of(process)
    process.kill()
    process.communicate()
    until = time.monotonic() + 30
    while any(map(is_running, ranks)):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert events(fresh_pair)[-1]["status"] == "KILLED" and checkpoints(fresh_pair)


def test_what_is_wrong_before_the_ranks_meet_is_told_and_ends_all(fresh_pair: Tree) -> None:
    shutil.rmtree(fresh_pair.root / "data" / "prepared")
    ended = fresh_pair.run("train", RUN)
    assert ended.code == 1
    message = "data/prepared/digits/dataset.json does not exist. Make it with `saccade preprocess digits`."
    # each finds it; who is slower may have been stopped before it could tell
    assert {*ended.err.splitlines()} <= {f"error: {message}", f"error in rank 1: {message}"} and message in ended.err


@pytest.mark.slow
def test_a_loss_that_breaks_is_told_by_whichever_rank_gets_to_it(fresh_pair: Tree) -> None:
    """All find it in the same update; one that ends first has the others stopped, perhaps before they have told."""
    fresh_pair.replace(
        "params.yaml", "lr: 0.004}\n      schedule: {name: one_cycle}\n      ema", "lr: 1e30}\n      ema"
    )
    ended = fresh_pair.run("train", RUN)
    assert ended.code == 1
    assert "the loss is not finite in epoch 1, after " in ended.err and "Lower train.optimizer.lr" in ended.err
    assert "last checkpoint" not in ended.err and "Traceback" not in ended.err
    assert events(fresh_pair)[-1]["status"] == "FAILED"


@pytest.mark.slow
def test_torchrun_starts_the_ranks_too(fresh_pair: Tree, tmp_path: Path) -> None:
    ended = fresh_pair.run("train", RUN)
    assert ended.code == 0
    ours = weights_of(fresh_pair)
    arguments = ("--nproc-per-node=2", "--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0", "--local-addr=127.0.0.1")
    ended = fresh_pair.python(
        "-m", "torch.distributed.run", *arguments, "-m", "pipeline", "train", RUN, "--fresh", GLOO_SOCKET_IFNAME="lo"
    )
    assert ended.code == 0, ended.err
    assert weights_of(fresh_pair) == ours
