"""How sure networks are beside how right they are, before and after their temperature; and what error remains on MNIST
where 1 % of the answers are refused.

    OMP_NUM_THREADS=1 python benchmarks/calibration.py --datasets ../shared/datasets
    OMP_NUM_THREADS=1 python benchmarks/calibration.py --runs digits-few mnist-lenet5-fast   # some of them

``digits-few`` is too sure on purpose: lenet5-digits, trained for 60 epochs on a few images, without views. So is each
run ``x 5``: the same network, whose logits are multiplied by 5 before a temperature is fitted. Works in a copy of the
tree in ``--work`` (kept, so that nothing is trained twice); the project's files stay as they are. Prints a table in
Markdown, with * where the temperature stayed 1. ``--quick`` trains one epoch of digits alone.
"""

import argparse
import json
import platform
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recipe_seeds import copy_tree, saccade, version
from ruamel.yaml import YAML

import saccade as saccade_library
from saccade.bundle.temperature import Temperature, fit_temperature, negative_log_likelihood
from saccade.data.prepared import open_split
from saccade.evaluate.confidence.answers import Answers, by_confidence
from saccade.evaluate.confidence.calibration import calibration_metrics
from saccade.evaluate.confidence.reject import choose_threshold, reject_metrics
from saccade.evaluate.metrics import classification_metrics

RUNS = ("lenet5-digits", "digits-few", "reviews-ngrams", "names-lstm", "mnist-lenet5-fast")
REJECT = {"mnist-lenet5-fast": (0.01, 0.005)}  # evaluate.reject.max_error
REFUSED = 0.01  # of the answers
_PLACES = {"reviews": ("mirror", "."), "names": ("path", "names"), "mnist-plain": ("mirror", "mnist")}


def main() -> None:
    """Parse the command line, train what is not trained yet, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", nargs="+", default=list(RUNS), choices=RUNS)
    parser.add_argument("--datasets", type=Path, help="folder with the recipes' files, instead of public addresses")
    parser.add_argument("--work", type=Path, default=Path("/tmp/saccade-calibration"))
    parser.add_argument("--quick", action="store_true", help="tiny settings: does it run? The figures mean nothing")
    options = parser.parse_args()
    copy_tree(options.work)
    runs = ["lenet5-digits"] if options.quick else options.runs
    _write_params(options.work, runs, options.datasets, quick=options.quick)
    for run in runs:
        _train(options.work, run)
    print(f"{platform.machine()}, Python {platform.python_version()}, {version('torch')}\n")
    print("| run | test examples | accuracy | temperature | calibration error (95 %) | with it | NLL | with it |")
    print("|---|---|---|---|---|---|---|---|")
    notes: list[str] = []
    for run in runs:
        said = _Said.of(options.work, run)
        notes += said.print_row(run, said.fitted)
        notes += said.times(5).print_row(f"{run} x 5", None)
        notes += said.refusing(run)
    print("", *notes, sep="\n")


def _write_params(work: Path, runs: list[str], datasets: Path | None, *, quick: bool) -> None:
    for run in runs:
        if run not in ("lenet5-digits", "digits-few"):
            saccade(work, "add", run)
    yaml = YAML()
    yaml.width = 4096
    params: Any = yaml.load((work / "params.yaml").read_text(encoding="utf-8"))
    for dataset, (key, place) in _PLACES.items():
        if datasets is not None and dataset in params["datasets"]:
            params["datasets"][dataset]["source"][key] = str((datasets / place).resolve())
    plain = {"source": {"name": "digits"}, "preprocess": {"size": [32, 32], "channels": 1}, "augment": {"views": 0}}
    split = {"test": 0.4, "validation": 0.4, "train_fraction": 0.3}
    params["datasets"]["digits-few"] = plain | {"split": split}
    few = json.loads(json.dumps(params["runs"]["lenet5-digits"]))
    params["runs"]["digits-few"] = few | {"dataset": "digits-few", "train": few["train"] | {"epochs": 60}}
    if quick:
        params["runs"]["lenet5-digits"]["train"]["epochs"] = 1
    yaml.dump(params, work / "params.yaml")


def _dataset(work: Path, run: str) -> str:
    params: Any = YAML().load((work / "params.yaml").read_text(encoding="utf-8"))
    return str(params["runs"][run]["dataset"])


def _train(work: Path, run: str) -> None:
    dataset = _dataset(work, run)
    if not (work / "data" / "augmented" / dataset).exists():
        for stage in ("fetch", "preprocess", "augment"):
            saccade(work, stage, dataset)
    saccade(work, "train", run)


@dataclass(frozen=True)
class _Said:
    """What a network says of the validation and of the test split.

    Attributes:
        logits: split to logits, float64 (N, K).
        labels: split to true classes, int64 (N,).
        fitted: temperature of the bundle, and why it is 1.
    """

    logits: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    fitted: Temperature

    @classmethod
    def of(cls, work: Path, run: str) -> "_Said":
        predictor = saccade_library.load(work / "models" / run)
        logits, labels = {}, {}
        for name in ("validation", "test"):
            split = open_split(work / "data" / "prepared" / _dataset(work, run), name)
            # The logarithm of a probability is a logit; one that float32 rounds to 0 stays as small as it can be.
            probabilities_NK = predictor.outputs(torch.from_numpy(split.examples), calibrated=False)
            logits[name] = np.log(np.maximum(probabilities_NK.astype(np.float64), 1e-37))
            labels[name] = split.labels
        return cls(logits, labels, Temperature(predictor.config.temperature, predictor.config.temperature_reason))

    def times(self, factor: float) -> "_Said":
        """The same network, made surer than it should be."""
        return replace(self, logits={name: factor * logits_NK for name, logits_NK in self.logits.items()})

    def probabilities(self, split: str, temperature: float) -> np.ndarray:
        """Float64 (N, K)."""
        return torch.from_numpy(self.logits[split] / temperature).softmax(dim=1).numpy()

    def print_row(self, name: str, fitted: Temperature | None) -> list[str]:
        """Print a row; why the temperature is 1, where it is. None: fit one."""
        fitted = fitted or fit_temperature(self.logits["validation"], self.labels["validation"])
        before, after = (self.probabilities("test", temperature) for temperature in (1.0, fitted.value))
        labels_N = self.labels["test"]
        m = calibration_metrics(before, after, labels_N, temperature=fitted.value)
        ece = classification_metrics(before, labels_N)["ece"]
        right = [float((each_NK.argmax(axis=1) == labels_N).mean()) for each_NK in (before, after)]
        cells = (
            name,
            f"{len(labels_N):,}",
            f"{right[0]:.4f}" + ("" if right[0] == right[1] else f", with it {right[1]:.4f}"),
            f"{fitted.value:g}" + ("*" if fitted.reason else ""),
            f"{ece:.4f} ({m['ece_low']:.4f} to {m['ece_high']:.4f})",
            f"{m['ece_calibrated']:.4f}",
            f"{negative_log_likelihood(self.logits['test'], labels_N):.4f}",
            f"{m['nll_calibrated']:.4f}",
        )
        print(f"| {' | '.join(cells)} |", flush=True)
        return [f"* {name}: {fitted.reason}"] if fitted.reason else []

    def refusing(self, run: str) -> list[str]:
        """What is left where a run may refuse."""
        if run not in REJECT:
            return []
        validation, test = (
            Answers.of(self.probabilities(split, self.fitted.value), self.labels[split])
            for split in ("validation", "test")
        )
        _, wrong_N, _ = by_confidence(test)
        N = len(wrong_N)
        kept = N - round(REFUSED * N)
        wrong, left = int(wrong_N[-1]), int(wrong_N[kept - 1])
        lines = [
            f"{run}: {wrong} of {N:,} wrong ({wrong / N:.2%}); with the {REFUSED:.0%} of the answers refused "
            f"that are least sure {left} of {kept:,} ({left / kept:.2%})"
        ]
        for max_error in REJECT[run]:
            found = choose_threshold(validation, max_error=max_error)
            m = reject_metrics(found, test)
            if found.threshold is None:
                lines.append(f"{run}, max_error {max_error:g}: no threshold: {found.reason}")
            else:
                lines.append(
                    f"{run}, max_error {max_error:g}: unsure below {found.threshold:.4f}, answers "
                    f"{m['reject_coverage']:.2%}, of which {m['reject_error']:.2%} are wrong (95 %: "
                    f"{m['reject_error_low']:.2%} to {m['reject_error_high']:.2%})"
                )
        return lines


if __name__ == "__main__":
    main()
