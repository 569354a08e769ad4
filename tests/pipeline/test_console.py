"""Elsewhere than on a terminal: plain lines, now and then, none for short work."""

import pytest

from pipeline import console


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

    monkeypatch.setattr(console.time, "monotonic", lambda: Clock.now)
    return Clock


def test_short_work_says_nothing(clock, capsys):
    with console.Progress("images") as progress:
        for done in range(100):
            clock.now += 0.019
            progress("views", done, 100)
        progress.note("epoch 1/1")
    assert capsys.readouterr() == ("", "")


def test_long_work_says_a_plain_line_every_ten_seconds(clock, capsys):
    with console.Progress("images") as progress:
        for done in range(1000, 1031):
            clock.now += 1
            progress("views", done, 4000)
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "  views: 1,009 of 4,000 images",
        "  views: 1,019 of 4,000 images",
        "  views: 1,029 of 4,000 images",
    ]
    assert err == ""


def test_a_line_without_total_and_unit(clock, capsys):
    progress = console.Progress()
    clock.now += 10
    progress("rows", 12345, None)
    assert capsys.readouterr().out == "  rows: 12,345\n"


def test_notes_come_two_seconds_after_any_line(clock, capsys):
    with console.Progress("examples") as progress:
        clock.now += 10
        progress("epoch 1", 10, 20)
        progress.note("epoch 1/2: too soon")
        clock.now += 1.9
        progress.note("epoch 1/2: still too soon")
        clock.now += 0.1
        progress.note("epoch 2/2: loss 0.1")
        progress("epoch 2", 20, 20)
    assert capsys.readouterr().out.splitlines() == ["  epoch 1: 10 of 20 examples", "  epoch 2/2: loss 0.1"]


def test_what_is_said_goes_to_stdout_and_what_is_wrong_to_stderr(capsys):
    console.say("done")
    console.warn("error: lr (-1) must be positive")
    assert capsys.readouterr() == ("done\n", "error: lr (-1) must be positive\n")


@pytest.mark.parametrize(("number", "text"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (1200, "1,200 runs")])
def test_what_is_counted_is_in_the_plural_unless_it_is_one(number, text):
    assert console.pluralise(number, "run") == text
