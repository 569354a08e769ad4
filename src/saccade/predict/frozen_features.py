"""What a network that was trained on ImageNet makes of the images of a dataset, for a baseline; nothing is trained.

Shapes: N images, B images at a time, H height, W width, C channels, D features.
"""

import functools
import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import nn

from saccade.bundle.bundle import NetworkConfig
from saccade.core import devices, registry
from saccade.core.files import sha256_of_file
from saccade.core.progress import Progress, no_progress
from saccade.data.prepared import DatasetInfo
from saccade.kinds import FrozenFeatures
from saccade.transfer.embeddings import code_digest, without_head
from saccade.transfer.initial_weights import find_initial_weights
from saccade.transfer.load_weights import load_into

NETWORK = "efficientnet_lite0"
INPUT_SIDE = 224  # pixels of the longer side: what its weights were trained with
_BATCH_SIZE = 64  # images: more are no faster on a CPU, and take memory


def frozen_features(info: DatasetInfo, *, device: str, progress: Progress = no_progress) -> FrozenFeatures:
    """The features of ``NETWORK`` for the images of a dataset.

    Its weights are looked for by ``check`` and ``read``, not before: what was measured once needs none.

    Args:
        info: of the prepared dataset, of images.
        device: auto, cpu, cuda, cuda:1 or mps.
        progress: callback that gets the number of images done.

    Returns:
        What ``kinds.baselines`` takes.
    """

    @functools.cache
    def opened() -> tuple[nn.Sequential, torch.device]:
        on = devices.resolve_device(device)
        if on.type == "cpu":
            devices.keep_freed_memory()
        return devices.to_device(_network(info), on), on

    def read(image_NHWC: np.ndarray) -> np.ndarray:
        return _features(*opened(), image_NHWC)

    decided_by = [
        registry.constant("models", NETWORK, "PRETRAINED_SHA256"),
        code_digest(NETWORK),
        sha256_of_file(Path(__file__)),
    ]
    digest = hashlib.sha256("".join(decided_by).encode()).hexdigest()
    return FrozenFeatures(NETWORK, read, digest, check=opened, progress=progress)


def _network(info: DatasetInfo) -> nn.Sequential:
    """Input layer and model with its published weights, on the CPU; what it answers is the input of its head."""
    weights = find_initial_weights(
        model=NETWORK, pretrained="imagenet", bundle=None, spec=info.spec, mean=info.mean, dataset=""
    )
    assert weights is not None and weights.normalisation is not None, "they are published"
    mean, std = weights.normalisation
    arguments = {"input_side": INPUT_SIDE}
    network = NetworkConfig(NETWORK, arguments, info.spec, "classify", mean, std, identity="").build_network()
    load_into(network[1], weights.read(), origin=weights.origin)
    return without_head(network, registry.constant("models", NETWORK, "HEAD"))


@torch.no_grad()
def _features(network: nn.Sequential, device: torch.device, image_NHWC: np.ndarray) -> np.ndarray:
    """Float32 (N, D)."""
    parts = []
    for start in range(0, len(image_NHWC), _BATCH_SIZE):
        image_BHWC = torch.from_numpy(np.ascontiguousarray(image_NHWC[start : start + _BATCH_SIZE]))
        parts.append(network(image_BHWC.to(device)).float().cpu().numpy())
    return np.concatenate(parts)
