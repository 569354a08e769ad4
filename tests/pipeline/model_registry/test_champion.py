"""A run beside a registered version: what is compared, what cannot be, and in which words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.model_registry.champion import compare_with_version, in_words
from pipeline.model_registry.evidence import Evidence
from pipeline.model_registry.reference import ModelReference, check_alias, check_model_name, parse_reference
from saccade.core.errors import UserError
from saccade.evaluate.outcomes import FILE_NAME, Outcomes, write_outcomes


def evidence(
    folder: Path, metric: str, values: np.ndarray | None, test_set: str | None = "a" * 64, **outcomes: Any
) -> Evidence:
    if values is not None:
        (folder / "evaluation").mkdir(parents=True)
        write_outcomes(folder / "evaluation" / FILE_NAME, Outcomes(np.arange(len(values)), {metric: values}))
    evaluated = {"data": {"test.npy": test_set, "test_labels.npy": "b"}, "outcomes": {"block_length": None} | outcomes}
    return Evidence({"dataset": "dots"}, {metric: 0.0}, evaluated, folder)


def test_of_errors_the_lower_is_better(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    errors = random.random(300)
    small = evidence(tmp_path / "a", "mae", errors)
    large = evidence(tmp_path / "b", "mae", errors + 0.1 + 0.01 * random.random(300))
    assert compare_with_version(large, small).is_worse
    better = compare_with_version(small, large)
    assert not better.is_worse and in_words(better).endswith("paired bootstrap of examples, p below 0.001: better")
    windows = evidence(tmp_path / "c", "mae", errors, block_length=12)
    assert "blocks of 12 windows" in in_words(compare_with_version(windows, small))


@pytest.mark.parametrize(
    "version, said",
    [
        (
            {"metric": "accuracy", "test_set": "f" * 64},
            "another test set (that of dots, ffffffff, and the run on that of",
        ),
        ({"metric": "accuracy", "test_set": None}, "another test set (that of dots, of no known digest"),
        ({"metric": "mae"}, "they have no metric in common (mae and accuracy)"),
        ({"metric": "accuracy", "values": None}, "what each got on each test example was not kept"),
    ],
)
def test_what_cannot_be_compared(tmp_path: Path, version: dict[str, Any], said: str) -> None:
    run = evidence(tmp_path / "run", "accuracy", np.ones(9))
    found = compare_with_version(run, evidence(tmp_path / "version", **{"values": np.ones(9), **version}))
    assert found.test is None and not found.is_worse and said in in_words(found)


def test_few_examples_tell_nothing(tmp_path: Path) -> None:
    one, other = (evidence(tmp_path / name, "mae", np.array([value])) for name, value in (("a", 1.0), ("b", 2.0)))
    assert in_words(compare_with_version(one, other)).endswith("too few examples to tell, no real difference found")


@pytest.mark.parametrize("text", ["models:/a b.c@champion_2-x", "models:/digits/12"])
def test_a_reference_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_reference(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "models:/", "models:/a", "models:/@b", "models:/a@", "models:/a@b/c", "models:/a/0", "models:/a/01",
     "models:/a/-1", "models:/a/1/x", "models:/a/Production", "runs:/a/1", "digits", "models:/a@3x", "models:/a/1٣"],
)  # fmt: skip
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(UserError, match="must be models:/NAME@ALIAS"):
        parse_reference(text)


def test_names_and_aliases() -> None:
    for name in ("digits", "a b", "é.1", "x" * 200):
        check_model_name(name)
        assert parse_reference(f"models:/{name}/3") == ModelReference(name, number=3)
    for name in ("", "a/b", "a:b", "a@b", "a|b", " a", "a ", "x" * 201, "a\nb", "a\x07"):
        with pytest.raises(UserError, match="choose another with --name"):
            check_model_name(name)
    for alias in ("", "3", "latest", "LATEST", "v3", "a b", "a@b", "x" * 256):
        with pytest.raises(UserError, match="choose another, such as champion"):
            check_alias(alias)
