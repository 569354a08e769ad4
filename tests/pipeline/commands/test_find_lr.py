"""``saccade find-lr``, as users call it: on images, on a text and on a series; nothing but its two files is written."""

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Ended, Tree
from PIL import Image
from small_runs import dataset_entry, params_text, run_entry

pytestmark = pytest.mark.slow

RUNS = [
    run_entry("net", "{epochs: 2, batch_size: 32, optimizer: {name: adam, lr: 0.2}, mixup: 0.2, seed: 5}"),
    run_entry("flat", "{epochs: 1, batch_size: 32, optimizer: {name: sgd, lr: 0.1}, label_smoothing: 0.9999}"),
    """\
  word:
    dataset: hello
    task: {name: next_token}
    model: {name: rnn, hidden_size: 8, embedding_size: 4}
    train: {epochs: 5, batch_size: 1, optimizer: {name: adam, lr: 0.05}, clip_norm: 1.0}
    evaluate: {}
  tide:
    dataset: tides
    task: {name: forecast}
    model: {name: gru, hidden_size: 8}
    train: {epochs: 2, batch_size: 32, optimizer: {name: rmsprop, lr: 0.02}, loss: mae}
    evaluate: {device: cpu}
""",
]
DATASETS = [
    dataset_entry(),
    """\
  hello:
    source: {name: plain_text, text: hello}
    split: {overfit: true}
    preprocess: {unit: characters, length: 4}
    augment: {views: 0}
  tides:
    source: {name: series_table, path: tides.csv, targets: [level]}
    split: {test: 0.2, validation: 0.2, order: time}
    preprocess: {window: 24, horizon: 6, missing: interpolate}
    augment: {views: 0}
""",
]
PREPARE = [[stage, name] for name in ("digits", "hello", "tides") for stage in ("fetch", "preprocess", "augment")]
COMMANDS: dict[str, list[str]] = {
    "net": ["find-lr", "net"],
    "again": ["find-lr", "net", "--out", "made/again.png"],
    "word": ["find-lr", "word"],
    "tide": ["find-lr", "tide"],
    "flat": ["find-lr", "flat", "--updates", "60"],
    "no png": ["find-lr", "net", "--out", "here.jpg"],
    "no run": ["find-lr", "nets"],
    "too few": ["find-lr", "net", "--updates", "9"],
}


@pytest.fixture(scope="module")
def tree(make_tree: Callable[..., Tree]) -> Tree:
    tree = make_tree(tracks=False)
    tree.params.write_text(params_text(RUNS, datasets=DATASETS), encoding="utf-8")
    write_tides(tree.root / "tides.csv")
    return tree


@pytest.fixture(scope="module")
def ended(tree: Tree) -> dict[str, Ended]:
    results, _ = tree.run_all(["find-lr", "net"], *PREPARE)
    assert [result.code for result in results] == [1] + [0] * len(PREPARE), results
    before = tree.snapshot()
    found, modules = tree.run_all(*COMMANDS.values(), cold=True)
    assert not {name for name in modules if name.split(".")[0] == "mlflow"}
    written = {name for name, value in tree.snapshot().items() if before.get(name, "absent") != value}
    runs = ("net", "word", "tide", "flat")
    reports = {f"reports/{run}-learning-rate.{kind}" for run in runs for kind in ("png", "csv")}
    assert written == {"made", "made/again.png", "made/again.csv", *reports}
    named = {"not prepared": results[0], **dict(zip(COMMANDS, found, strict=True))}
    tree.replace("params.yaml", "lr: 0.2}", f"lr: {1.5 * suggested(named['net'].out):g}}}")
    return named | {"near": tree.run("find-lr", "net", "--out", "made/near.png")}


def write_tides(path: Path) -> None:
    rows = [f"2024-01-{1 + hour // 24:02} {hour % 24:02}:00,{50 + 9 * math.sin(hour / 2):.3f}" for hour in range(500)]
    path.write_text("\n".join(["when,level", *rows]) + "\n", encoding="utf-8")


def rows_of(tree: Tree, file: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((tree.root / file).read_text(encoding="utf-8"))))


def suggested(out: str) -> float:
    (line,) = [line for line in out.splitlines() if line.startswith("suggested learning rate: ")]
    return float(line.split(": ")[1])


def test_it_suggests_a_rate_and_names_the_line_to_change(ended: dict[str, Ended], tree: Tree) -> None:
    assert ended["net"].code == 0, ended["net"]
    rate = suggested(ended["net"].out)
    lines = params_text(RUNS, datasets=DATASETS).splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "lr: 0.2}" in text)
    assert f"\nparams.yaml, line {line}: lr: {rate:g} in place of 0.2\n" in ended["net"].out
    assert ended["net"].out.endswith(
        "drawn: reports/net-learning-rate.png; its numbers: reports/net-learning-rate.csv\n"
    )
    assert suggested(ended["near"].out) == rate  # whatever params.yaml says
    assert f"\nparams.yaml, line {line}: lr: {1.5 * rate:g} is about the same, and may stay\n" in ended["near"].out


@pytest.mark.parametrize(("name", "low", "high"), [("net", 0.0005, 0.01), ("tide", 0.0005, 0.1)])
def test_images_and_forecasts_have_rates(ended: dict[str, Ended], name: str, low: float, high: float) -> None:
    assert ended[name].code == 0, ended[name]
    assert low <= suggested(ended[name].out) <= high


def test_a_text_of_one_word_is_learnt_by_heart_at_any_rate(ended: dict[str, Ended]) -> None:
    assert ended["word"].code == 1 and "suggested" not in ended["word"].out
    assert "for word: the loss does not rise up to the highest rate, 100: nothing shows" in ended["word"].err


def test_the_same_bytes_again_and_the_picture_is_one(ended: dict[str, Ended], tree: Tree) -> None:
    for kind in ("csv", "png"):
        first, again = (tree.root / f"{place}.{kind}" for place in ("reports/net-learning-rate", "made/again"))
        assert first.read_bytes() == again.read_bytes()
    with Image.open(tree.root / "made/again.png") as picture:
        assert picture.format == "PNG" and picture.width > 700


def test_the_table_holds_each_update_of_each_repeat(ended: dict[str, Ended], tree: Tree) -> None:
    rows = rows_of(tree, "reports/flat-learning-rate.csv")
    assert list(rows[0]) == ["learning_rate", "loss_1", "loss_2", "loss_3", "smoothed_median"] and len(rows) == 60
    assert [float(row["learning_rate"]) for row in (rows[0], rows[-1])] == [1e-6, 100.0]
    assert len({rows[0][f"loss_{repeat}"] for repeat in (1, 2, 3)}) == 3  # weights and batches of their own
    assert all(2.0 < float(row["smoothed_median"]) < 2.6 for row in rows[:10])  # ten digits: 2.3 before learning


def test_a_loss_that_does_not_fall_suggests_nothing(ended: dict[str, Ended]) -> None:
    assert ended["flat"].code == 1 and "suggested" not in ended["flat"].out
    assert ended["flat"].err.startswith(
        "error: no learning rate can be suggested for flat: the loss falls at no rate: "
    )
    assert "(--updates 300)" in ended["flat"].err and "drawn: reports/flat-learning-rate.png" in ended["flat"].err


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        (
            "not prepared",
            1,
            "error: data/prepared/digits/dataset.json does not exist. Make it with `saccade preprocess digits`.",
        ),
        ("no run", 1, "error: runs of params.yaml has no 'nets'; did you mean 'net'?"),
        ("no png", 1, "error: --out (here.jpg) must end in .png"),
        ("too few", 2, ""),
    ],
)
def test_errors_name_the_remedy(ended: dict[str, Ended], name: str, code: int, message: str) -> None:
    assert (ended[name].code, ended[name].out) == (code, "")
    assert ended[name].err.startswith(message)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_suggestion_trains_as_well_as_the_best_of_a_grid(tree: Tree, ended: dict[str, Ended]) -> None:
    """All the small digits, eight epochs: the accuracy on validation, beside rates a factor of 10 apart."""
    whole = [dataset_entry(split="{}", augment="{views: 0}")]
    train = "{{epochs: 8, batch_size: 32, optimizer: {{name: adam, lr: {rate}}}, schedule: {{name: one_cycle}}}}"
    rates = {"low": 0.00003, "middle": 0.0003, "fair": 0.003, "high": 0.03, "broken": 0.3}
    runs = [run_entry(name, train.format(rate=rate)) for name, rate in rates.items()]
    tree.params.write_text(params_text(runs, datasets=whole), encoding="utf-8")
    assert all(tree.run(stage, "digits").code == 0 for stage in ("fetch", "preprocess", "augment"))
    rates["suggested"] = suggested(tree.run("find-lr", "fair").out)
    runs.append(run_entry("suggested", train.format(rate=rates["suggested"])))
    tree.params.write_text(params_text(runs, datasets=whole), encoding="utf-8")
    accuracies = {}
    for name in rates:
        assert tree.run("train", name).code == 0
        rows = rows_of(tree, f"reports/{name}/history.csv")
        accuracies[name] = float(rows[-1]["validation_accuracy"])
    assert accuracies["suggested"] > max(accuracies.values()) - 0.02, json.dumps([rates, accuracies])
    assert accuracies["suggested"] > min(accuracies.values()) + 0.2
