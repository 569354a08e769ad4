"""Time and memory over the amount of data: 1, 4 and 16 times as many examples.

    python benchmarks/linearity.py

Seconds an epoch (``train_elapsed_s`` of run.json over the epochs) of LeNet-5 on generated 28x28 images, the sizes in
turn; a line through the medians by least squares, intercept free; each size is then compared with the line. Memory: the
peak of RssAnon in ``/proc/PID/status`` of the training process, looked at every 20 ms. The arrays are memory-mapped and
count as files, so it must stay flat; the order of an epoch is the one array that grows, 8 bytes an example. Linux only.
"""

import statistics
from pathlib import Path

import numpy as np
from figures import report, tell
from workbench import Workbench, generated, parser_of, run_of

BASE = 15_000  # examples
FACTORS = (1, 4, 16)
EPOCHS = 3
FLAT = 1.1


class PeakMemory:
    """The largest anonymous memory that was seen; call it with a process id, again and again."""

    def __init__(self) -> None:
        self.mib = 0.0

    def __call__(self, pid: int) -> None:
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            return
        for line in status.splitlines():
            if line.startswith("RssAnon:"):
                self.mib = max(self.mib, int(line.split()[1]) / 1024)


def main() -> None:
    """Parse the command line, measure, print."""
    options = parser_of(__doc__, pairs=3).parse_args()
    base, epochs = (500, 1) if options.quick else (BASE, EPOCHS)
    bench = Workbench(options.work, "linearity")
    model = {"name": "lenet5", "padding": 2}
    sizes = {f"x{factor}": base * factor for factor in FACTORS}
    bench.write_params(
        {f"data-{name}": generated(count, 28, 1) for name, count in sizes.items()},
        {name: run_of(f"data-{name}", model, epochs=epochs) for name in sizes},
    )
    for name in sizes:
        bench.prepare(f"data-{name}")

    seconds: dict[str, list[float]] = {name: [] for name in sizes}
    memory: dict[str, list[float]] = {name: [] for name in sizes}
    for _ in range(1 if options.quick else options.pairs):
        for name in sizes:
            peak = PeakMemory()
            seconds[name].append(bench.train(name, watch=peak)["train_elapsed_s"] / epochs)
            memory[name].append(peak.mib)
            tell(f"  {name}: {seconds[name][-1]:.2f} s an epoch, {peak.mib:.0f} MiB")
    report_time(sizes, seconds)
    for name, count in list(sizes.items())[1:]:
        report(
            f"anonymous memory, {count:,} examples",
            "MiB",
            memory[name],
            memory["x1"],
            peer=f"{sizes['x1']:,} examples",
            target=("at most", FLAT),
            note=f"the images are {count * 28 * 28 / 2**20:.0f} MiB",
        )


def report_time(sizes: dict[str, int], seconds: dict[str, list[float]]) -> None:
    """Fit the line and print each size beside it."""
    counts = np.array(list(sizes.values()), dtype=float)
    medians = np.array([statistics.median(values) for values in seconds.values()])
    slope, intercept = np.polyfit(counts, medians, 1)
    for (name, count), median in zip(sizes.items(), medians, strict=True):
        line_s = intercept + slope * count
        report(
            f"seconds an epoch, {count:,} examples",
            "s",
            seconds[name],
            [line_s] * len(seconds[name]),
            peer=f"the line {intercept:.3f} s + {slope * 1e6:.1f} µs an example",
            note=f"residual {median / line_s - 1:+.1%}",
        )


if __name__ == "__main__":
    main()
