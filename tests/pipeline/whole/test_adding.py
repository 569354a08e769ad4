"""Adding a kind of data, a model, a task or a source is adding one folder or file: nothing else is edited.

A copy of the tree gets a kind ``counts`` (rows of integers), two sources, a model and a task, and runs them from fetch
to predict.
"""

import json
from collections.abc import Callable

import numpy as np
import pytest
from conftest import Ended, Tree

KIND = '''
"""Rows of whole numbers."""

LAYOUT = "vector"
PLURAL = "rows of counts"
FORMS = {"classes": "labelled_counts"}


def baseline(info):
    """The class whose mean row is the nearest."""
    from saccade.kinds import Baseline

    def measure(train, validation, test):
        import numpy as np

        means_KF = np.stack([train.examples[train.labels == k].mean(axis=0) for k in range(len(info.spec.classes))])
        nearest_N = np.square(test.examples[:, None] - means_KF).sum(axis=2).argmin(axis=1)
        return {"accuracy": float((nearest_N == test.labels).mean())}

    return Baseline("the nearest mean", measure, ("accuracy",))


def read_new(reading):
    """A row a line, numbers with commas between them."""
    import numpy as np

    from saccade.kinds import NewExample, NewExamples

    rows = []
    for path in reading.paths:
        for number, line in enumerate((reading.here / path).read_text().splitlines(), start=1):
            name = f"{path}:{number}"
            rows.append(NewExample(name, {"path": path, "line": number}, np.array(line.split(","), dtype=np.int32)))
    return NewExamples("row", [row.name for row in rows], [rows], len(rows))
'''

FORM = '''
"""Labelled rows of whole numbers: split and write."""

from typing import Annotated

import numpy as np

from saccade.core.options import Between, Example
from saccade.data.spec import Spec
from saccade.display.class_balance import class_balance
from saccade.kinds import Job, Prepared
from saccade.prepare.arrays import ArrayBuilder, rows_of_splits, write_arrays
from saccade.prepare.groups import group_keys
from saccade.prepare.moments import FeatureMoments
from saccade.prepare.split_settings import assign

SPLIT = ("folds", "fold", "train_fraction")


def prepare(
    examples, job: Job, *, largest: Annotated[int, Between(1, 1000), Example("9")], drop_zeros: bool = False
) -> Prepared:
    """Split and write.

    Args:
        examples: rows of a source.
        job: folders and splits.
        largest: largest count; larger ones are taken for it
        drop_zeros: leave rows of zeros out

    Returns:
        What was written.
    """
    rows_NF = np.minimum(examples.rows, largest).astype(np.int32)
    left_out_N = (rows_NF == 0).all(axis=1) & drop_zeros
    splits_N = assign(job.split, examples.labels, examples.classes, group_keys(examples.ids), left_out=left_out_N)
    spec = Spec("counts", rows_NF.shape[1:], examples.classes, layout="vector")
    builder = ArrayBuilder(spec, np.int32, rows_NF.__getitem__, examples.labels.__getitem__, FeatureMoments(4))
    info = write_arrays(job.folder, builder, rows_of_splits(splits_N), job.progress)
    return Prepared(info, [class_balance(info)], notes=examples.notes)
'''

COUNTS = '''
"""Rows of counts around the means of their class, generated."""

from types import SimpleNamespace

import numpy as np

KIND = "counts"


def fetch(folder, *, count: int = 240, progress=None):
    """Generate the rows."""
    means_KF = np.array([[8, 1, 0, 2], [1, 6, 2, 0], [0, 2, 9, 7]])
    labels_N = np.arange(count) % 3
    rows_NF = np.random.default_rng(0).poisson(means_KF[labels_N])
    np.save(folder / "rows.npy", np.column_stack([labels_N, rows_NF]))


def read(folder):
    """The rows as examples."""
    table = np.load(folder / "rows.npy")
    ids = [str(i) for i in range(len(table))]
    return SimpleNamespace(rows=table[:, 1:], labels=table[:, 0], classes=("low", "middle", "high"), ids=ids, notes=())
'''

STRIPES = '''
"""Images of stripes across or down, generated."""

import numpy as np

from saccade.readers.examples import ImageExamples

KIND = "image"


def fetch(folder, *, side: int = 12, progress=None):
    """Generate the images."""
    images_NHW = np.random.default_rng(0).integers(0, 60, (80, side, side), dtype=np.uint8)
    images_NHW[::2, ::2] += 150
    images_NHW[1::2, :, ::2] += 150
    np.save(folder / "images.npy", images_NHW)


def read(folder):
    """The images as examples."""
    images_NHW = np.load(folder / "images.npy")
    labels_N = np.arange(len(images_NHW)) % 2
    return ImageExamples(("across", "down"), labels_N, images_NHW.__getitem__, list(map(str, range(len(images_NHW)))))
'''

MODEL = '''
"""A linear layer over everything."""

import math

from torch import nn

from saccade.nn.arguments import Share

ACCEPTS = ("image", "vector")
TYPICAL_SHAPE = (8, 8, 1)
TYPICAL_CLASSES = 3


def build(spec, *, dropout: Share = 0.0) -> nn.Module:
    """Build the network.

    Args:
        spec: any image or vector.
        dropout: share of the inputs that training drops.

    Returns:
        A module from a batch to logits.
    """
    return nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(math.prod(spec.shape), spec.num_outputs))
'''

TASK = '''
"""One label an example, measured by how often it is wrong, with a loss and a score of its own."""

KINDS = ("image", "vector")
LABELS = "classes"
LOSSES = ("margin", "cross_entropy")
SCORE = "lead"


def margin(logits_BK, target_B, weight_K=None):
    """How far the right class stays behind the best other one, or leads it by less than 1."""
    from torch.nn.functional import multi_margin_loss

    return multi_margin_loss(logits_BK, target_B, weight=weight_K)


def lead(logits_BK, target_B):
    """The sum of the shares of logits that are below that of the right class."""
    own_B1 = logits_BK.gather(1, target_B[:, None])
    return (logits_BK < own_B1).float().mean(dim=1).sum()


def evaluate(folder, probabilities_NK, test, spec, history):
    """Measure the answers on the test split."""
    wrong_N = probabilities_NK.argmax(axis=1) != test.labels
    (folder / "wrong.csv").write_text("row\\n" + "".join(f"{row}\\n" for row in test.rows[wrong_N]))
    return {"error_rate": float(wrong_N.mean())}
'''

ADDED = {
    "kinds/counts/__init__.py": KIND,
    "kinds/counts/labelled_counts.py": FORM,
    "datasets/rows_of_counts.py": COUNTS,
    "datasets/stripes.py": STRIPES,
    "models/straight.py": MODEL,
    "tasks/miss.py": TASK,
}

PARAMS = """\
seed: 0
tracking: {experiment: saccade}
datasets:
  beans:
    source: {name: rows_of_counts, count: 300}
    split: {}
    preprocess: {largest: 12}
    augment: {views: 0}
  zebras:
    source: {name: stripes}
    split: {}
    preprocess: {size: [8, 8], channels: 1, near_duplicates: false}
    augment: {views: 0}
runs:
  mlp-beans:
    dataset: beans
    task: {name: classify}
    model: {name: mlp, hidden: [16]}
    train: {epochs: 12, batch_size: 16, optimizer: {name: adam, lr: 0.02}}
    evaluate: {}
  straight-zebras:
    dataset: zebras
    task: {name: miss}
    model: {name: straight}
    train: {epochs: 8, batch_size: 16, loss: margin, optimizer: {name: adam, lr: 0.01}}
    evaluate: {}
"""

DATASETS, RUNS = ("beans", "zebras"), ("mlp-beans", "straight-zebras")
COMMANDS = {
    "check": ["check"],
    "list": ["list"],
    **{
        f"{stage} {name}": [stage, name] for name in ("beans", "zebras") for stage in ("fetch", "preprocess", "augment")
    },
    **{
        f"{stage} {name}": [stage, name] for name in ("mlp-beans", "straight-zebras") for stage in ("train", "evaluate")
    },
    "predict": ["predict", "mlp-beans", "new.csv"],
    "predict json": ["predict", "mlp-beans", "new.csv", "--json"],
    "describe": ["describe", "run", "mlp-beans"],
    "describe added": ["describe", "model", "straight"],
    "compare": ["compare"],
}


@pytest.fixture(scope="module")
def grown(make_tree: Callable[..., Tree]) -> tuple[Tree, dict[str, Ended]]:
    """A copy of the tree with all that is added, and how each command ended."""
    tree = make_tree(tracks=False)
    for name, text in ADDED.items():
        path = tree.root / "src" / "saccade" / name
        assert not path.exists()
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.lstrip())
    tree.params.write_text(PARAMS)
    (tree.root / "new.csv").write_text("8,1,0,2\n0,1,10,7\n1,7,2,0\n")
    ended, _ = tree.run_all(*COMMANDS.values())
    return tree, dict(zip(COMMANDS, ended, strict=True))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_knows_what_was_added(grown: tuple[Tree, dict[str, Ended]], command: str) -> None:
    ended = grown[1][command]
    assert ended.code == 0, ended


def test_what_was_added_is_listed(grown: tuple[Tree, dict[str, Ended]]) -> None:
    assert all(name in grown[1]["list"].out for name in ("rows_of_counts", "stripes", "straight", "miss", "Images of"))
    assert "params.yaml is fine: 2 datasets, 2 runs" in grown[1]["check"].out


def test_a_kind_says_what_its_arrays_are(grown: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = grown
    info = json.loads((tree.root / "data/prepared/beans/dataset.json").read_text())
    assert info["spec"]["kind"] == "counts" and info["spec"]["layout"] == "vector" and info["spec"]["shape"] == [4]
    train = np.load(tree.root / "data/prepared/beans/train.npy")
    assert train.dtype == np.int32 and train.max() <= 12
    np.testing.assert_allclose(info["mean"], train.mean(axis=0), rtol=1e-12)
    assert "rows of counts of 4, 3 classes" in ended["preprocess beans"].out
    page = (tree.root / "reports/datasets/beans/summary.md").read_text()
    assert page.splitlines()[2] == "What the dataset looks like after preprocess: rows of counts of 3 classes."


def test_a_network_learns_from_it_and_is_compared(grown: tuple[Tree, dict[str, Ended]]) -> None:
    metrics = json.loads((grown[0].root / "reports/mlp-beans/metrics.json").read_text())
    assert metrics["accuracy"] > 0.8 and 0.8 < metrics["baseline_accuracy"] <= 1


def test_new_examples_are_read_by_the_kind(grown: tuple[Tree, dict[str, Ended]]) -> None:
    lines = grown[1]["predict"].out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["row", "label"],
        ["new.csv:1", "low"],
        ["new.csv:2", "high"],
        ["new.csv:3", "middle"],
    ]
    records = [json.loads(line) for line in grown[1]["predict json"].out.splitlines()]
    assert [(one["line"], one["label"]) for one in records] == [(1, "low"), (2, "high"), (3, "middle")]
    assert all(set(one["probabilities"]) == {"low", "middle", "high"} for one in records)


def test_a_task_measures_in_its_own_way(grown: tuple[Tree, dict[str, Ended]]) -> None:
    tree = grown[0]
    metrics = json.loads((tree.root / "reports/straight-zebras/metrics.json").read_text())
    assert metrics["error_rate"] < 0.2 and next(iter(metrics)) == "error_rate"
    assert (tree.root / "reports/straight-zebras/evaluation/wrong.csv").exists()


def test_a_task_brings_its_own_loss_and_score(grown: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = grown
    first, *_, last = (tree.root / "reports/straight-zebras/history.csv").read_text().splitlines()
    row = dict(zip(first.split(","), last.split(","), strict=True))
    assert 0 <= float(row["validation_loss"]) < 0.3 and float(row["validation_lead"]) == pytest.approx(0.5, abs=0.1)
    assert "validation lead" in ended["train straight-zebras"].out
    # What its file says decides the run; a task that brings nothing of its own decides nothing of the training
    digests = {}
    for journal in (tree.root / ".saccade/runs").glob("*/journal.jsonl"):
        run = json.loads(journal.read_text().splitlines()[0])["run"]
        digests[run] = journal.parent.name
    for task, run, is_anew in (("miss", "straight-zebras", True), ("classify", "mlp-beans", False)):
        path = tree.root / f"src/saccade/tasks/{task}.py"
        text = path.read_text()
        path.write_text(text + "\n# another line\n")
        again = tree.run("train", run)
        path.write_text(text)
        assert again.code == 0, again
        stores = {folder.name for folder in (tree.root / ".saccade/runs").iterdir()} - set(digests.values())
        assert bool(stores) == is_anew, again.out
        for name in stores:
            digests[f"{run} again"] = name


def test_a_run_records_the_options_of_its_own_kind_alone(grown: tuple[Tree, dict[str, Ended]]) -> None:
    tree = grown[0]
    started = {}
    for journal in (tree.root / ".saccade/runs").glob("*/journal.jsonl"):
        first = json.loads(journal.read_text().splitlines()[0])
        options = {key.split(".")[2] for key in first["params"] if key.startswith("dataset.preprocess.")}
        started[first["run"]] = options
    assert started == {
        "mlp-beans": {"largest", "drop_zeros"},
        "straight-zebras": {
            "size",
            "channels",
            "fit",
            "on_unreadable",
            "on_conflict",
            "near_duplicates",
            "value_range",
        },
    }


WRONG = {
    "largest: 12": ("largest: 0", "datasets.beans.preprocess.largest: 0: must be greater than or equal to 1"),
    "{largest: 12}": ("{}", "datasets.beans.preprocess.largest: missing; labelled counts need it, such as largest: 9"),
    "largest: 12}": (
        "largest: 12, sizes: 3}",
        "datasets.beans.preprocess.sizes: labelled counts take no sizes; known: drop_zeros, largest",
    ),
    "split: {}\n    preprocess: {largest": (
        "split: {group_by: x}\n    preprocess: {largest",
        "datasets.beans.split.group_by: rows_of_counts gives labelled counts, which take no group_by: leave it out",
    ),
    "loss: margin": ("loss: lead", "runs.straight-zebras.train.loss: miss knows margin and cross_entropy, not 'lead'"),
    "{name: mlp, hidden: [16]}": ("{name: lenet5}", "runs.mlp-beans.model: lenet5 takes image, but beans is vector"),
}


@pytest.fixture(scope="module")
def refused(grown: tuple[Tree, dict[str, Ended]]) -> dict[str, Ended]:
    tree, commands = grown[0], []
    for old, (new, _) in WRONG.items():
        assert old in PARAMS
        commands += [["!", f"open('params.yaml', 'w').write({PARAMS.replace(old, new, 1)!r}) and None"], ["check"]]
    ended, _ = tree.run_all(*commands)
    return dict(zip(WRONG, ended[1::2], strict=True))


@pytest.mark.parametrize("old", WRONG)
def test_what_is_wrong_with_an_added_kind_is_told_as_of_any_other(refused: dict[str, Ended], old: str) -> None:
    ended = refused[old]
    assert ended.code == 2
    (problem,) = ended.err.splitlines()[1:]
    assert problem.split(": ", 1)[1] == WRONG[old][1]
