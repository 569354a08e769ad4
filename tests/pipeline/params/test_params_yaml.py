"""params.yaml as text: what is no YAML, or more of YAML than DVC can change, is refused by line."""

from pathlib import Path

import pytest
from params_helpers import GOOD, changed, loaded, problems_of

from pipeline.params.load import load_params
from pipeline.params.problems import ParamsError

ONE_PROBLEM = {
    "a brace that is not closed": (
        ("{name: lenet5}", "{name: lenet5"),
        "line 17: not valid YAML: expected ',' or '}', but got ':'",
    ),
    "tab": (
        ("  toy:", "\ttoy:"),
        "line 4: not valid YAML: found character '\\t' that cannot start any token",
    ),
    "duplicate key": (
        ("      batch_size: 64\n", "      batch_size: 64\n      batch_size: 32\n"),
        'line 20: not valid YAML: found duplicate key "batch_size" with value "32" (original value: "64")',
    ),
    "merge": (
        ("    train:\n", "    train:\n      <<: {seed: 1}\n"),
        "line 18: runs.cnn.train: YAML merges (<<) are not allowed: `dvc exp run -S` would silently ignore the values "
        "behind them; `saccade add --copy RUN NEW` makes a variant of a run",
    ),
    "alias of nothing": (("{name: lenet5}", "*x"), "line 16: not valid YAML: found undefined alias 'x'"),
    "alias inside what it names": (
        ("{top_k: [1, 5]}", "&x {top_k: [*x]}"),
        "line 22: runs.cnn.evaluate.top_k.0: the alias *x stands inside what it names",
    ),
    "a list for a key": (
        ("seed: 0\n", "seed: 0\n? [a]\n: 1\n"),
        "line 2: a key must be a word, not a list or a mapping",
    ),
    "another document": (("runs:\n", "---\nruns:\n"), "line 12: not valid YAML: but found another document"),
    "a Python object": (
        ("{name: lenet5}", "!!python/name:os.system {}"),
        "line 16: not valid YAML: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/name:os.system'",
    ),
}


@pytest.mark.parametrize("name", ONE_PROBLEM)
def test_one_problem(name: str, tmp_path: Path) -> None:
    replacement, message = ONE_PROBLEM[name]
    assert problems_of(changed(replacement), tmp_path) == [message]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty; it must hold seed, tracking, datasets and runs"),
        (b"# nothing but a comment\n", "the file is empty; it must hold seed, tracking, datasets and runs"),
        (b"- a\n- b\n", "the file is a list; it must hold seed, tracking, datasets and runs"),
        ("seed: 0  # é".encode("latin-1"), "not UTF-8 text (unexpected end of data at byte 11)"),
        (b"\xff\xfes\x00", "not UTF-8 text (invalid start byte at byte 0)"),
    ],
)
def test_a_file_that_is_no_mapping(content: bytes, message: str, tmp_path: Path) -> None:
    assert problems_of(content, tmp_path) == [message]


def test_a_missing_file_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"params\.yaml has a problem:\n  the file does not exist; `git checkout"):
        load_params(tmp_path / "params.yaml")


def test_1e_3_is_a_number(tmp_path: Path) -> None:
    assert loaded(GOOD, tmp_path).runs["rnn"].train.optimizer.lr == 0.001


def test_anchors_and_aliases_are_allowed(tmp_path: Path) -> None:
    text = changed(("    train:\n", "    train: &training\n"))
    tail = text.index("    train:\n")
    whole = loaded(text[:tail] + "    train: *training\n    evaluate: {}\n", tmp_path)
    assert whole.runs["rnn"].train == whole.runs["cnn"].train


def test_a_quoted_number_is_a_name_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    assert "2020" in loaded(changed(("  cnn:", "  '2020':")), tmp_path).runs
    assert loaded(GOOD.replace("\n", "\r\n"), tmp_path) == loaded(GOOD, tmp_path)
