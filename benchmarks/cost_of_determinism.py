"""What the same bits on every run cost: ``deterministic: true`` against ``false``.

    python benchmarks/cost_of_determinism.py

``examples_per_s`` of run.json, the two settings in turn, on generated 28x28 images; on the CPU, and on CUDA where there
is one. On CUDA, ``auto`` precision; on the CPU, float32.
"""

import torch
from figures import report, report_skipped
from workbench import Workbench, generated, parser_of, run_of

EXAMPLES = 30 * 1024
EPOCHS = 4
CUDA_EPOCHS = 20
MODELS = {
    "LeNet-5": {"name": "lenet5", "padding": 2},
    "row LSTM 28 -> 128": {"name": "lstm", "hidden_size": 128},
}


def main() -> None:
    """Parse the command line, measure, print."""
    options = parser_of(__doc__, pairs=5).parse_args()
    examples, pairs = (1024, 1) if options.quick else (EXAMPLES, options.pairs)
    bench = Workbench(options.work, "cost_of_determinism")
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    epochs = {"cpu": EPOCHS, "cuda": CUDA_EPOCHS}
    runs = {
        f"{model['name']}-{device}-{deterministic}": run_of(
            "data",
            model,
            epochs=1 if options.quick else epochs[device],
            device=device,
            precision="auto",
            deterministic=deterministic,
        )
        for model in MODELS.values()
        for device in devices
        for deterministic in (True, False)
    }
    bench.write_params({"data": generated(examples, 28, 1)}, runs)
    bench.prepare("data")
    for title, model in MODELS.items():
        for device in devices:
            rates: dict[bool, list[float]] = {True: [], False: []}
            for _ in range(pairs):
                for deterministic, values in rates.items():
                    values.append(bench.train(f"{model['name']}-{device}-{deterministic}")["examples_per_s"])
            report(f"{title}, {device}", "examples/s", rates[True], rates[False], peer="deterministic: false")
    if "cuda" not in devices:
        report_skipped("CUDA", "torch sees no CUDA device")


if __name__ == "__main__":
    main()
