"""What the engine costs: examples a second of ``saccade train`` against a bare loop, and against Keras (LSTM).

    python benchmarks/engine_overhead.py

Ours: examples a second in the run's own epochs; validation lies outside. The data are generated and memory-mapped;
shuffling, normalising, metrics, gradient norm, the check for a non-finite loss and checkpoints are inside. Bare: the
same model, layout, batch size, threads and precision over float32 tensors in memory, already normalised, in order:
zero_grad, forward, loss, backward, step (bare_loop.py). Keras: LSTM(128) over 28x28 and Dense(10), Adam, float32. The
mean over the epochs but the first, of all three: in Keras's the graph is compiled, beside ours MLflow writes its first
rows, which costs about a second on two cores.
"""

import argparse
import json
import statistics
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from figures import report, report_skipped
from workbench import HERE, ROOT, Workbench, generated, parser_of, peers_python, run_of

LEAST_OF_BARE = 0.95
LEAST_OF_KERAS = 1.5


@dataclass(frozen=True)
class Case:
    """One model and the data it is measured on.

    Attributes:
        title: for the table.
        model: name and arguments, as in params.yaml.
        side: of the images, pixels.
        channels: of the images.
        examples: in an epoch, a multiple of ``batch_size``.
        epochs: how many.
        batch_size: examples an update.
        precision: of both sides' forward pass; Keras computes in float32.
    """

    title: str
    model: dict[str, Any]
    side: int
    channels: int
    examples: int
    epochs: int
    batch_size: int
    precision: str = "float32"


CASES = {
    "lenet5": Case("LeNet-5, 28x28, batch 128", {"name": "lenet5", "padding": 2}, 28, 1, 30 * 1024, 4, 128),
    "lstm": Case("row LSTM 28 -> 128, batch 128", {"name": "lstm", "hidden_size": 128}, 28, 1, 30 * 1024, 4, 128),
    "lstm-bfloat16": Case(
        "row LSTM in bfloat16", {"name": "lstm", "hidden_size": 128}, 28, 1, 30 * 1024, 4, 128, "bfloat16"
    ),
    "resnet18": Case("ResNet-18, 32x32x3, batch 64", {"name": "resnet18", "stem": "small"}, 32, 3, 448, 3, 64),
}


def main() -> None:
    """Parse the command line, measure, print."""
    parser = parser_of(__doc__, pairs=5)
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv-peers", help="environment of Keras")
    parser.add_argument("--case", choices=list(CASES), help="measure this one alone")
    options = parser.parse_args()
    bench = Workbench(options.work, "engine_overhead")
    chosen = {name: case for name, case in CASES.items() if options.case in (None, name)}
    cases = {name: smaller(case) if options.quick else case for name, case in chosen.items()}
    present = {name: case for name, case in cases.items() if has_model(case)}
    bench.write_params(
        {f"data-{name}": generated(case.examples, case.side, case.channels) for name, case in present.items()},
        {name: run_of(f"data-{name}", case.model, **train_block(case)) for name, case in present.items()},
    )
    for name, case in cases.items():
        if name in present:
            bench.prepare(f"data-{name}")
            measure(bench, name, case, options)
        else:
            report_skipped(case.title, f"there is no model {case.model['name']}")


def has_model(case: Case) -> bool:
    """Whether the tree has the model of a case."""
    return (ROOT / "src" / "saccade" / "models" / f"{case.model['name']}.py").exists()


def smaller(case: Case) -> Case:
    """Just enough to see that it runs."""
    examples = 2 * case.batch_size if case.channels == 3 else 2048
    return replace(case, examples=examples, epochs=2)


def train_block(case: Case) -> dict[str, Any]:
    """What ``train:`` says of a case."""
    return {"epochs": case.epochs, "batch_size": case.batch_size, "precision": case.precision}


def measure(bench: Workbench, name: str, case: Case, options: argparse.Namespace) -> None:
    """Ours, bare, Keras, ours, bare, Keras, ...; then print."""
    has_peer = case.model["name"] == "lstm"
    keras = peers_python(options.peers, quick=options.quick) if has_peer else None
    ours, bare, theirs = [], [], []
    for _ in range(1 if options.quick else options.pairs):
        bare_loop = [sys.executable, str(HERE / "bare_loop.py"), *bare_arguments(case)]
        ours.append(statistics.mean(bench.train(name)["each_epoch"][1:]))
        bare.append(statistics.mean(bench.ask(*bare_loop)["each_epoch"][1:]))
        if keras:
            size = ("--examples", str(case.examples), "--epochs", str(case.epochs))
            theirs.append(bench.ask(keras, str(HERE / "keras_peer.py"), "lstm", *size)["examples_per_s"])
    report(case.title, "examples/s", ours, bare, peer="a bare loop", target=("at least", LEAST_OF_BARE))
    if has_peer and not keras:
        report_skipped(f"{case.title}, Keras", f"--quick installs nothing, and it is not in {options.peers}")
    if keras:
        report(case.title, "examples/s", ours, theirs, peer="Keras in float32", target=("at least", LEAST_OF_KERAS))


def bare_arguments(case: Case) -> list[str]:
    """The command line of bare_loop.py for a case."""
    arguments = {key: value for key, value in case.model.items() if key != "name"}
    sizes = {
        "side": case.side,
        "channels": case.channels,
        "examples": case.examples,
        "epochs": case.epochs,
        "batch-size": case.batch_size,
        "precision": case.precision,
    }
    options = [text for key, value in sizes.items() for text in (f"--{key}", str(value))]
    return [case.model["name"], "--arguments", json.dumps(arguments), *options]


if __name__ == "__main__":
    main()
