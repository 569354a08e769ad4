"""Weights read from a file, without running what may be in it."""

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from saccade.core.errors import UserError
from saccade.transfer.messages import short, some

_WRAPPERS = ("state_dict", "model_state_dict", "model")  # a checkpoint's names for the weights among the rest
_PREFIXES = ("module.", "_orig_mod.")  # of DataParallel and of torch.compile, before every name


def read_weights(source: Path) -> dict[str, Tensor]:
    """Read the weights of a network from a file; nothing in it is run.

    A checkpoint that holds the weights as "state_dict", "model_state_dict" or "model" is unwrapped, and so are names
    that all begin with "module." (DataParallel) or "_orig_mod." (torch.compile).

    Args:
        source: .safetensors, or .pth and .pt as ``torch.save`` writes a ``state_dict()``, of any version of torch.

    Returns:
        Name to tensor, on the CPU.

    Raises:
        UserError: there is no such file, it is damaged, or it holds other things than tensors.
    """
    if not source.is_file():
        raise UserError(f"{source} is not there: name a .safetensors, .pth or .pt file that holds weights")
    match source.suffix.lower():
        case ".safetensors":
            content: Any = _read_safetensors(source)
        case ".pth" | ".pt":
            content = _read_pickled(source)
        case suffix:
            raise UserError(
                f"{source} must end with .safetensors, .pth or .pt, not {suffix or 'without a suffix'}. Save "
                "state_dict() as one of these, or rename the file if it is one"
            )
    return _without_prefixes(_unwrapped(content, source))


def _read_safetensors(source: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(source)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{source} cannot be read ({short(error)}). Get it anew: it is damaged.") from error


def _read_pickled(source: Path) -> Any:
    """With ``weights_only``, torch refuses to make any object but tensors and plain containers."""
    try:
        return torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can raise whatever its bytes happen to say
        refused = re.search(r"GLOBAL (\S+)", str(error)) if isinstance(error, pickle.UnpicklingError) else None
        if refused:
            raise UserError(
                f"{source} holds a Python object ({refused[1]}) and not only tensors; making it could run any code, so "
                "the file is not opened.\nSave the weights alone, where it was made: "
                "torch.save(network.state_dict(), path)"
            ) from error
        raise UserError(
            f"{source} cannot be read ({short(error)}). Get it anew: it is damaged, or torch.save did not write it."
        ) from error


def _unwrapped(content: Any, source: Path) -> dict[str, Tensor]:
    if isinstance(content, Mapping):
        content = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping)), content)
    remedy = "Save the weights alone: torch.save(network.state_dict(), path)"
    if not isinstance(content, Mapping) or not content:
        held = "nothing" if isinstance(content, Mapping) else f"a {type(content).__name__}"
        raise UserError(f"{source} must hold names and tensors, but holds {held}. {remedy}")
    others = [f"{key} ({type(value).__name__})" for key, value in content.items() if not isinstance(value, Tensor)]
    if others:
        raise UserError(f"{source} must hold names and tensors, but also holds {some(others, 5)}. {remedy}")
    return {str(key): value.detach() for key, value in content.items()}


def _without_prefixes(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    while prefix := next((prefix for prefix in _PREFIXES if all(name.startswith(prefix) for name in weights)), ""):
        weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    return weights
