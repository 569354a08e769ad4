"""How far onnxruntime's answers lie from torch's, for every network and every shape, and what 8 bits save.

    python benchmarks/onnx_parity.py [--quick] [--work FOLDER] [--networks NAME ...] [--bundle FOLDER=PREPARED ...]

writes benchmarks/results/onnx_parity.md. Networks have their default arguments, weights drawn from a seed, and norms
with the statistics of made examples; their answers are asked for through onnxruntime and through torch, with the
batches that `saccade export` compares before it puts a file in place. ``--bundle
models/lenet5-digits=data/prepared/digits`` adds a trained run and its data: the sizes with 32 and 8 bits, and the
accuracy of both on the validation split. With ``--quick`` two networks are compared, or those of ``--networks``, and
the table goes into the working folder.
"""

import argparse
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from figures import report, tell
from torch.optim.swa_utils import update_bn
from workbench import default_work

from saccade.bundle.config import NetworkConfig
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.data.prepared import open_split
from saccade.data.spec import RESERVED, Spec, names_of_targets
from saccade.export.answering import AnsweringNetwork
from saccade.export.example_shapes import made_examples
from saccade.export.onnx_file import Exported, write_onnx
from saccade.export.quantise import write_quantised
from saccade.predict.predictor import load

RESULT = Path(__file__).with_name("results") / "onnx_parity.md"
QUICK = ("lenet5", "nlinear")
SIDES = {"alexnet": 67, "googlenet": 35, "resnet18": 32, "resnet50": 32, "resnet9": 32}
USUAL_SIDE = 32
LETTERS = (*RESERVED, *"abcdefghijklmnopqrstuvwxyz")
CLASSES = tuple("ABCDE")


def specs(name: str) -> Iterator[tuple[str, Spec]]:
    """Every kind of data and of answer that a network is built for."""
    module = registry.module("models", name)
    if "image" in module.ACCEPTS:
        side = SIDES.get(name, USUAL_SIDE)
        yield f"images {side} x {side}", Spec("image", (side, side, 3), CLASSES)
    if "tokens" in module.ACCEPTS:
        texts = Spec("tokens", (20,), CLASSES, vocabulary=LETTERS, unit="characters")
        yield "texts", texts
        if "per_token" in module.OUTPUTS:
            yield "next tokens", dataclasses.replace(texts, classes=(), output="per_token")
    if "series" in module.ACCEPTS:
        series = Spec("series", (20, 3), CLASSES, features=("a", "b", "c"))
        yield "series", series
        if hasattr(module, "TAKES_PADDED_SERIES"):
            yield "series of unequal length", dataclasses.replace(series, is_padded=True)
        yield "forecasts", dataclasses.replace(series, classes=(), targets=names_of_targets(("a",), 4), horizon=4)


def exported(name: str, spec: Spec, target: Path) -> tuple[Exported, float]:
    """A network with random weights as ONNX, and how far its answers about many examples lie apart."""
    channels = 0 if spec.layout == "tokens" else spec.shape[-1]
    std = [0.30, 0.28, 0.32]  # as in real data, no two alike: of two colours as strong, rounding would take either
    config = NetworkConfig(name, {}, spec, "", [0.5] * channels, std[:channels], "")
    torch.manual_seed(0)
    network = config.build_network().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():  # such as a linear forecast's, whose answer would be the same for all
                parameter.normal_(std=0.05)
        drawn = [made_examples(config, least_steps=None, seed=seed) for seed in range(6)]
        examples, *others = (
            torch.from_numpy(one.stored) for each in drawn for one in each if one.name == "large batch"
        )
        update_bn(others, network)  # with the first statistics, deep networks answer all images alike
        answers = AnsweringNetwork(config, network)(examples).numpy()
    return write_onnx(config, network, target, {}), float(np.ptp(answers, axis=0).max())


def parity_rows(names: list[str]) -> list[str]:
    """A row of the table for each network and kind of data."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            for kind, spec in specs(name):
                try:
                    made, spread = exported(name, spec, Path(folder) / "it.onnx")
                except UserError as error:
                    rows.append(f"| {name} | {kind} | refused: {error} ||||||||")
                    continue
                compared, rounding = made.parity.compared, made.parity.rounding
                cells = {each.name: f"{each.difference:.0e}" for each in compared}
                batches = max(float(cells[one]) for one in cells if "batch" in one)
                shortest, longest = cells.get("shortest", "fixed"), cells.get("longer than in training", "fixed")
                if spec.layout == "image":
                    shortest = longest = ""
                padded = cells.get("padding inside", "")
                sizes = ", ".join(dict.fromkeys(str(each.shape[0]) for each in compared if "batch" in each.name))
                exact = f"{rounding.file:.1e}, {rounding.torch:.1e}" if rounding else ""
                row = (name, kind, sizes, f"{spread:.0e}", f"{batches:.0e}", shortest, longest, padded, exact)
                row = (*row, f"{made.num_bytes:,}")
                rows.append(f"| {' | '.join(row)} |")
                tell(rows[-1])
                note = f"worst {made.parity.worst.difference:.1e}"
                report(f"bytes of {name} on {kind}", "bytes", [made.num_bytes], note=note)
    return rows


def quantised_rows(bundles: list[str]) -> list[str]:
    """A row for each trained run: sizes and scores with 32 and with 8 bits."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for given in bundles:
            bundle, prepared = map(Path, given.split("="))
            predictor = load(bundle)
            whole, small = Path(folder) / "whole.onnx", Path(folder) / "small.onnx"
            made = write_onnx(predictor.config, predictor.network, whole, {})
            validation, training = open_split(prepared, "validation"), open_split(prepared, "train")
            found = write_quantised(predictor.config, whole, small, validation, training)
            row = (
                bundle.name,
                f"{made.parity.worst.difference:.0e}",
                f"{made.num_bytes:,}",
                found.reason or f"{found.num_bytes:,} ({found.method})",
                found.before.text(),
                found.after.text(),
                f"{len(validation.labels):,}",
            )
            rows.append(f"| {' | '.join(row)} |")
            tell(rows[-1])
    return rows


def main() -> None:
    """Compare, quantise, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--work", type=Path, default=None)
    parser.add_argument("--networks", nargs="+", default=QUICK, metavar="NAME", help="those of --quick")
    parser.add_argument("--bundle", action="append", default=[], metavar="FOLDER=PREPARED")
    options = parser.parse_args()
    names = [name for name in registry.names("models") if not options.quick or name in options.networks]
    lines = [
        "# Whether an exported file answers as torch does",
        "",
        f"`python benchmarks/onnx_parity.py`; torch {torch.__version__.split('+')[0]}, onnxruntime "
        f"{onnxruntime.__version__}, one thread of a CPU.",
        "",
        "Largest difference of two probabilities; of forecasts, over the sum of a number's standard deviation and its",
        "own size. Shortest is the least number of steps that the network takes, longest three more than training had.",
        "Spread: how far torch's own answers about 33 examples lie apart, for equal answers would prove nothing.",
        "From 64 bits: where the difference is above 1e-5, how far the file and torch's own 32 bits lie from the same",
        "network with 64; the file may be twice as far, and 1e-4 at most.",
        "",
        "| network | data | batches of | spread | any batch | shortest | longest | padding inside | from 64 bits: "
        "file, torch | bytes |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *parity_rows(names),
    ]
    folder = (options.work or default_work()) if options.quick else RESULT.parent
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / RESULT.name, lines)
    if options.bundle:
        lines += [
            "",
            "## Trained runs, and with 8 bits",
            "",
            "| run | largest difference | bytes with 32 bits | with 8 | score with 32 | with 8 | validation examples |",
            "|---|---|---|---|---|---|---|",
            *quantised_rows(options.bundle),
        ]
        write(folder / RESULT.name, lines)


def write(path: Path, lines: list[str]) -> None:
    """Write what is known so far."""
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
