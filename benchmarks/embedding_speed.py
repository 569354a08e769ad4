"""How fast the embeddings of a frozen network come, beside bare loops over the same network.

    python benchmarks/embedding_speed.py

Images of 224x224 a second of CPU, one thread, of efficientnet_lite0 without its head. Beside it: the bare loop with
channels last in inference mode; the same with each norm folded into its convolution, in float32 and in bfloat16, which
is faster where the processor computes in it and keeps eight bits of a feature: `train.precision` chooses.
"""

import copy
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from figures import report, tell
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from workbench import parser_of

from saccade.bundle.inputs import ImageInput
from saccade.core import devices
from saccade.data.spec import Spec
from saccade.models import efficientnet_lite0
from saccade.transfer.embeddings import embed

CPU = torch.device("cpu")
Target = tuple[str, float] | None
LEAST: Target = ("at least", 0.95)


def main() -> None:
    """Parse the command line, measure, print."""
    options = parser_of(__doc__, pairs=5).parse_args()
    pairs, count, side = (1, 4, 64) if options.quick else (options.pairs, 128, 224)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = efficientnet_lite0.build(Spec("image", (side, side, 3), ("cat", "dog")))
    network = devices.to_device(nn.Sequential(ImageInput([0.5] * 3, [0.5] * 3), model).eval(), CPU)
    image_NHWC = torch.randint(0, 256, (count, side, side, 3), dtype=torch.uint8)
    bare = copy.deepcopy(network)
    bare[1].classifier = nn.Identity()
    folded = fold(copy.deepcopy(bare))
    half = HalfPrecision(folded)
    peers: list[tuple[str, str, Callable[[Tensor], Tensor], Target]] = [
        ("float32", "bare loop, channels last", bare, None),
        ("float32", "bare loop, norms folded", folded, LEAST),
        ("bfloat16", "bare loop, norms folded, bfloat16", half, LEAST),
        ("float32", "bare loop, norms folded, bfloat16", half, None),
    ]
    for precision, peer, forward, target in peers:
        ours, theirs = [], []
        for pair in range(pairs):
            tell(f"embeddings in {precision} beside {peer}, {pair + 1} of {pairs}")
            ours.append(rate(lambda precision=precision: embedded(network, image_NHWC, precision), count))
            theirs.append(rate(lambda forward=forward: looped(forward, image_NHWC), count))
        what = f"embeddings of efficientnet_lite0 at {side}, {precision}"
        report(what, "images/s of CPU", ours, theirs, peer=peer, target=target)


class HalfPrecision(nn.Module):
    """A copy of a network in bfloat16: float32 in, float32 out."""

    def __init__(self, network: nn.Sequential) -> None:
        super().__init__()
        self.first, self.model = network[0], copy.deepcopy(network[1]).to(torch.bfloat16)

    def forward(self, image_BHWC: Tensor) -> Tensor:
        return self.model(self.first(image_BHWC).to(torch.bfloat16)).float()


def fold(network: nn.Sequential) -> nn.Sequential:
    """Norms into the convolutions before them, where a layer is named conv and its norm norm; changed in place."""
    for parent in network.modules():
        if hasattr(parent, "conv") and hasattr(parent, "norm"):
            parent.conv, parent.norm = fuse_conv_bn_eval(parent.conv, parent.norm), nn.Identity()
    return network.to(memory_format=torch.channels_last)


def embedded(network: nn.Sequential, image_NHWC: Tensor, precision: str) -> None:
    """As training computes and stores them."""
    with tempfile.TemporaryDirectory() as folder:
        embed(
            network, "classifier", image_NHWC[None], image_NHWC[None, :1], Path(folder),
            device=CPU, precision=precision, decided_by={},
        )  # fmt: skip


def looped(forward: Callable[[Tensor], Tensor], image_NHWC: Tensor) -> None:
    """Batches of 64, results dropped."""
    with torch.inference_mode():
        for image_BHWC in image_NHWC.split(64):
            forward(image_BHWC)


def rate(compute: Callable[[], None], count: int) -> float:
    """Images a second of CPU."""
    started_at = time.process_time()
    compute()
    return count / (time.process_time() - started_at)


if __name__ == "__main__":
    main()
