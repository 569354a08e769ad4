"""Settings that change nothing: each is told where it is one, and only there; and that it changes nothing is true."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ROOT, Tree
from flat_fit import fit
from small_runs import dataset_entry, params_text, run_entry
from torch import Tensor, nn

from pipeline.cli import checked_params
from pipeline.params.load import load_params
from pipeline.params.unused_settings import unused_settings
from saccade.batching.arrays import LabelledArrays
from saccade.core.files import write_json
from saccade.data.spec import Spec
from saccade.optim import optimizers
from saccade.optim.class_weights import class_weights
from saccade.optim.losses import cross_entropy
from saccade.train.state import TrainingState

BASE = {"epochs": "6", "batch_size": "16", "optimizer": "{name: adam, lr: 0.01}"}


def told(
    folder: Path, train: str = "", *, evaluate: str = "{}", augment: str = "{views: 0}", place: tuple[str, ...] = ()
) -> list[str]:
    """What is said of a run with these settings beside the base's, or in their place."""
    folder.mkdir(exist_ok=True)
    given = {key.strip(): value for key, _, value in (one.partition(": ") for one in train.split("; ") if one)}
    block = ", ".join(f"{key}: {value}" for key, value in (BASE | given).items())
    text = params_text([run_entry("a", f"{{{block}}}", evaluate=evaluate)], datasets=[dataset_entry(augment=augment)])
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    return [str(problem) for problem in unused_settings(load_params(folder / "params.yaml"), *place)]


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """``prepared([50, 50])``: digits has classes of so many training examples, and all is said of that."""
    monkeypatch.chdir(tmp_path)

    def write(counts: list[int]) -> Path:
        spec = Spec("image", (20, 20, 1), tuple(f"class {k}" for k in range(len(counts)))).to_dict()
        known = {"counts": {"train": sum(counts)}, "class_counts": {"train": counts}}
        values = {"format": 1, "spec": spec, "mean": [], "std": [], "arrays": {}, **known}
        write_json(Path("data/prepared/digits/dataset.json"), values)
        return tmp_path

    return write


# What the file alone tells: a setting, one beside it that does something, and what is said

ALONE = {
    "patience": (
        "early_stopping: {patience: 5}",
        "early_stopping: {patience: 4}",
        "train.early_stopping.patience: patience (5) cannot run out before the last of 6 epochs: lower it",
    ),
    "one_cycle": (
        "early_stopping: {patience: 2}; schedule: {name: one_cycle}",
        "early_stopping: {patience: 2}; schedule: {name: cosine}",
        "train.early_stopping: one_cycle brings the rate down towards the last of 6 epochs, and a training that "
        "stops before gets little of it: take constant, step or cosine; or keep: best alone",
    ),
    "best of one": (
        "epochs: 1; keep: best",
        "epochs: 2; keep: best",
        "train.keep: of one epoch, the best is the last",
    ),
    "warm-up": (
        "schedule: {name: cosine, warmup_epochs: 6}",
        "schedule: {name: cosine, warmup_epochs: 5.5}",
        "train.schedule.warmup_epochs: the rate rises through all of 6 epochs, and the schedule never begins: lower it",
    ),
    "steps": (
        "schedule: {name: step, every_epochs: 6}",
        "schedule: {name: step, every_epochs: 5}",
        "train.schedule.every_epochs: the rate first steps down 6 epochs in, and there are 6: lower it",
    ),
    "steps after warm-up": (
        "schedule: {name: step, every_epochs: 4, warmup_epochs: 2}",
        "schedule: {name: step, every_epochs: 4, warmup_epochs: 1}",
        "train.schedule.every_epochs: the rate first steps down 4 epochs in after the warm-up, and there are 6: "
        "lower it",
    ),
    "mixup": (
        "batch_size: 1; mixup: 0.2",
        "batch_size: 1; accumulation_steps: 2; mixup: 0.2",
        "train.mixup: an update of one example has none to mix it with",
    ),
    "cutmix": (
        "batch_size: 1; cutmix: 0.2",
        "batch_size: 2; cutmix: 0.2",
        "train.cutmix: an update of one example has none to mix it with",
    ),
    "device": (
        "device: 'cuda:1'; processes: 2",
        "device: 'cuda:1'",
        "train.device: each of several processes takes the GPU of its own number: write cuda",
    ),
    "processes": (
        "batch_size: 2; processes: 5",
        "batch_size: 5; processes: 5",
        "train.processes: a batch of 2 has nothing for 3 of them: lower it",
    ),
}


@pytest.mark.parametrize("name", ALONE)
def test_the_file_alone_tells(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # nothing is prepared
    idle, working, message = ALONE[name]
    assert told(tmp_path, idle) == [f"runs.a.{message}"]
    assert told(tmp_path, working) == []


# What is known once the data are prepared

PREPARED = {
    "batch": (
        [30, 20],
        "batch_size: 51",
        "batch_size: 50",
        "train.batch_size: there are 50 training examples: every update sees them all, as with 50",
    ),
    "accumulation": (
        [30, 20],
        "accumulation_steps: 5",
        "accumulation_steps: 4",
        "train.accumulation_steps: an epoch has no more than 4 batches: there is one update in each, as with 4",
    ),
    "weights": (
        [25, 25],
        "class_weights: effective",
        "class_weights: none",
        "train.class_weights: every class has 25 training examples: none counts for more than another",
    ),
    "sampler": (
        [25, 25],
        "sampler: balanced",
        "sampler: shuffle",
        "train.sampler: every class has 25 training examples: none counts for more than another",
    ),
    "average": (
        [30, 20],
        "ema_decay: 0.99",
        "ema_decay: 0.73",
        "train.ema_decay: 24 updates are too few to reach it: every value from 0.7353 on averages alike",
    ),
}


@pytest.mark.parametrize("name", PREPARED)
def test_data_that_are_prepared_tell(name: str, prepared: Callable[..., Path]) -> None:
    counts, idle, working, message = PREPARED[name]
    assert told(Path(), idle) == []
    prepared(counts)
    assert told(Path(), idle) == [f"runs.a.{message}"]
    assert told(Path(), working) == []
    Path("data/prepared/digits/dataset.json").write_text("{", encoding="utf-8")  # whoever reads it says what is wrong
    assert told(Path(), idle) == []


def test_classes_of_unequal_size_are_what_weights_and_samplers_are_for(prepared: Callable[..., Path]) -> None:
    prepared([25, 24])
    assert told(Path(), "class_weights: inverse") == told(Path(), "sampler: balanced") == []


def test_top_k_among_few_classes_and_none(prepared: Callable[..., Path]) -> None:
    prepared([20, 21, 22])
    assert told(Path(), evaluate="{top_k: [1, 2, 3, 5]}") == [
        "runs.a.evaluate.top_k: among 3 classes the right one is always among the first 3: lower it, or leave it out"
    ]
    assert told(Path(), evaluate="{top_k: [1, 2]}") == told(Path(), evaluate="{}") == []


def test_views_that_nobody_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    turned = "transforms: [{name: Affine, rotate: [-5, 5], p: 1.0}]"
    at = "datasets.digits.augment"
    assert told(tmp_path, augment=f"{{views: 8, {turned}}}") == [
        f"{at}.views: epoch e reads view e, and no run is longer than 6 epochs: 2 of 8 not read"
    ]
    assert told(tmp_path, augment=f"{{views: 0, include_original: true, {turned}}}") == [
        f"{at}.transforms: with views: 0 no image is transformed: set views, or mode: online; or evaluate.tta in a run",
        f"{at}.include_original: without views, training sees the images as they are, and nothing else",
    ]
    for augment in (f"{{views: 6, {turned}}}", f"{{mode: online, include_original: true, {turned}}}"):
        assert told(tmp_path, augment=augment) == []
    assert told(tmp_path, augment=f"{{views: 0, {turned}}}", evaluate="{tta: 3}") == []


def test_a_crop_of_less_than_a_pixel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert told(tmp_path, augment="{views: 0, evaluate_crop: 0.98}") == [
        "datasets.digits.augment.evaluate_crop: 0.98 leaves out less than a pixel of 20x20: leave it out, or look at "
        "less"
    ]
    for share in ("0.97", "0.875", "1", "1.0", "auto"):
        assert told(tmp_path, augment=f"{{views: 0, evaluate_crop: {share}}}") == []


def test_a_stage_is_told_of_its_own_settings(tmp_path: Path, prepared: Callable[..., Path]) -> None:
    prepared([20, 21])
    augment = "{views: 9, transforms: [{name: Affine, rotate: [-5, 5], p: 1.0}]}"

    def here(*place: str) -> list[str]:
        return told(tmp_path, "keep: best; epochs: 1", evaluate="{top_k: [2]}", augment=augment, place=place)

    every = here()
    assert [line.split(": ")[0] for line in every] == [
        "datasets.digits.augment.views",
        "runs.a.train.keep",
        "runs.a.evaluate.top_k",
    ]
    places = [("datasets", "digits", "augment"), ("runs", "a", "train"), ("runs", "a", "evaluate"), ("runs", "b")]
    assert [here(*place) for place in places] == [*([line] for line in every), []]


def test_nothing_that_is_shipped_is_without_effect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = [ROOT / "params.yaml", *sorted((ROOT / "recipes").glob("*.yaml"))]
    for file in files:
        text = file.read_text(encoding="utf-8")
        head = "" if file.name == "params.yaml" else "seed: 0\ntracking: {experiment: test}\n"
        (tmp_path / "params.yaml").write_text(head + text, encoding="utf-8")
        assert [str(problem) for problem in unused_settings(load_params(tmp_path / "params.yaml"))] == [], file
    assert len(files) > 5


# That it is true

DATA = LabelledArrays(
    torch.randn(1, 12, 5, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2] * 4)
)  # four of each class


EQUAL = class_weights([4, 4, 4], "inverse")


def weights(**options: Any) -> Tensor:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(5, 7), nn.Linear(7, 3))
    state = TrainingState(network, optimizers.build("sgd", network, lr=0.1), with_average="ema_decay" in options)
    settings: dict[str, Any] = {
        "loss": cross_entropy, "schedule": lambda step: 1.0, "lr": 0.1, "epochs": 3, "batch_size": 4, "clip_norm": None,
        "device": torch.device("cpu"), "precision": "float32", "seed": 4,
    }  # fmt: skip
    for _ in fit(state, DATA, DATA, **(settings | options)):
        pass
    return torch.cat([parameter.flatten() for parameter in state.result.parameters()]).detach()


@pytest.mark.parametrize(
    ("idle", "same", "other"),
    [
        ({"batch_size": 13}, {"batch_size": 12}, {"batch_size": 11}),
        ({"accumulation_steps": 7}, {"accumulation_steps": 3}, {"accumulation_steps": 2}),
        ({"ema_decay": 0.9}, {"ema_decay": 10 / 19}, {"ema_decay": 0.5}),
        ({"mixup": 1.0, "batch_size": 1}, {"batch_size": 1}, {"mixup": 1.0}),
        ({"class_weights": EQUAL}, {}, {"class_weights": class_weights([4, 4, 5], "inverse")}),
        ({"patience": 2}, {}, {"patience": 1, "min_delta": 9.0}),
    ],
)
def test_what_is_said_to_change_nothing_changes_nothing(
    idle: dict[str, Any], same: dict[str, Any], other: dict[str, Any]
) -> None:
    # an example that is blended with itself is rounded
    torch.testing.assert_close(weights(**idle), weights(**same), rtol=1e-5 if "mixup" in idle else 0, atol=1e-7)
    assert (weights(**other) - weights(**same)).abs().max() > 1e-4


# As users meet it


ADDING = """\
  sums: {source: {name: adding, length: 4, examples: 40}, split: {}, preprocess: {}, augment: {views: 0}}
"""
ADDER = run_entry(
    "adder",
    "{epochs: 1, batch_size: 8, optimizer: {name: adam, lr: 0.1}}",
    dataset="sums",
    model="{name: lstm}",
    evaluate="{top_k: [1]}",
).replace("classify", "regress")
VIEWS = (
    "warning: datasets.digits.augment.views: epoch e reads view e, and no run is longer than 1 epoch: 1 of 2 not read"
)
KEEP = "warning: runs.a.train.keep: of one epoch, the best is the last"
TOP_K = "warning: runs.adder.evaluate.top_k: the task does not predict one class an example"


@pytest.fixture
def warned(tree: Tree) -> Tree:
    digits = dataset_entry(augment="{views: 2, transforms: [{name: Affine, rotate: [-5, 5], p: 1.0}]}")
    run = run_entry("a", f"{{epochs: 1, batch_size: 16, keep: best, optimizer: {BASE['optimizer']}}}")
    tree.params.write_text(params_text([run, ADDER], datasets=[digits, ADDING]), encoding="utf-8")
    return tree


def test_check_and_the_stages_warn_and_go_on(warned: Tree) -> None:
    """Nothing is prepared: the stages end with an error, but of another kind."""
    commands = [["check"], ["augment", "digits"], ["train", "a"], ["evaluate", "adder"], ["fetch", "digits"]]
    ended, _ = warned.run_all(*commands)
    assert [each.code for each in ended] == [0, 1, 1, 1, 0], ended
    assert ended[0].out.startswith("params.yaml is fine")
    said = [[line for line in each.err.splitlines() if line.startswith("warning: ")] for each in ended]
    assert said == [[VIEWS, KEEP, TOP_K], [VIEWS], [KEEP], [TOP_K], []]


@pytest.mark.parametrize(
    ("environment", "lines"),
    [
        ({}, [KEEP]),
        ({"SACCADE_LAUNCHER_PID": "1"}, []),  # who launched us has said it
        ({"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}, []),
        ({"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"}, [KEEP]),
    ],
)
def test_of_several_processes_one_warns(
    warned: Tree,
    environment: dict[str, str],
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(warned.root)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    checked_params.warn_of_unused_settings(load_params(warned.params), "runs", "a", "train")
    assert capsys.readouterr().err.splitlines() == lines
