"""What names a run, and what does not."""

import hashlib

import pytest

from pipeline.runs import identity
from pipeline.runs.identity import code_digests, identity_of

SETTINGS = {"train": {"epochs": 3, "optimizer": {"name": "sgd", "lr": 0.1}}, "seed": 0}
DIGESTS = {"train.npy": "a" * 64, "validation.npy": "b" * 64}
CODE = {"src/saccade/training.py": "c" * 64}


def test_an_identity_is_64_hexadecimal_digits_and_the_same_for_ever():
    # A change of this value makes every finished run of every user a stranger.
    expected = "ba653b940b2ec00661e7aee7b4147f217be891159ab23dc4d22a8393fb304a03"
    assert identity_of(SETTINGS, DIGESTS, CODE) == expected


@pytest.mark.parametrize(
    "other",
    [
        (SETTINGS | {"seed": 1}, DIGESTS, CODE),
        (SETTINGS | {"train": {"epochs": 3, "optimizer": {"name": "sgd", "lr": 0.1000001}}}, DIGESTS, CODE),
        (SETTINGS | {"new": None}, DIGESTS, CODE),
        (SETTINGS, DIGESTS | {"train.npy": "d" * 64}, CODE),
        (SETTINGS, {"train.npy": "a" * 64}, CODE),
        (SETTINGS, DIGESTS, {"src/saccade/training.py": "e" * 64}),
        (SETTINGS, DIGESTS, {"src/saccade/train.py": "c" * 64}),
        (SETTINGS, DIGESTS | CODE, {}),
    ],
)
def test_an_identity_changes_with_what_decides_the_result(other):
    assert identity_of(*other) != identity_of(SETTINGS, DIGESTS, CODE)


def test_the_order_of_keys_does_not_matter():
    def backwards(value):
        return {key: backwards(value[key]) for key in reversed(value)} if isinstance(value, dict) else value

    assert list(backwards(DIGESTS)) != list(DIGESTS)
    assert identity_of(*map(backwards, (SETTINGS, DIGESTS, CODE))) == identity_of(SETTINGS, DIGESTS, CODE)


def test_what_json_cannot_hold_is_no_identity():
    with pytest.raises(ValueError, match="not JSON compliant"):
        identity_of({"lr": float("nan")}, {}, {})


@pytest.fixture
def small_pipeline(tmp_path, monkeypatch):
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n  train:\n    foreach: ${runs}\n    do:\n      cmd: x\n      deps:\n        - src/loop\n"
        "        - src/models/${item.model.name}.py\n        - data/${key}\n"
        "  other:\n    do: {deps: [pipeline/else.py]}\n"
    )
    for folder in ("src/models", "src/loop/inside", "src/loop/__pycache__", "pipeline", "data"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("loop/step.py", "loop/inside/table.json", "unlisted.py", "models/lenet5.py", "models/lstm.py"):
        (tmp_path / "src" / file).write_text(f"# {file}\n")
    (tmp_path / "pipeline" / "else.py").touch()
    monkeypatch.chdir(tmp_path)
    identity._code_paths.cache_clear()
    yield tmp_path
    identity._code_paths.cache_clear()


def test_templates_are_filled_and_only_code_is_digested(small_pipeline):
    digests = code_digests("train", {"item.model.name": "lstm"})
    assert list(digests) == ["src/loop/inside/table.json", "src/loop/step.py", "src/models/lstm.py"]
    assert digests["src/models/lstm.py"] == hashlib.sha256(b"# models/lstm.py\n").hexdigest()
    assert list(code_digests("other", {})) == ["pipeline/else.py"]


def test_a_file_that_is_not_listed_does_not_matter(small_pipeline):
    before = code_digests("train", {"item.model.name": "lstm"})
    for file in ("pipeline/else.py", "src/unlisted.py", "src/models/lenet5.py", "src/loop/__pycache__/step.pyc"):
        (small_pipeline / file).write_text("changed\n")
    assert code_digests("train", {"item.model.name": "lstm"}) == before
    (small_pipeline / "src/loop/step.py").write_text("changed\n")
    assert code_digests("train", {"item.model.name": "lstm"}) != before


def test_a_template_that_nothing_stands_for_is_a_defect(small_pipeline):
    with pytest.raises(KeyError, match=r"item\.model\.name"):
        code_digests("train", {})


def test_the_shipped_pipeline_fills_for_every_model():
    from saccade.core import registry

    identity._code_paths.cache_clear()
    for model in registry.names("models"):
        digests = code_digests("train", {"item.model.name": model, "item.task.name": "classify"})
        assert f"src/saccade/models/{model}.py" in digests and "src/saccade/train/loop.py" in digests
        assert not any(path.startswith("pipeline/stages/") for path in digests)  # what it prints is no result
        assert all(len(digest) == 64 and "$" not in path for path, digest in digests.items())
