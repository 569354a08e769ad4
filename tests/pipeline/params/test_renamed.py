"""Keys under the name that they had before: read as ever, and named by ``saccade check``."""

from pathlib import Path

import pytest
from params_helpers import loaded, problems_of

from pipeline.params.load import old_names
from pipeline.schema.renamed import RENAMED, with_new_names

HELLO = """\
seed: 0
tracking: {experiment: t}
datasets:
  hello:
    source: {name: plain_text, text: hello}
    split:
      by_heart: true
    preprocess: {unit: characters, length: 4}
    augment: {views: 0}
runs: {}
"""


def test_a_key_of_before_means_what_its_new_name_does(tmp_path: Path) -> None:
    old, new = (loaded(text, tmp_path) for text in (HELLO, HELLO.replace("by_heart", "overfit")))
    assert old == new and new.datasets["hello"].split.overfit is True


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "by_heart: true",
            "by_heart: yes please",
            "line 7: datasets.hello.split.overfit: 'yes please': must be a valid",
        ),
        (
            "by_heart: true",
            "by_heart: true\n      test: 0.1",
            "line 8: datasets.hello.split.test: with overfit, all of",
        ),
        ("by_heart: true", "by_heart: true\n      overfit: true", "line 7: datasets.hello.split.by_heart: unknown key"),
    ],
)
def test_what_is_wrong_with_it_is_told_at_its_line(tmp_path: Path, old: str, new: str, expected: str) -> None:
    (problem,) = problems_of(HELLO.replace(old, new), tmp_path)
    assert problem.startswith(expected)


def test_the_new_name_is_said_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(HELLO, encoding="utf-8")
    assert [str(one) for one in old_names(path)] == [
        "line 7: datasets.hello.split.by_heart: is called overfit now; the old name is read, too"
    ]
    path.write_text(HELLO.replace("by_heart", "overfit"), encoding="utf-8")
    assert old_names(path) == []


@pytest.mark.parametrize("values", [{}, {"datasets": None}, {"datasets": {"a": 3, "b": {"split": "by_heart"}}}])
def test_values_of_the_wrong_type_are_left_for_others_to_refuse(values: dict[str, object]) -> None:
    assert with_new_names(values) == values


def test_the_page_on_upgrading_names_each() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "upgrading.md").read_text(encoding="utf-8")
    for path, new in RENAMED.items():
        assert f"`{'.'.join(path[-2:])}`" in page and f"`{path[-2]}.{new}`" in page
