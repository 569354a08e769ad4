"""The defects of tests/mutants.py are where they say: each replaces a text that is there, and names tests that are."""

import importlib.util
from collections import Counter
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]


def mutants() -> Any:
    spec = importlib.util.spec_from_file_location("mutants", TESTS / "mutants.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_replaces_a_text_that_occurs_once_and_is_seen_by_tests_of_one_file() -> None:
    defects = mutants().MUTANTS
    texts = [
        path.read_text(encoding="utf-8") for name in ("src", "pipeline") for path in (TESTS.parent / name).rglob("*.py")
    ]
    occurs = {each.name: sum(text.count(each.old) for text in texts) for each in defects}
    assert {name: count for name, count in occurs.items() if count != 1} == {}
    places = {each.name: list(TESTS.rglob(each.tests.partition(" ")[0])) for each in defects}
    assert {name: found for name, found in places.items() if len(found) != 1} == {}
    assert max(Counter(each.name for each in defects).values()) == 1
