"""An exported file says how files of its dataset are read, and nothing of where they lie."""

import re
from pathlib import Path

import saccade
from saccade.export.metadata import READING_KEYS, reading_values

KINDS = Path(saccade.__file__).parent / "kinds"


def test_how_files_are_read_is_kept_and_where_they_lie_is_not() -> None:
    source = {"path": "/home/me/walks", "mirror": "me.example", "time_column": "t", "decimal": ",", "day_first": None}
    found = reading_values(source, {"missing": "error", "holidays": "/home/me/days.txt"}, "rows")
    assert found == {
        "source": {"time_column": "t", "decimal": ","},
        "preprocess": {"missing": "error"},
        "holds": "rows",
    }


def test_every_argument_by_which_new_files_are_read_is_kept() -> None:
    asked = set()
    for path in (*KINDS.rglob("new_examples.py"), *KINDS.rglob("to_continue.py")):
        asked |= set(re.findall(r'source(?:\.get\(|\[)"(\w+)"', path.read_text(encoding="utf-8")))
    assert "time_column" in asked and asked <= set(READING_KEYS)
