"""From nothing but prepared data to 99 % on MNIST: ``saccade train``, tracked, against Keras's example convnet.

    python benchmarks/mnist_race.py --mirror ../shared/datasets/mnist

Ours: wall seconds of the whole command, from the start of its process to its end, tracking to a local SQLite store
included; then ``saccade evaluate``, which is not timed, shows the test accuracy. A pair is one seed. Theirs: wall
seconds from the start of the process, imports included, to the end of the first epoch after which the MNIST test set
shows at least 99.0 %; measuring the test set is not counted, and it trains on all 60,000 images. Both have run once
before, for one epoch, so that files are in the cache and the store is there.

The whole ``dvc repro`` is measured beside: fetch from the mirror, preprocess, augment, train, evaluate. It contains the
baseline that evaluate measures, a logistic regression over 60,000 images, and trains with seed 0.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from figures import report, report_skipped, tell
from ruamel.yaml import YAML
from workbench import HERE, ROOT, Workbench, parser_of, peers_python

WANTED = 0.99
MAX_OF_KERAS = 0.2
REPROS = 3


def main() -> None:
    """Parse the command line, measure, print."""
    parser = parser_of(__doc__, pairs=5)
    parser.add_argument("--mirror", type=Path, help="folder with the four files, instead of the public addresses")
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv-peers", help="environment of Keras")
    parser.add_argument("--recipe", default="mnist-lenet5-fast")
    options = parser.parse_args()
    wanted, pairs = (0.9, 1) if options.quick else (WANTED, options.pairs)
    python = peers_python(options.peers, quick=options.quick)
    if python is None:
        report_skipped("everything", f"--quick installs nothing, and Keras is not in {options.peers}")
        return
    dataset, data, run = read_config(options)
    seeds = {f"seed{seed}": with_train(run, seed=seed) for seed in range(pairs)}
    bench = Workbench(options.work, "mnist_race")
    bench.write_params({dataset: data}, {"warm-up": with_train(run, epochs=1), **seeds})
    bench.prepare(dataset)
    raw = bench.folder / "data" / "raw" / dataset
    data["source"]["mirror"] = str(raw)

    bench.train("warm-up")
    bench.ask(python, str(HERE / "keras_peer.py"), "convnet", "--mirror", str(raw), "--epochs", "1")
    ours, theirs, epochs, accuracies, repros = [], [], [], [], []
    for seed, name in enumerate(seeds):
        ours.append(bench.train(name)["wall_s"])
        reached_s, count = race_keras(bench, python, raw, seed, wanted)
        theirs.append(reached_s)
        epochs.append(count)
        bench.saccade("evaluate", name)
        accuracies.append(bench.report(name, "metrics.json")["accuracy"])
        if seed < REPROS:
            repros.append(measure_repro(options.work, {dataset: data}, {name: with_train(run, seed=0)}))
    report(
        f"seconds to the end of `saccade train` ({options.recipe})",
        "s",
        ours,
        theirs,
        peer=f"Keras, to {wanted:.1%} on the test set",
        target=("at most", MAX_OF_KERAS),
        note=f"epochs that Keras took: {', '.join(map(str, epochs))}",
    )
    report(f"test accuracy after it, the lowest of {pairs}", "", accuracies, target=("at least", WANTED))
    report(
        "seconds of the whole `dvc repro`, baseline included",
        "s",
        repros,
        theirs[: len(repros)],
        peer="Keras, as above",
    )


def read_config(options: argparse.Namespace) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The recipe's dataset, its block and the run's, with the mirror filled in and shortened for ``--quick``."""
    path = ROOT / "recipes" / f"{options.recipe}.yaml"
    if not path.exists():
        known = ", ".join(sorted(other.stem for other in path.parent.glob("*.yaml")))
        raise SystemExit(f"--recipe ({options.recipe}) must be one of {known}")
    recipe = YAML(typ="safe").load(path)
    run = recipe["runs"][options.recipe]
    data = recipe["datasets"][run["dataset"]]
    if options.mirror is not None:
        data["source"]["mirror"] = str(options.mirror.resolve())
    if options.quick:
        data["split"]["train_fraction"] = 0.1
        data["augment"]["views"] = min(1, data["augment"].get("views", 0))
        run["train"]["epochs"] = 1
    return run["dataset"], data, run


def with_train(run: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """The run with some keys of its ``train:`` changed."""
    return {**run, "train": {**run["train"], **changed}}


def race_keras(bench: Workbench, python: str, raw: Path, seed: int, wanted: float) -> tuple[float, int]:
    """Seconds and epochs until Keras's test accuracy is as wanted."""
    arguments = ("--mirror", str(raw), "--seed", str(seed), "--until", str(wanted), "--started-at", str(time.time()))
    answer = bench.ask(python, str(HERE / "keras_peer.py"), "convnet", *arguments)
    if answer["reached_s"] is None:
        raise SystemExit(f"Keras did not reach {wanted:.1%} with seed {seed} in {answer['epochs']} epochs")
    return answer["reached_s"], answer["epochs"]


def measure_repro(work: Path, datasets: dict[str, Any], runs: dict[str, Any]) -> float:
    """Seconds of `dvc repro` in a tree that has nothing yet."""
    bench = Workbench(work, "mnist_race_repro")
    bench.write_params(datasets, runs)
    bench.run(sys.executable, "-m", "dvc", "init", "--quiet")
    wall_s = bench.run(sys.executable, "-m", "dvc", "repro")
    tell(f"  dvc repro: {wall_s:.1f} s")
    return wall_s


if __name__ == "__main__":
    main()
