"""What it costs that the C library gives large blocks back after each batch: kept against left alone.

    python benchmarks/cost_of_pages.py

Examples a second of ``bare_loop.py`` on the CPU, with ``devices.keep_freed_memory()`` and without it, in turn. The
first and the last of its epochs count alike; on other C libraries than glibc both sides are the same.
"""

import json
import sys

from figures import report
from workbench import HERE, Workbench, parser_of

MODELS = {  # title: model, arguments, examples in an epoch
    "LeNet-5, 28x28": ("lenet5", {"padding": 2}, 30_000),
    "classic stack 32-32-64, 28x28": ("classic_stack", {}, 4_000),
    "row LSTM 28 -> 128": ("lstm", {"hidden_size": 128}, 12_000),
}
EPOCHS = 4


def main() -> None:
    """Parse the command line, measure, print."""
    options = parser_of(__doc__, pairs=5).parse_args()
    pairs = 1 if options.quick else options.pairs
    bench = Workbench(options.work, "cost_of_pages")
    for title, (model, arguments, examples) in MODELS.items():
        command = [sys.executable, str(HERE / "bare_loop.py"), model, "--arguments", json.dumps(arguments)]
        command += ["--examples", str(512 if options.quick else examples), "--epochs", str(EPOCHS)]
        rates: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(pairs):
            for is_kept, values in rates.items():
                values.append(bench.ask(*command, *(["--keep-freed-memory"] * is_kept))["examples_per_s"])
        report(title, "examples/s", rates[True], rates[False], peer="glibc left alone")


if __name__ == "__main__":
    main()
