"""Reports of runs that nobody trained: a folder with every file that a section of the page is made of."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

MAIN = {
    "classify": {"accuracy": 0.9, "accuracy_low": 0.74, "accuracy_high": 0.97, "baseline_accuracy": 0.8},
    "multilabel": {"mean_average_precision": 0.7, "baseline_mean_average_precision": 0.5},
    "regress": {"mae": 8.1, "mse": 102.5, "baseline_mae": 8.8, "baseline_constant_mae": 9.1},
    "forecast": {
        "mae": 18.2,
        "mase": None,
        "mase_reason": "nothing divides by 0",
        "persistence_mae": 23.9,
        "baseline_mae": 23.9,
    },
    "next_token": {"loss": 1.7, "perplexity": 5.5, "baseline_loss": 1.6},
}


def write_csv(path: Path, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)


def write_picture(path: Path, side: int = 40) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 255, size=(side, side, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)


def report(folder: Path, metrics: Mapping[str, Any] | None = None, **trained: Any) -> Path:
    """run.json and metrics.json, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {"experiment": "e", "params": {"model.name": "lenet5"}, "tags": {"saccade.torch": "2.15"}}
    run = {"run": "tiny", "dataset": "dots", "model": "lenet5", "parameters": 1234, "epochs": 3, "kept_epoch": 2}
    run |= {"weights_sha256": "ab" * 32, "record": record, **trained}
    (folder / "run.json").write_text(json.dumps(run), encoding="utf-8")
    if metrics is not None:
        (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    return folder


def full(folder: Path, task: str, classes: Sequence[str] = ("ant", "bee")) -> Path:
    """A report with every file that a section is made of, in the forms that the evaluation writes."""
    report(folder, MAIN[task])
    evaluation = folder / "evaluation"
    head = ["epoch", "train_loss", "validation_loss", "validation_accuracy", "learning_rate", "kept"]
    write_csv(folder / "history.csv", head, [(e, 2.0 / e, 2.1 / e, 0.2 * e, 0.1, int(e == 2)) for e in (1, 2, 3)])
    layers = ["epoch", "layer", "step", "gradient_norm", "weight_norm", "update_ratio", "dead_share"]
    write_csv(
        folder / "gradients.csv", layers, [(e, f"l{i}", "", 0.1, 1, 0.001, "") for e in (1, 2, 3) for i in (0, 1, 2)]
    )
    pairs = [(a, b, 8 if a == b else 1) for a in classes for b in classes]
    write_csv(evaluation / "confusion.csv", ["actual", "predicted", "count"], pairs)
    write_csv(
        evaluation / "per_class.csv",
        ["class", "precision", "recall", "f1", "support"],
        [(name, 0.8, 8 / 9, 0.85, 9) for name in classes],
    )
    bins = [  # one bin a row, of the answers as they are and of the calibrated ones
        ("network", 0.3, 0.2, 0.1, 0.3, 10),
        ("network", 0.9, 0.8, 0.7, 0.9, 20),
        ("calibrated", 0.5, 0.5, 0.4, 0.6, 9),
    ]
    write_csv(evaluation / "reliability.csv", ["answers", "confidence", "accuracy", "low", "high", "count"], bins)
    write_csv(evaluation / "risk_coverage.csv", ["coverage", "error"], [(0.5, 0.0), (1.0, 0.1)])
    write_csv(
        evaluation / "mistakes.csv",
        ["confidence", "actual", "predicted", "text"],
        [(0.9, classes[0], classes[1], "hm")],
    )
    write_csv(
        evaluation / "slices.csv",
        ["by", "value", "count", "error", "low", "high", "rest", "p", "note"],
        [("class", classes[0], 9, 0.1, 0.0, 0.4, 0.2, 0.9, ""), ("length", "1 to 5", 12, 0.3, 0.1, 0.5, 0.1, 0.01, "")],
    )
    write_csv(
        evaluation / "speed.csv", ["batch_size", "seconds_an_example", "note"], [(1, 0.002, ""), (64, 0.0001, "")]
    )
    write_csv(
        folder / "doubtful_labels.csv",
        ["name", "row", "given", "suggested", "score"],
        [("a.png", 7, *classes[:2], 0.99)],
    )
    write_csv(folder / "fractions.csv", ["share", "accuracy", "low", "high"], [(0.5, 0.8, 0.7, 0.9), (1, 0.9, 0.8, 1)])
    write_csv(
        evaluation / "seen.csv",
        ["picture", "example", "text"],
        [("seen_mistakes.png", "", "All 2 mistakes."), ("", "1", "row 7"), ("", "", "More: `saccade explain tiny`.")],
    )
    write_csv(
        evaluation / "influences.csv",
        ["example", "answer", "heading", "unit", "place", "token", "is_unknown", "influence"],
        [(1, 1, f"said {classes[0]}", "words", 1, "hm", 0, -0.5), (1, 1, "", "words", 2, classes[1], 1, 0.25)],
    )
    write_csv(evaluation / "loss_by_position.csv", ["tokens_read", "loss", "texts"], [(1, 3.0, 9), (2, 2.5, 9)])
    (evaluation / "sample.txt").write_text("once <upon> a time", encoding="utf-8")
    for name in ("mistakes", "forecast", "by_step", "predictions", "gradients", "learning_curves", "seen_mistakes"):
        write_picture(evaluation / f"{name}.png")
    return folder
