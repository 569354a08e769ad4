"""How soon an exported file answers about one picture, beside the run that it was exported from.

    python benchmarks/onnx_start.py

Ours: wall seconds of ``saccade predict lenet5-digits.onnx one.png``. Theirs: the same of ``saccade predict
lenet5-digits one.png``, which imports torch. Both answer before they are timed, so files are in the cache, and both
must answer alike: the same label, and probabilities within 2e-6, for six digits are printed.
"""

import json
import subprocess
import sys
from typing import Any

from figures import report
from ruamel.yaml import YAML
from workbench import ROOT, Workbench, parser_of

RUN, PICTURE = "lenet5-digits", "one.png"
LARGEST = 0.5  # of the seconds with torch
APART = 2e-6  # of two probabilities of six digits whose last differs by one, and rounding beneath it
_DRAW = f"from PIL import Image; Image.new('L', (64, 64), 90).save('{PICTURE}')"


def main() -> None:
    """Parse the command line, measure, print."""
    options = parser_of(__doc__, pairs=7).parse_args()
    bench = Workbench(options.work, "onnx_start")
    params = YAML(typ="safe").load(ROOT / "params.yaml")
    run = params["runs"][RUN]
    run["train"] = {**run["train"], "epochs": 2}
    bench.write_params({run["dataset"]: params["datasets"][run["dataset"]]}, {RUN: run})
    bench.prepare(run["dataset"])
    bench.train(RUN)
    bench.saccade("export", RUN, "--out", f"{RUN}.onnx")
    bench.run(sys.executable, "-c", _DRAW)
    asked = {name: ("predict", name, PICTURE, "--json") for name in (f"{RUN}.onnx", RUN)}
    rows = [answer(bench, *arguments) for arguments in asked.values()]
    require_alike(*rows)
    seconds: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(1 if options.quick else options.pairs):
        for name, arguments in asked.items():
            seconds[name].append(bench.saccade(*arguments))
    ours, theirs = seconds.values()
    peer = "`saccade predict RUN`, with torch"
    report("seconds until one picture is answered", "s", ours, theirs, peer=peer, target=("at most", LARGEST))


def require_alike(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Stop where two rows tell different answers.

    Raises:
        SystemExit: they do.
    """
    probabilities = [row["probabilities"] for row in (ours, theirs)]
    names = [(row["path"], row["label"], sorted(row["probabilities"])) for row in (ours, theirs)]
    if names[0] != names[1]:
        raise SystemExit(f"the rows differ: {ours} and {theirs}")
    for name, value in probabilities[0].items():
        if abs(value - probabilities[1][name]) > APART:
            raise SystemExit(f"the probabilities of {name} differ: {value} and {probabilities[1][name]}")


def answer(bench: Workbench, *arguments: str) -> dict[str, Any]:
    """The row that a command prints, in the copy of the tree."""
    command = [sys.executable, "-m", "pipeline", *arguments]
    ran = subprocess.run(command, cwd=bench.folder, env=bench.environment, capture_output=True, text=True, check=True)
    row: dict[str, Any] = json.loads(ran.stdout)
    return row


if __name__ == "__main__":
    main()
