"""The weights that torchvision publishes: downloaded by torchvision itself, once."""

import contextlib
import http.client
import pickle
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from saccade.bundle.messages import short
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file

_SERVER_TIMEOUT_S = 30.0


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
def _socket_timeout() -> Iterator[None]:
    """Bound how long torch waits for a server that does not answer: for ever, unless sockets have a timeout."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SERVER_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
