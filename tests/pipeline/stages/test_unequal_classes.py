"""Class weights and the balanced sampler from params.yaml to the weights, and into what makes a run another one."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Tree
from pydantic import ValidationError
from safetensors.torch import load_file
from sklearn.utils.class_weight import compute_class_weight
from small_runs import params_text, run_entry

from pipeline.schema.train import TrainBlock
from saccade.batching.samplers import SAMPLERS
from saccade.bundle.bundle import read_config
from saccade.optim.class_weights import SCHEMES

pytestmark = pytest.mark.timeout(900)

RATE = 1e-9  # so low that the loss over the epoch is that of the weights at its end
RUNS = {"plain": "", "weighted": ", class_weights: inverse", "drawn": ", sampler: balanced"}
PARAMS = params_text(
    [
        run_entry(name, f"{{epochs: 1, batch_size: 50, optimizer: {{name: sgd, lr: {RATE}}}{extra}}}")
        for name, extra in RUNS.items()
    ]
)


@pytest.fixture(scope="module")
def trained(make_tree: Callable[..., Tree]) -> Tree:
    tree = make_tree(tracks=False)
    tree.params.write_text(PARAMS, encoding="utf-8")
    commands = [[stage, "digits"] for stage in ("fetch", "preprocess", "augment")] + [["train", name] for name in RUNS]
    results, _ = tree.run_all(*commands)
    assert [ended.code for ended in results] == [0] * 6, results
    return tree


def report(tree: Tree, run: str) -> dict[str, Any]:
    return json.loads((tree.root / "reports" / run / "run.json").read_text(encoding="utf-8"))


def first_row(tree: Tree, run: str) -> dict[str, float]:
    header, row = (tree.root / "reports" / run / "history.csv").read_text(encoding="utf-8").splitlines()
    return dict(zip(header.split(","), map(float, row.split(",")), strict=True))


def test_the_weights_come_from_the_training_split(trained: Tree) -> None:
    prepared = trained.root / "data" / "prepared" / "digits"
    images, labels = (np.load(prepared / f"train{suffix}.npy") for suffix in ("", "_labels"))
    network = read_config(trained.root / "models" / "weighted").build_network().eval()
    network[1].load_state_dict(load_file(trained.root / "models" / "weighted" / "weights.safetensors"))
    with torch.no_grad():
        logits_NK = network(torch.from_numpy(images))
    losses_N = torch.nn.functional.cross_entropy(logits_NK, torch.from_numpy(labels), reduction="none").numpy()
    weights_K = compute_class_weight("balanced", classes=np.arange(10), y=labels)
    weighted = (weights_K[labels] * losses_N).mean()
    assert first_row(trained, "weighted")["train_loss"] == pytest.approx(weighted, rel=1e-5)
    assert first_row(trained, "plain")["train_loss"] == pytest.approx(losses_N.mean(), rel=1e-5)
    assert weighted != pytest.approx(losses_N.mean(), rel=1e-4)


def test_validation_stays_comparable(trained: Tree) -> None:
    losses = [first_row(trained, run)["validation_loss"] for run in RUNS]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)


def test_the_sampler_decides_what_is_seen(trained: Tree) -> None:
    drawn, plain = (first_row(trained, run)["train_loss"] for run in ("drawn", "plain"))
    assert drawn != pytest.approx(plain, rel=1e-5)


def test_they_are_recorded_and_make_another_run(trained: Tree) -> None:
    reports = {run: report(trained, run) for run in RUNS}
    recorded = {
        run: (values["record"]["params"]["train.class_weights"], values["record"]["params"]["train.sampler"])
        for run, values in reports.items()
    }
    assert recorded == {
        "plain": ("none", "shuffle"), "weighted": ("inverse", "shuffle"), "drawn": ("none", "balanced"),
    }  # fmt: skip
    for key in ("identity", "weights_sha256"):
        assert len({values[key] for values in reports.values()}) == 3


def test_both_together_are_refused() -> None:
    options = {"epochs": 1, "batch_size": 8, "optimizer": {"name": "sgd", "lr": 0.1}, "sampler": "balanced"}
    assert TrainBlock.model_validate(options).class_weights == "none"
    for scheme in SCHEMES:
        with pytest.raises(
            ValidationError, match=rf"class_weights \({scheme}\) and sampler \(balanced\) must not both"
        ):
            TrainBlock.model_validate(options | {"class_weights": scheme})


def test_params_name_what_the_library_knows() -> None:
    schema = TrainBlock.model_json_schema()["properties"]
    assert schema["class_weights"]["enum"] == ["none", *SCHEMES]
    assert schema["sampler"]["enum"] == list(SAMPLERS)
