"""A part of large files in place of the whole."""

from pathlib import Path

import numpy as np
import pytest
from written_files import sentence

from saccade.readers.examples import ImageExamples
from saccade.recognition import columns
from saccade.recognition.look import look_at
from saccade.recognition.samples import spread_lines, standing_for_more
from saccade.recognition.texts import labelled_in_table


def test_lines_are_spread_over_the_file_and_whole(tmp_path: Path) -> None:
    lines = [f"{n:06},{'x' * (n % 7)}" for n in range(20_000)]
    (tmp_path / "t.csv").write_text("\n".join(["id,x", *lines]))
    times = spread_lines(tmp_path / "t.csv", tmp_path / "part.csv", 1_000)
    header, *taken = (tmp_path / "part.csv").read_text().splitlines()
    assert header == "id,x" and set(taken) <= set(lines) and len(taken) == len(set(taken)) == 1_000
    assert times == pytest.approx(20, rel=0.05)
    numbers = [int(line[:6]) for line in taken]
    assert numbers == sorted(numbers) and numbers[0] == 0 and numbers[-1] > 19_800


def test_a_file_shorter_than_the_part_is_taken_once(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("".join(f"{n}\n" for n in range(900)))
    assert spread_lines(tmp_path / "t.csv", tmp_path / "part.csv", 100_000) == 1
    assert (tmp_path / "part.csv").read_text() == (tmp_path / "t.csv").read_text()


def test_examples_stand_for_more() -> None:
    few = ImageExamples(
        ("a", "b"), np.array([0, 1, 1]), lambda i: np.full((2, 2), i), ["x", "y", "z"], groups={"g": "pqr"}
    )
    many = standing_for_more(few, 4)
    assert many.labels.tolist() == [0] * 4 + [1] * 8 and len(many.ids) == 12
    assert many.image(7)[0, 0] == 1 and many.ids[11] == "z" and many.groups["g"][4] == "q" and many.names == ()
    assert standing_for_more(few, 1) is few


def test_classes_in_their_order_are_all_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{sentence(n)},{n // 1000}" for n in range(3_000)]
    (tmp_path / "t.csv").write_text("\n".join(["text,label", *rows]))
    monkeypatch.setattr(columns, "LOOKED_AT", 600)
    look = look_at(tmp_path / "t.csv", str(tmp_path / "t.csv"))
    assert not labelled_in_table(look)[0].sureness > 2 and columns.look_at_table(look, "t.csv").is_whole is False
    monkeypatch.setattr(columns, "_LONG", 1_000)
    look = look_at(tmp_path / "t.csv", str(tmp_path / "t.csv"))
    (reading,) = labelled_in_table(look)
    assert reading.sample is not None and "600 texts that were looked at in 3 classes" in reading.seen[1]
    arguments, times = reading.sample(tmp_path)
    assert arguments["table"] == str(tmp_path / "part.csv") and times == 1
