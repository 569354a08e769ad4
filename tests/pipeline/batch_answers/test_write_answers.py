"""A table of answers: whole, in order, and the same after a kill at any moment; what changed meanwhile is noticed."""

import csv
import gc
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from pipeline.batch_answers import journal, tables, write_answers
from pipeline.batch_answers.columns import PROBLEM
from pipeline.signals import KilledBySignal
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.kinds import Reading
from saccade.predict.answers import Question

SPEC = Spec("image", (4, 3, 1), classes=("disc", "ring", "bar"))
BATCH = 64  # images that are answered at once
COUNT = 5 * BATCH + 9
DISTINCT = 7


@dataclass
class Config:
    spec: Spec = SPEC
    thresholds: list[float] = field(default_factory=list)


class Brightness:
    """Answers with how bright the rows of an image are; counts what it is asked."""

    def __init__(self, spec: Spec = SPEC) -> None:
        self.config = Config(spec)
        self.asked = 0

    def answers_of(self, stored: np.ndarray, batch_size: int = 512) -> np.ndarray:
        self.asked += len(stored)
        scores = stored.reshape(len(stored), -1)[:, : self.config.spec.num_outputs].astype(np.float32) + 1
        return scores / scores.sum(axis=1, keepdims=True)


class KilledError(BaseException):
    """Ends everything, as SIGKILL does."""


@pytest.fixture(autouse=True)
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Small pictures, a broken one among them, and the bundle that is said to answer."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(write_answers, "PART_ROWS", BATCH)
    random = np.random.default_rng(3)
    Path("photos").mkdir()
    Path("bundle").mkdir()
    Path("bundle/bundle.json").write_text("{}")
    for number in range(COUNT):
        path = Path(f"photos/{number:04}.png")
        if number < DISTINCT:
            Image.fromarray(random.integers(0, 256, (4, 3), dtype=np.uint8)).save(path)
        else:
            os.link(f"photos/{number % DISTINCT:04}.png", path)
    Path("photos/0100.png").unlink()
    Path("photos/0100.png").write_text("<html>")
    return Path("photos")


def write(
    table: str = "answers.csv", answerer: Brightness | None = None, spec: Spec = SPEC, **asked: Any
) -> Brightness:
    answerer = answerer or Brightness(spec)
    question = Question(Reading("run", spec, ["photos"], here=Path()), table=Path(table), **asked)
    write_answers.write_answers(answerer, question, model=Path("bundle"))
    return answerer


def rows(table: str = "answers.csv") -> list[dict[str, str]]:
    with Path(table).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def stop_after(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, calls: int) -> None:
    """Let the function work so many times, and end the process, as it were, right behind the last."""
    whole, left = getattr(module, name), [calls]

    def stopping(*arguments: Any, **named: Any) -> Any:
        found = whole(*arguments, **named)
        left[0] -= 1
        if left[0] == 0:
            raise KilledError
        return found

    monkeypatch.setattr(module, name, stopping)


def test_a_row_an_input_in_order_and_what_cannot_be_read_is_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    write(unsure_below=0.5)
    found = rows()
    assert [row["path"] for row in found] == [f"photos/{number:04}.png" for number in range(COUNT)]
    broken = found.pop(100)
    assert broken[PROBLEM].startswith("must be a picture") and {broken[key] for key in broken} == {
        "",
        "photos/0100.png",
        broken[PROBLEM],
    }
    for number, row in enumerate(found):
        number += number >= 100
        pixels = np.asarray(Image.open(f"photos/{number:04}.png"), dtype=float).ravel()[:3] + 1
        p_K = pixels / pixels.sum()
        assert row["label"] == SPEC.classes[p_K.argmax()]
        assert float(row["probability"]) == pytest.approx(p_K.max(), abs=1e-6)
        assert [float(row[f"p({name})"]) for name in SPEC.classes] == pytest.approx(list(p_K), abs=1e-6)
        assert row["unsure"] == str(p_K.max() < 0.5).lower()
    said = capsys.readouterr().out
    assert f"{COUNT} rows, 1 row with a problem" in said and " unsure, below 0.5000; " in said
    assert sorted(path.name for path in Path().iterdir()) == ["answers.csv", "bundle", "photos"]


def test_the_three_formats_hold_the_same() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for suffix in tables.SUFFIXES:
        write(f"answers{suffix}", top=2)
    lines = [json.loads(line) for line in Path("answers.jsonl").read_text(encoding="utf-8").splitlines()]
    stored = parquet.read_table("answers.parquet").to_pylist()
    for row, line, exact in zip(rows(), lines, stored, strict=True):
        assert list(row) == list(exact)
        assert {key: value for key, value in row.items() if value} == {
            key: str(value) for key, value in line.items()
        } | {key: f"{value:.6f}" for key, value in line.items() if key.startswith("probability")}
        assert {key for key, value in exact.items() if value is not None} == set(line)
        assert all(line[key] == pytest.approx(exact[key], abs=1e-6) for key in line if key.startswith("probability"))
    assert list(rows()[0]) == ["path", "label", "probability", "unsure", "label 2", "probability 2", "problem"]


PLACES = [
    (write_answers, "write_part", 1),
    (write_answers, "write_part", 4),
    (journal.AnswerJournal, "add", 3),
    (write_answers, "answers_of_batch", 2),
    (write_answers, "join_parts", 1),
    (journal.AnswerJournal, "remove", 1),
]


@pytest.mark.parametrize(("module", "name", "calls"), PLACES)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_kill_anywhere_costs_a_part_at_most(
    module: Any, name: str, calls: int, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(f"whole{suffix}")
    with monkeypatch.context() as patch:
        stop_after(patch, module, name, calls)
        with pytest.raises(KilledError):
            write(f"answers{suffix}")
    if name == "remove":  # then it is done, and the next time is a new one
        assert Path(f"answers{suffix}").read_bytes() == Path(f"whole{suffix}").read_bytes()
        return
    assert not Path(f"answers{suffix}").exists() or name == "join_parts"
    again = write(f"answers{suffix}")
    done = {"write_part": calls - 1, "add": calls, "answers_of_batch": calls - 1, "join_parts": COUNT}[name]
    assert again.asked == max(0, COUNT - done * BATCH - (done < 2))  # the broken one is in the second part
    assert Path(f"answers{suffix}").read_bytes() == Path(f"whole{suffix}").read_bytes()
    assert not list(Path().glob("*answers*unfinished*"))


def test_a_torn_line_or_a_damaged_part_is_answered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    write("whole.csv")
    for damage in ("line", "part"):
        with monkeypatch.context() as patch:
            stop_after(patch, journal.AnswerJournal, "add", 3)
            with pytest.raises(KilledError):
                write()
        if damage == "line":
            path = Path("answers.csv.unfinished/journal.jsonl")
            path.write_bytes(path.read_bytes()[:-5])
        else:
            Path(f"answers.csv.unfinished/part-{BATCH:08}.csv").write_text("cut")
        assert write().asked == COUNT - BATCH * (2 if damage == "line" else 1) - (damage == "part")
        assert rows() == rows("whole.csv")


def another_model() -> None:
    Path("bundle/bundle.json").write_text('{"temperature": 2}')


def another_picture() -> None:
    os.utime("photos/0300.png", (1, 1))


def one_more_picture() -> None:
    os.link("photos/0001.png", "photos/0001b.png")


@pytest.mark.parametrize(
    ("change", "named", "asked"),
    [
        (another_model, "the model", {}),
        (another_picture, "the inputs", {}),
        (one_more_picture, "the inputs", {}),
        (lambda: None, "the columns", {"top": 1}),
        (lambda: None, "the threshold below which an answer is unsure", {"unsure_below": 0.4}),
    ],
)
def test_answers_of_other_inputs_or_of_another_model_are_dropped_and_it_is_said(
    change: Callable[[], None],
    named: str,
    asked: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with monkeypatch.context() as patch:
        stop_after(patch, journal.AnswerJournal, "add", 2)
        with pytest.raises(KilledError):
            write()
    change()
    count = len(list(Path("photos").iterdir()))
    assert write(**asked).asked == count - 1
    told = capsys.readouterr().err
    assert told == f"answers.csv: {2 * BATCH} answers of an earlier start are dropped, for since then {named} changed\n"
    assert len(rows()) == count


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    write("whole.csv")

    class Interrupted(Brightness):
        def answers_of(self, stored: np.ndarray, batch_size: int = 512) -> np.ndarray:
            if self.asked > 2 * BATCH:
                os.kill(os.getpid(), signal.SIGINT)
            return super().answers_of(stored)

    with pytest.raises(KilledBySignal) as caught:
        write(answerer=Interrupted())
    assert caught.value.number == signal.SIGINT
    done = 4 * BATCH
    assert caught.value.next_time == f"goes on after {done} of {COUNT}"
    assert write().asked == COUNT - done
    assert f"answers.csv: goes on after {done} of {COUNT}\n" in capsys.readouterr().out
    assert rows() == rows("whole.csv")


def test_an_earlier_table_stays_until_the_new_one_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("answers.csv").write_text("earlier")
    with monkeypatch.context() as patch:
        stop_after(patch, journal.AnswerJournal, "add", 6)
        with pytest.raises(KilledError):
            write()
    assert Path("answers.csv").read_text() == "earlier"
    assert write().asked == 0 and len(rows()) == COUNT


def test_two_at_once_and_inputs_as_output_are_refused() -> None:
    with FileLock(".answers.csv.lock"), pytest.raises(UserError, match="is being written by another process"):
        write()
    question = Question(Reading("run", SPEC, ["photos/0001.png"], here=Path()), table=Path("photos/0001.png"))
    with pytest.raises(UserError, match="must not be a file that is read"):
        write_answers.write_answers(Brightness(), question, model=Path("bundle"))


def test_nothing_that_can_be_read_is_an_error_and_the_table_says_why() -> None:
    for path in Path("photos").iterdir():
        path.unlink()
    Path("photos/a.png").write_text("<html>")
    with pytest.raises(UserError, match="none of the 1 pictures could be read: see the column problem"):
        write()
    assert [row["label"] for row in rows()] == [""]


def test_names_that_are_no_text_are_written_as_escapes() -> None:
    os.link(b"photos/0001.png", b"photos/0000\xe9.png")
    write()
    assert rows()[1]["path"] == "photos/0000\\udce9.png"


def killed_after(seconds: float) -> bool:
    """Whether a process that writes the table was still at it when it was killed so late."""
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            write()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # the threads of other tests are idle
def test_sigkill_at_twenty_moments() -> None:
    gc.collect()  # what tests above left unfinished holds threads
    write("whole.csv")
    began = time.perf_counter()
    write("whole.csv")
    taken, killed = time.perf_counter() - began, 0
    for moment in range(20):
        killed += killed_after(taken * (moment + 0.5) / 20)
        if moment % 3 == 2:
            continue  # killed again where it goes on
        write()
        assert Path("answers.csv").read_bytes() == Path("whole.csv").read_bytes()
        assert sorted(path.name for path in Path().iterdir() if "answers" in path.name) == ["answers.csv"]
        Path("answers.csv").unlink()
    assert killed >= 5, killed  # a machine that does other things may be late
