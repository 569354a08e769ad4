"""A network that is looked at and not changed: evaluation mode, the same weights and statistics afterwards."""

import contextlib
import hashlib
from collections.abc import Iterator

import torch
from torch import nn


@contextlib.contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Evaluation mode while it lasts, with gradients; the modes of all modules are as before afterwards.

    cuDNN refuses the backward pass of a recurrent network in evaluation mode, so that torch's own kernels take its
    place where there is one. Nothing in here writes gradients into parameters: they are asked of inputs alone.

    Args:
        network: network to look at.

    Yields:
        Nothing.
    """
    modes = [(module, module.training) for module in network.modules()]
    is_recurrent = any(isinstance(module, nn.RNNBase) for module, _ in modes)
    cudnn = torch.backends.cudnn
    flags = cudnn.flags(
        enabled=cudnn.enabled and not is_recurrent,
        benchmark=cudnn.benchmark,
        deterministic=cudnn.deterministic,
        allow_tf32=cudnn.allow_tf32,
    )
    try:
        if any(training for _, training in modes):
            network.eval()
        with torch.enable_grad(), flags:
            yield
    finally:
        for module, training in modes:
            module.training = training


def state_digest(network: nn.Module) -> str:
    """SHA-256 of all weights and statistics of a network, and of their names."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


@contextlib.contextmanager
def unchanged(network: nn.Module) -> Iterator[None]:
    """Compare the weights and statistics of a network before and after.

    Args:
        network: network that is looked at meanwhile.

    Yields:
        Nothing.

    Raises:
        RuntimeError: they differ, so that nothing found meanwhile is to be believed.
    """
    before = state_digest(network)
    yield
    if state_digest(network) != before:
        raise RuntimeError("the weights or statistics of the network changed while it was explained")
