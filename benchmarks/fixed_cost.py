"""What ``saccade train`` takes besides training, with tracking on, in units of ``import torch``.

    python benchmarks/fixed_cost.py

Ours: wall seconds of the process less ``train_elapsed_s`` of run.json: interpreter, imports, reading params.yaml and
data, building the network, checkpoints, the tracking to a local SQLite store that is not hidden behind the training,
writing the bundle and the reports. Theirs: wall seconds of ``python -c "import torch"``. Files are in the cache and the
store is there: each command has run before. Two runs of the embedded digits: one so long that MLflow's own start is
over before training ends, and one of two epochs, which has to wait for it.
"""

import sys

from figures import report, tell
from ruamel.yaml import YAML
from workbench import ROOT, Workbench, parser_of

LARGEST = 2.5
RUN = "lenet5-digits"


def main() -> None:
    """Parse the command line, measure, print."""
    parser = parser_of(__doc__, pairs=5)
    options = parser.parse_args()
    epochs = {"long": 3 if options.quick else 80, "short": 2}
    bench = Workbench(options.work, "fixed_cost")
    params = YAML(typ="safe").load(ROOT / "params.yaml")
    run = params["runs"][RUN]
    dataset = run["dataset"]
    runs = {name: {**run, "train": {**run["train"], "epochs": count}} for name, count in epochs.items()}
    bench.write_params({dataset: params["datasets"][dataset]}, runs)
    bench.prepare(dataset)

    bench.train("short")
    import_torch(bench)
    ours: dict[str, list[float]] = {name: [] for name in runs}
    theirs: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(1 if options.quick else options.pairs):
        for name in runs:
            results = bench.train(name)
            ours[name].append(results["wall_s"] - results["train_elapsed_s"])
            theirs[name].append(import_torch(bench))
    for name, count in epochs.items():
        report(
            f"seconds besides training, {RUN}, {count} epochs",
            "s",
            ours[name],
            theirs[name],
            peer="`import torch`",
            target=("at most", LARGEST) if name == "long" else None,
        )


def import_torch(bench: Workbench) -> float:
    """Wall seconds of a process that imports torch and ends."""
    wall_s = bench.run(sys.executable, "-c", "import torch")
    tell(f"  import torch: {wall_s:.2f} s")
    return wall_s


if __name__ == "__main__":
    main()
