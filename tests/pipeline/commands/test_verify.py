"""``saccade verify``: a run that is as it was, and damage of every sort, each named first."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Ended, Tree
from small_runs import dataset_entry, params_text, run_entry

from pipeline.commands import verify_checks
from pipeline.commands.verify_answers import compare_tables

pytestmark = pytest.mark.timeout(600)

PARAMS = params_text(
    [
        run_entry(
            "a", "{epochs: 2, batch_size: 20, optimizer: {name: adam, lr: 0.004}}", model="{name: mlp, hidden: [9]}"
        )
    ],
    datasets=[dataset_entry(augment="{views: 2, transforms: [{name: HorizontalFlip, p: 0.5}]}")],
)
KEEP = "import shutil, os\nshutil.rmtree('kept', ignore_errors=True)\nos.mkdir('kept')\n" + "".join(
    f"shutil.copytree('{name}', 'kept/{name}')\n" for name in ("data", "models", "reports", "src")
)
KEEP += "shutil.copy('params.yaml', 'kept/params.yaml')\n"
RESTORE = "import shutil\nshutil.copy('kept/params.yaml', 'params.yaml')\n" + "".join(
    f"shutil.rmtree('{name}')\nshutil.copytree('kept/{name}', '{name}')\n" for name in ("data", "models", "reports")
)
RESTORE += "shutil.copy('kept/src/saccade/models/mlp.py', 'src/saccade/models/mlp.py')\n"


def flip(path: str) -> str:
    return f"p = '{path}'\nb = bytearray(open(p, 'rb').read())\nb[-1] ^= 1\nopen(p, 'wb').write(b)"


def edit(path: str, old: str, new: str) -> str:
    return (
        f"p = '{path}'\ns = open(p).read()\nassert {old!r} in s, s\nopen(p, 'w').write(s.replace({old!r}, {new!r}, 1))"
    )


def change_json(path: str, change: str) -> str:
    return f"import json\np = '{path}'\nd = json.load(open(p))\n{change}\njson.dump(d, open(p, 'w'))"


REPORT = "reports/a"
DAMAGE = {
    "array": flip("data/prepared/digits/test.npy"),
    "views": flip("data/augmented/digits/train.npy"),
    "key": edit("params.yaml", "epochs: 2", "epochs: 3"),
    "evaluation key": edit("params.yaml", "evaluate: {}", "evaluate: {top_k: [1, 2]}"),
    "code": edit("src/saccade/models/mlp.py", '"""', '"""Once more: '),
    "weights": flip("models/a/weights.safetensors"),
    "bundle": edit("models/a/bundle.json", '"classify"', '"classify "'),
    "predictions": edit(f"{REPORT}/evaluation/predictions.csv", "0.", "1."),
    "library": change_json(f"{REPORT}/run.json", "d['versions']['torch'] = '1.0'"),
    "processor": change_json(f"{REPORT}/evaluated.json", "d['processor'] = 'another'"),
    "answers": change_json(f"{REPORT}/evaluated.json", "d['answers_sha256'] = '0'"),
    "data gone": "import shutil, os\nshutil.rmtree('data/prepared/digits')\n"
    "os.remove('data/augmented/digits/train.npy')",
    "not evaluated": f"import os\nos.remove('{REPORT}/evaluated.json')",
}


@pytest.fixture(scope="module")
def done(make_tree: Callable[[], Tree]) -> tuple[Tree, dict[str, Ended]]:
    """A small run and what verify says of it, whole and damaged."""
    tree = make_tree(tracks=False)
    tree.params.write_text(PARAMS, encoding="utf-8")
    made = [[stage, "digits"] for stage in ("fetch", "preprocess", "augment")] + [["train", "a"], ["evaluate", "a"]]
    steps: dict[str, list[str]] = {"whole": ["verify", "a"], "retrained": ["verify", "a", "--retrain", "--json"]}
    commands = [*made, ["!", KEEP], *steps.values()]
    names = [""] * (len(made) + 1) + list(steps)
    for name, damage in DAMAGE.items():
        commands += [["!", damage], ["verify", "a", "--json"], ["!", RESTORE]]
        names += ["", name, ""]
    history = f"p = '{REPORT}/history.csv'\nlines = open(p).read().splitlines()\n"
    history += "lines[2] = lines[2][:2] + '9' + lines[2][2:]\nopen(p, 'w').write('\\n'.join(lines) + '\\n')"
    commands += [["!", history], ["verify", "a", "--retrain", "--json"], ["!", RESTORE]]
    names += ["", "history", ""]
    torn = f"open('{REPORT}/history.csv', 'a').write('3,0.1.2')"
    commands += [["!", torn], ["verify", "a", "--retrain", "--json"], ["!", RESTORE]]
    names += ["", "torn history", ""]
    commands += [["!", "import shutil\nshutil.rmtree('reports/a')"], ["verify", "a"]]
    names += ["", "no record"]
    results, _ = tree.run_all(*commands)
    assert [each.code for each, name in zip(results, names, strict=True) if not name] == [0] * names.count(""), results
    return tree, dict(zip(names, results, strict=True))


def first(done: tuple[Tree, dict[str, Ended]], name: str) -> dict[str, Any]:
    ended = done[1][name]
    assert ended.code == 1, ended
    found = json.loads(ended.out.splitlines()[-1])
    assert found["verdict"] == "differs" and "Traceback" not in ended.err
    return dict(found["first"])


def test_a_run_that_is_as_it_was_is_the_same(done: tuple[Tree, dict[str, Ended]]) -> None:
    ended = done[1]["whole"]
    assert ended.code == 0 and ended.out.splitlines()[-1] == "a: same", ended
    states = {line.split()[0]: line.split(maxsplit=1)[1] for line in ended.out.splitlines()[:-1]}
    files = ["data", "params", "code", "weights", "results"]
    assert list(states) == [*files, "libraries", "processor", "answers", "history"]
    assert states["history"].startswith("not checked") and states["answers"].startswith("same         every bit")


def test_training_anew_gives_the_same_and_changes_nothing(done: tuple[Tree, dict[str, Ended]]) -> None:
    found = json.loads(done[1]["retrained"].out.splitlines()[-1])
    assert done[1]["retrained"].code == 0 and found["verdict"] == "same" and found["first"] is None
    assert found["checks"][-1] == {
        "what": "history",
        "state": "same",
        "detail": "2 epochs trained anew gave the same numbers, and the same weights",
        "remedy": "",
        "first": "",
    }
    runs = [path for path in (done[0].root / ".saccade" / "runs").iterdir() if path.is_dir()]
    assert len(runs) == 1  # that of the training itself


@pytest.mark.parametrize(
    ("damage", "what", "name"),
    [
        ("array", "data", "data/prepared/digits/test.npy"),
        ("views", "data", "data/augmented/digits/train.npy"),
        ("key", "params", "runs.a.train.epochs"),
        ("evaluation key", "params", "runs.a.evaluate.top_k"),
        ("code", "code", "src/saccade/models/mlp.py"),
        ("weights", "weights", "models/a"),
        ("bundle", "weights", "models/a/bundle.json"),
        ("predictions", "results", "reports/a/evaluation/predictions.csv"),
        ("library", "libraries", "torch"),
        ("answers", "answers", "answers"),
        ("history", "history", "epoch 2"),
        ("torn history", "history", "reports/a/history.csv"),
    ],
)
def test_damage_is_named_first(done: tuple[Tree, dict[str, Ended]], damage: str, what: str, name: str) -> None:
    found = first(done, damage)
    assert (found["what"], found["first"]) == (what, name)


def test_a_changed_key_says_both_values(done: tuple[Tree, dict[str, Ended]]) -> None:
    assert first(done, "key")["detail"] == "runs.a.train.epochs is 3, and was 2"
    assert first(done, "evaluation key")["detail"] == "runs.a.evaluate.top_k is [1, 2], and was [1, 5]"


def test_another_processor_is_named_and_the_answers_are_compared_all_the_same(
    done: tuple[Tree, dict[str, Ended]],
) -> None:
    found = first(done, "processor")
    assert found["what"] == "processor" and "evaluated on another; here it is " in found["detail"]
    assert "differ by rounding" in found["detail"]
    checks = {check["what"]: check for check in json.loads(done[1]["processor"].out)["checks"]}
    assert checks["answers"]["state"] == "same"


def test_answers_of_other_bits_say_how_far_they_are_off(done: tuple[Tree, dict[str, Ended]]) -> None:
    detail = first(done, "answers")["detail"]
    assert "by less than the digits of predictions.csv show, and all" in detail and "decisions are the same" in detail
    assert "inside its interval" in detail


def test_data_that_are_gone_are_named_with_what_brings_them_back(done: tuple[Tree, dict[str, Ended]]) -> None:
    found = first(done, "data gone")
    assert found["detail"] == "not there: data/prepared/digits, data/augmented/digits/train.npy"
    assert "`dvc pull`" in found["remedy"] and "`dvc repro`" in found["remedy"]


def test_a_run_without_a_record_of_its_evaluation_is_the_same_as_far_as_it_goes(
    done: tuple[Tree, dict[str, Ended]],
) -> None:
    ended = done[1]["not evaluated"]
    found = json.loads(ended.out)
    states = {check["what"]: check["state"] for check in found["checks"]}
    assert ended.code == 0 and states["results"] == states["answers"] == "not checked" and states["weights"] == "same"


def test_without_a_record_there_is_nothing_to_verify(done: tuple[Tree, dict[str, Ended]]) -> None:
    ended = done[1]["no record"]
    assert ended.code == 1 and "reports/a/run.json does not exist: it is the record of the run. `dvc pull`" in ended.err


def test_tables_are_compared_cell_by_cell(tmp_path: Path) -> None:
    one, other, longer = (tmp_path / name for name in ("one.csv", "other.csv", "longer.csv"))
    one.write_text("row,predicted,p\n1,a,0.25\n2,b,0.5\n", encoding="utf-8")
    other.write_text("row,predicted,p\n1,a,0.2500004\n2,c,0.5\n", encoding="utf-8")
    longer.write_text("row,predicted,p\n1,a,0.25\n", encoding="utf-8")
    assert compare_tables(one, one) == (0.0, "all 2 decisions are the same")
    largest, decisions = compare_tables(one, other)
    assert largest == pytest.approx(4e-7) and decisions == "1 of 2 decisions differ"
    assert compare_tables(one, longer)[1] == "the tables are of other rows"


def test_keys_of_a_version_before_are_read_by_their_new_names(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {"dataset.split.by_heart": False, "train.gone": 3, "train.finetune": None, "seed": 0}
    now = {"dataset.split.overfit": False, "train.finetune": None, "seed": 0, "train.new": 1}
    params: Any = SimpleNamespace(runs={"a": SimpleNamespace(train=SimpleNamespace(precision="float32"))})
    run = verify_checks.VerifiedRun(params, "a", {"dataset": "d", "record": {"params": before}}, {})
    for changed, first in (
        ({}, ""),
        ({"dataset.split.overfit": True}, "datasets.d.split.overfit"),
        ({"seed": 1}, "seed"),
    ):
        monkeypatch.setattr(verify_checks, "current_params", lambda run, changed=changed: now | changed)
        assert verify_checks.check_params(run).first == first
    block = {key: value for key, value in now.items() if key != "train.finetune"} | {"train.finetune.decay": 1.0}
    monkeypatch.setattr(verify_checks, "current_params", lambda run: block)
    assert verify_checks.check_params(run).first == "runs.a.train.finetune"
