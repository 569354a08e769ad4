"""What a frozen network makes of the images, computed once and trained on in seconds.

Where only the head learns, everything below it gives the same numbers for the same view in every epoch: they are
computed for all views and for the validation split, kept on the disk like views, and the head is trained on them.

<folder>/<key>/train.npy         float32 (V, N, D)
<folder>/<key>/validation.npy    float32 (1, N, D)
<folder>/<key>/done.json         how many views of each are computed; what was stopped goes on with the next view

Shapes: V views, N examples, B batch, D features.
"""

import copy
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from saccade import nn as nn_parts
from saccade.bundle import inputs
from saccade.bundle.inputs import ImageInput
from saccade.core import devices, registry
from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file, write_json
from saccade.core.progress import Progress, no_progress
from saccade.data.arrays import ArrayFile, open_array, write_part

_NAMES = ("train", "validation")
_BATCH_SIZE = 64  # images: more are no faster on a CPU, and take memory


@dataclass(frozen=True)
class Embeddings:
    """The inputs of the head, memory-mapped.

    Attributes:
        train: float32 (V, N, D), of each view of the training split.
        validation: float32 (1, N, D).
    """

    train: Tensor
    validation: Tensor


class HeadAlone(nn.Module):
    """The head of a network under the name that it has there: embeddings in, what the network answers out.

    Args:
        name: name of the layer.
        head: the layer itself.
    """

    def __init__(self, name: str, head: nn.Module) -> None:
        super().__init__()
        self.add_module(name, head)
        self._head = name

    def forward(self, x_BD: Tensor) -> Tensor:
        answer: Tensor = self.get_submodule(self._head)(x_BD)
        return answer


def only_head_learns(model: nn.Module, head: str) -> bool:
    """Whether all that is below the head gives the same in training and in evaluation, and stays as it is."""
    below = [layer for name, layer in model.named_modules() if name != head and not name.startswith(f"{head}.")]
    draws = any(getattr(layer, "p", 0) > 0 for layer in below if _is_random(layer))
    own = (parameter for layer in below for parameter in layer.parameters(recurse=False))
    return not draws and not any(parameter.requires_grad for parameter in own)


def _is_random(layer: nn.Module) -> bool:
    """Whether a layer leaves out other values or blocks in each training step; torchvision's is known by its name."""
    return isinstance(layer, nn.modules.dropout._DropoutNd) or type(layer).__name__ == "StochasticDepth"


def without_head(network: nn.Sequential, head: str) -> nn.Sequential:
    """A copy in evaluation mode that gives what its head would be given; norms are part of their convolutions.

    The product of both is the same but for rounding, and takes two thirds of the time.

    Args:
        network: input layer and model; left as it is.
        head: name of the layer of the model that answers.

    Returns:
        Stored examples in, float (B, D) out.
    """
    below = copy.deepcopy(network).eval()
    setattr(below[1], head, nn.Identity())
    for parent in below.modules():
        layers = list(parent.named_children()) if isinstance(parent, nn.Sequential) else []
        for (name, first), (next_name, second) in itertools.pairwise(layers):
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                setattr(parent, name, fuse_conv_bn_eval(first, second))
                setattr(parent, next_name, nn.Identity())
    return below


def embed(
    network: nn.Sequential,
    head: str,
    views: Tensor,
    validation: Tensor,
    folder: Path,
    *,
    device: torch.device,
    precision: str,
    decided_by: Mapping[str, object],
    progress: Progress = no_progress,
) -> Embeddings:
    """Compute the embeddings that are not there yet.

    Args:
        network: input layer and model, on the device; left as it is.
        head: name of the layer of the model whose input is taken, and whose output is that of the model.
        views: uint8 (V, N, H, W, C), may be memory-mapped.
        validation: uint8 (1, N, H, W, C).
        folder: folder for all embeddings of a project.
        device: device of the network.
        precision: float32 or bfloat16.
        decided_by: plain values that decide them, together with the weights below the head.
        progress: callback that gets the number of images done.

    Returns:
        The embeddings, memory-mapped.
    """
    from filelock import FileLock  # imported here: it takes a while, and few trainings hold layers

    key = json.dumps(decided_by, sort_keys=True).encode() + _digest_below(network[1], head)
    kept = folder / hashlib.sha256(key).hexdigest()[:32]
    kept.mkdir(parents=True, exist_ok=True)
    with FileLock(kept / "lock"):  # another training of the same may be at it: what it computes is taken over
        done = _computed(kept, {"validation": validation, "train": views})
        below = without_head(network, head)
        done_before, total = 0, views.shape[0] * views.shape[1] + validation.shape[1]
        for name, arrays in (("validation", validation), ("train", views)):
            for number, image_NHWC in enumerate(arrays):
                if number >= done.get(name, 0):
                    for start in range(0, len(image_NHWC), _BATCH_SIZE):
                        batch = image_NHWC[start : start + _BATCH_SIZE]
                        rows_BD = _below(below, batch, name, device, precision)
                        if number == start == 0:  # reserves the disk, and fails here where it is full
                            ArrayFile(kept / f"{name}.npy", np.float32, (*arrays.shape[:2], rows_BD.shape[1])).close()
                        write_part(kept / f"{name}.npy", (number, start), rows_BD)
                        progress("features of the frozen layers", done_before + start + len(batch), total)
                    done[name] = number + 1
                    write_json(kept / "done.json", done)
                done_before += len(image_NHWC)
    return Embeddings(*(torch.from_numpy(open_array(kept / f"{name}.npy")) for name in _NAMES))


@torch.no_grad()
def _below(network: nn.Sequential, image_BHWC: Tensor, split: str, device: torch.device, precision: str) -> np.ndarray:
    """Float32 (B, D); views of the training split are as large as they shall be, others may be cropped."""
    first, model = network[0], network[1]
    image_BHWC = image_BHWC.to(device)
    x_BCHW = first.normalise(image_BHWC) if split == "train" and isinstance(first, ImageInput) else first(image_BHWC)
    with devices.autocast(device, precision):
        features: Tensor = model(x_BCHW)
    return features.float().cpu().numpy()


def _computed(kept: Path, splits: Mapping[str, Tensor]) -> dict[str, int]:
    """How many views of each split are computed; none of one whose file is not what it was made as."""
    written = kept / "done.json"
    done: dict[str, int] = json.loads(written.read_text(encoding="utf-8")) if written.exists() else {}
    return {name: count for name, count in done.items() if _is_whole(kept / f"{name}.npy", splits[name].shape[:2])}


def _is_whole(path: Path, counts: Sequence[int]) -> bool:
    try:
        return open_array(path).shape[:2] == tuple(counts)
    except UserError:  # missing, cut short, or no array
        return False


def code_digest(model: str) -> str:
    """SHA-256 of the code that decides what the layers of a model compute.

    Args:
        model: name of a file in ``models/``.

    Returns:
        Hexadecimal digits.
    """
    parts = sorted(Path(nn_parts.__file__).parent.glob("*.py"))
    files = [registry.source_file("models", model), Path(inputs.__file__), Path(__file__), *parts]
    return hashlib.sha256("".join(map(sha256_of_file, files)).encode()).hexdigest()


def _digest_below(model: nn.Module, head: str) -> bytes:
    """SHA-256 of all weights and statistics but those of the head."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        if not name.startswith(f"{head}."):
            digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.digest()
