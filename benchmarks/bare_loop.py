"""The least that trains: a hand-written loop over tensors that are in memory, normalised and in order.

    PYTHONPATH=src python benchmarks/bare_loop.py lenet5 --arguments '{"padding": 2}' --examples 30000 --epochs 4

Prints one JSON object: examples a second, the mean over the epochs, the first one included, as run.json counts them.
The model is saccade's own file. No shuffling, no schedule, no metric, no check of the loss: zero_grad, forward, loss,
backward, step.

Shapes: B batch, C channels, H height, W width.
"""

import argparse
import contextlib
import json
import statistics
import time
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from saccade.core import devices, registry
from saccade.data.spec import Spec


def main() -> None:
    """Parse the command line, train, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a file of saccade/models")
    parser.add_argument("--arguments", type=json.loads, default={}, help="of the model, as JSON")
    parser.add_argument("--side", type=int, default=28)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--examples", type=int, default=30_000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--keep-freed-memory", action="store_true", help="as saccade train does")
    options = parser.parse_args()
    if options.keep_freed_memory:
        devices.keep_freed_memory()
    rates = train_bare(
        options.model,
        options.arguments,
        side=options.side,
        channels=options.channels,
        examples=options.examples,
        epochs=options.epochs,
        batch_size=options.batch_size,
        device=torch.device(options.device),
        precision=options.precision,
    )
    print(json.dumps({"examples_per_s": statistics.mean(rates), "each_epoch": [round(rate, 1) for rate in rates]}))


def train_bare(
    model_name: str,
    arguments: dict[str, Any],
    *,
    side: int,
    channels: int,
    examples: int,
    epochs: int,
    batch_size: int,
    device: torch.device,
    precision: str,
) -> list[float]:
    """Train and time.

    Args:
        model_name: a file of saccade/models.
        arguments: of its ``build``.
        side: of the images, pixels.
        channels: of the images.
        examples: in an epoch.
        epochs: how many.
        batch_size: the last batch holds what is left.
        device: where the data and the model are.
        precision: float32, or bfloat16 under autocast.

    Returns:
        Examples a second, an entry an epoch.
    """
    torch.manual_seed(0)
    spec = Spec("image", (side, side, channels), tuple("0123456789"))
    model = registry.module("models", model_name).build(spec, **arguments).to(device)
    x_BCHW = torch.randn(examples, channels, side, side, device=device)
    target_B = torch.arange(examples, device=device) % len(spec.classes)
    if any(isinstance(layer, nn.Conv2d) for layer in model.modules()):
        model = model.to(memory_format=torch.channels_last)
        x_BCHW = x_BCHW.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    model.train()
    rates = []
    for _ in range(epochs):
        started_at = time.perf_counter()
        for x, target in zip(x_BCHW.split(batch_size), target_B.split(batch_size), strict=True):
            optimizer.zero_grad()
            with _autocast(device, precision):
                output = model(x)
            loss = F.cross_entropy(output.float(), target)
            loss.backward()
            optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        rates.append(examples / (time.perf_counter() - started_at))
    return rates


def _autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[Any]:
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


if __name__ == "__main__":
    main()
