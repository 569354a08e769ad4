"""Weights from elsewhere: read from a file or downloaded by torchvision, and put into a network of one's own."""

import contextlib
import http.client
import pickle
import re
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from saccade import registry
from saccade.errors import UserError
from saccade.files import sha256_of_file

_WRAPPERS = ("state_dict", "model_state_dict", "model")  # a checkpoint's names for the weights among the rest
_PREFIXES = ("module.", "_orig_mod.")  # of DataParallel and of torch.compile, before every name
_SERVER_TIMEOUT_S = 30.0
_NAMED_IN_FULL = 20


# --- from a file ------------------------------------------------------------------------------------------------------


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
        raise UserError(f"{source} cannot be read ({_short(error)}). Get it anew: it is damaged.") from error


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
            f"{source} cannot be read ({_short(error)}). Get it anew: it is damaged, or torch.save did not write it."
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
        raise UserError(f"{source} must hold names and tensors, but also holds {_some(others, 5)}. {remedy}")
    return {str(key): value.detach() for key, value in content.items()}


def _without_prefixes(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    while prefix := next((prefix for prefix in _PREFIXES if all(name.startswith(prefix) for name in weights)), ""):
        weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    return weights


# --- from torchvision -------------------------------------------------------------------------------------------------


def published_weights(model: str) -> Path:
    """The file of torchvision's weights for a model, downloaded by torchvision when it is not in torch's cache yet.

    Args:
        model: name of a file in ``models/`` with a constant ``PRETRAINED``.

    Returns:
        Its path; ``read_weights`` reads it. Its bytes have the digest that its name ends with.

    Raises:
        UserError: torchvision has no such weights, they cannot be downloaded, or the file is another one.
    """
    published = _published(model)
    name = published.url.rpartition("/")[2]
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    by_hand = f"put {name} into {folder} by hand, or write `pretrained: <path of a file>`"
    if not (folder / name).exists():
        try:
            # torchvision tells on stdout what it downloads, where others may expect a command's result.
            # What it cannot open, ``read_weights`` tells.
            with contextlib.redirect_stdout(sys.stderr), _impatient(), contextlib.suppress(pickle.UnpicklingError):
                published.get_state_dict(
                    progress=sys.stderr.isatty(), check_hash=True, map_location="cpu", weights_only=True
                )
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            raise UserError(
                f"{published.url} could not be downloaded ({_short(error)}).\nTry again later; or {by_hand}"
            ) from error
    digest = re.search(r"-([0-9a-f]{8,})\.", name)
    if digest and not sha256_of_file(folder / name).startswith(digest[1]):
        raise UserError(f"{folder / name} is not what torchvision published: remove it and try again; or {by_hand}")
    return folder / name


def published_normalisation(model: str, channels: int) -> tuple[list[float], list[float]]:
    """What the published weights want their inputs to be: ``(x - mean) / std`` of pixels on the scale 0..1.

    Args:
        model: as for ``published_weights``.
        channels: 1 or 3. The first convolution of a grey network is the sum over three channels, each of which had a
            normalisation of its own; they get their mean.

    Returns:
        mean and std, each one number a channel.

    Raises:
        UserError: torchvision has no such weights.
    """
    usual = _published(model).transforms()
    values: list[list[float]] = []
    for constant, given in (("PRETRAINED_MEAN", usual.mean), ("PRETRAINED_STD", usual.std)):
        with contextlib.suppress(LookupError):
            given = registry.constant("models", model, constant)  # where torchvision's own would be wrong
        values.append(list(given) if channels == 3 else [sum(given) / len(given)])
    return values[0], values[1]


def _published(model: str) -> Any:
    """The member of torchvision's enumeration that a model file names."""
    names = {}
    for known in registry.names("models"):
        with contextlib.suppress(LookupError):
            names[known] = registry.constant("models", known, "PRETRAINED")
    if model not in names:
        raise UserError(
            f"pretrained (imagenet) must be of a network whose weights torchvision publishes ({', '.join(names)}), not "
            f"{model}. Name a file of your own instead: `pretrained: <path>`"
        )
    from torchvision.models import get_weight  # imported here because it takes two seconds

    return get_weight(names[model])


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    """torch waits for ever for a server that does not answer, unless sockets are told otherwise."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SERVER_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


# --- into a network ---------------------------------------------------------------------------------------------------


@torch.no_grad()
def load_into(network: nn.Module, weights: Mapping[str, Tensor], *, origin: str) -> list[str]:
    """Give a network the weights of another one of the same layers.

    Three differences are bridged, and told. The last layer, and that of each auxiliary head, stays new when it has
    another number of outputs. A first convolution that saw three colours becomes its sum over them where the network
    takes grey images: it answers as it did to a grey picture in colours. Auxiliary heads that the network was built
    without are left out. Every other difference is an error, and leaves the network as it was.

    Args:
        network: the model alone, so that names begin with its own layers; changed in place.
        weights: name to tensor, of any float dtype.
        origin: where they come from, for people.

    Returns:
        Lines that tell what was done.

    Raises:
        UserError: names are missing or unexpected, or shapes differ.
    """
    own = network.state_dict()
    dropped = sorted({_top(name) for name in weights if _is_auxiliary(name)} - {_top(name) for name in own})
    given = {
        name: value
        for name, value in weights.items()
        if _top(name) not in dropped and not (_is_count(name) and name not in own)
    }
    lines = []
    summed = _first_convolution(network)
    if summed in given and _differs_in_colours(own[summed], given[summed]):
        given[summed] = given[summed].sum(dim=1, keepdim=True)
        lines.append(f"{summed} is summed over its three colours: the network takes grey images")
    new: set[str] = set()
    for layer in _heads(network):
        of_layer = [name for name in own if name.rpartition(".")[0] == layer]
        if all(name in given and given[name].shape[1:] == own[name].shape[1:] for name in of_layer):
            there, here = given[of_layer[0]].shape[0], own[of_layer[0]].shape[0]
            if there != here:
                new.update(of_layer)
                lines.append(f"{layer} is new: {here} outputs here, {there} there")
    if dropped:
        lines.append(f"{' and '.join(dropped)} left out: the network was built without auxiliary heads")
    _refuse_differences(
        origin,
        missing=[name for name in own if name not in given and not _is_count(name)],
        unexpected=[name for name in given if name not in own],
        shapes=[
            f"{name} ({_shape(given[name])} there, {_shape(own[name])} here)"
            for name in own
            if name in given and name not in new and given[name].shape != own[name].shape
        ],
        own=own,
        given=given,
    )
    taken = [name for name in own if name in given and name not in new]
    for name in taken:
        own[name].copy_(given[name])  # a state dict shares the network's memory
    return [f"{len(taken)} of {len(own)} tensors taken from {origin}", *lines]


def _refuse_differences(
    origin: str,
    *,
    missing: list[str],
    unexpected: list[str],
    shapes: list[str],
    own: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
) -> None:
    differences = []
    if missing:
        differences.append(f"missing: {', '.join(_by_layer(missing, given))}")
    if unexpected:
        differences.append(f"unexpected: {', '.join(_by_layer(unexpected, own))}")
    if shapes:
        differences.append(f"of another shape: {_some(shapes, _NAMED_IN_FULL)}")
    if differences:
        raise UserError(
            f"{origin} does not fit the network. {'; '.join(differences)}.\n"
            "Build the network with the arguments that the weights were made with, or take other weights."
        )


def _by_layer(names: list[str], others: Iterable[str]) -> list[str]:
    """All names; where there are many, a layer of which the other side has nothing stands for all that is inside."""
    if len(names) <= _NAMED_IN_FULL:
        return names
    known = {".".join(parts[:end]) for parts in (name.split(".") for name in others) for end in range(len(parts) + 1)}
    inside: dict[str, list[str]] = {}
    for name in names:
        parts = name.split(".")
        layers = (".".join(parts[:end]) for end in range(1, len(parts) + 1))
        inside.setdefault(next(layer for layer in layers if layer not in known), []).append(name)
    return [found[0] if len(found) == 1 else f"{layer}.* ({len(found)})" for layer, found in inside.items()]


def _heads(network: nn.Module) -> list[str]:
    """The last layer that has parameters, of the network and of each of its auxiliary heads."""
    last: dict[str, str] = {}
    for name, layer in network.named_modules():
        if next(layer.parameters(recurse=False), None) is not None:
            last[_top(name) if _is_auxiliary(name) else ""] = name
    return list(last.values())


def _first_convolution(network: nn.Module) -> str:
    """The name of its weight; empty where there is none."""
    return next((f"{name}.weight" for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)), "")


def _differs_in_colours(own_OCHW: Tensor, given_OCHW: Tensor) -> bool:
    O, _, H, W = own_OCHW.shape  # noqa: E741 - output channels
    return own_OCHW.shape[1] == 1 and given_OCHW.shape == (O, 3, H, W)


def _top(name: str) -> str:
    return name.partition(".")[0]


def _is_auxiliary(name: str) -> bool:
    """Auxiliary heads are called aux1, aux2 in every network that has any."""
    return _top(name).startswith("aux")


def _is_count(name: str) -> bool:
    """How many batches a norm has seen; not in older files, and without influence here."""
    return name.endswith("num_batches_tracked")


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a scalar"


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__


def _some(items: list[str], most: int) -> str:
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")
