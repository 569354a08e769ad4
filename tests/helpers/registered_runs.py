"""Runs that look trained and evaluated: a project with real bundles and the reports that belong to them."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ruamel.yaml import YAML

from pipeline import paths
from pipeline.runs.identity import code_items
from pipeline.runs.tables import write_history
from saccade.bundle import bundle
from saccade.bundle.bundle import NetworkConfig, weights_sha256
from saccade.core.files import replacing_folder, sha256_of_file, write_json
from saccade.data.spec import Spec
from saccade.evaluate.outcomes import FILE_NAME, Outcomes, write_outcomes

ROOT = Path(__file__).resolve().parents[2]
SPEC = Spec("image", (5, 6, 3), ("disc", "ring"))
PARAMS = {
    "seed": 0,
    "dataset.source.name": "image_folder",
    "dataset.split.test": 0.2,
    "task.name": "classify",
    "model.name": "mlp",
    "train.optimizer.name": "adam",
    "train.optimizer.lr": 0.01,
    "train.schedule.name": "constant",
}
IDENTITY = "0123abcd" * 8


def git(*arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)


def commit_project(root: Path) -> str:
    """A repository with params.yaml, dvc.yaml and a line of code in all that it lists; the commit."""
    (root / "dvc.yaml").write_text((ROOT / "dvc.yaml").read_text())
    (root / "params.yaml").write_text("seed: 0\n")
    items = code_items("mlp", "classify") | {"item.source.name": "digits"}
    stages = YAML(typ="safe", pure=True).load(root / "dvc.yaml")["stages"]
    for listed in {each for stage in stages.values() for each in stage["do"]["deps"] if each[:4] in ("src/", "pipe")}:
        path = root / re.sub(r"\$\{([^}]+)\}", lambda match: items[match[1]], listed)
        file = path if path.suffix else path / "code.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# {listed}\n")
    (root / "src" / "saccade" / "__init__.py").write_text("")
    (root / ".gitignore").write_text("/models/\n/reports/\n/.saccade/\n/mlflow.db*\n/mlartifacts/\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "all")
    return subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


def config_of(spec: Spec = SPEC, task: str = "classify", **values: Any) -> NetworkConfig:
    channels = spec.shape[-1] if spec.layout in ("image", "series") else 0
    return NetworkConfig("mlp", {"hidden": [4]}, spec, task, [0.4] * channels, [0.2] * channels, IDENTITY, **values)


def write_run(
    name: str,
    right: Sequence[float],
    *,
    commit: str,
    seed: int = 0,
    config: NetworkConfig | None = None,
    test_set: str = "a" * 64,
    tags: Mapping[str, str] | None = None,
    params: Mapping[str, Any] | None = None,
) -> None:
    """Write models/<name> and reports/<name>, as train and evaluate do.

    Args:
        name: key of the run.
        right: 1 for each test example that it is right about, else 0.
        commit: commit that its record names.
        seed: decides its weights.
        config: its network; None: one of two classes of small pictures.
        test_set: digest of the test examples.
        tags: tags of the record, more or others.
        params: recorded params, more or others.
    """
    config = config or config_of(temperature=1.5)
    torch.manual_seed(seed)
    with replacing_folder(paths.model(name)) as folder:
        bundle.save(folder, config, config.build_network())
    model, report = paths.model(name), paths.report(name)
    clean = {"mlflow.source.git.commit": commit, "saccade.git_diff": "none", "saccade.git_dirty": "false"}
    record = {
        "experiment": "saccade",
        "params": {**PARAMS, **(params or {})},
        "tags": clean | dict(tags or {}),
        "datasets": [
            {"name": "dots", "digest": digit * 64, "context": context, "source": "d", "profile": {"examples": count}}
            for digit, context, count in (("c", "training", 70), ("d", "validation", 10), ("a", "test", len(right)))
        ],
    }
    write_history(report / "history.csv", [{"epoch": 1, "train_loss": 1.0, "validation_loss": 0.9}])
    trained = {"run": name, "dataset": "dots", "model": "mlp", "parameters": 1234, "epochs": 1, "kept_epoch": 1}
    trained |= {"train_elapsed_s": 2.0, "device": "cpu", "data": {"train.npy": "c" * 64}, "code": {}, "versions": {}}
    trained |= {"run_uid": f"uid-{name}", "identity": f"{seed:064x}", "weights_sha256": weights_sha256(model)}
    write_json(report / "run.json", trained | {"record": record})
    share = float(np.mean(right))
    values = {"accuracy": share, "accuracy_low": share - 0.03, "accuracy_high": share + 0.03, "loss": 0.5}
    write_json(report / "metrics.json", values | {"baseline_accuracy": 0.5})
    (report / "evaluation").mkdir(parents=True, exist_ok=True)
    outcomes = Outcomes(np.arange(len(right)), {"accuracy": np.asarray(right, float)})
    write_outcomes(report / "evaluation" / FILE_NAME, outcomes)
    files = {each: sha256_of_file(report / each) for each in ("metrics.json", f"evaluation/{FILE_NAME}")}
    write_json(
        report / "evaluated.json",
        {
            "format": 1,
            "run": name,
            "weights_sha256": weights_sha256(model),
            "bundle": {"bundle.json": sha256_of_file(model / "bundle.json")},
            "data": {"test.npy": test_set, "test_labels.npy": "b" * 64},
            "examples": len(right),
            "answers_sha256": "e" * 64,
            "files": files,
            "outcomes": {"rows": len(right), "of": len(right), "main": "accuracy", "block_length": None},
            "beside_baseline": {"verdict": "better", "p": 0.001, "method": "McNemar's test"},
            "evaluate": {},
            "code": {},
        },
    )


def answers(count: int, wrong: int) -> list[float]:
    """1 for each example but the first ``wrong`` ones."""
    return [0.0] * wrong + [1.0] * (count - wrong)
