"""A trained network as two files that anyone can open: weights.safetensors and bundle.json. No pickle.

Several that answer together are a bundle.json and a folder for each, members/0, members/1, ..., with a bundle of its
own.
"""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from saccade.bundle.config import FORMATS, NetworkConfig, from_values, to_values
from saccade.core.errors import UserError
from saccade.core.files import read_json, sha256_of_file, write_json

if TYPE_CHECKING:
    from torch import nn

__all__ = ["NetworkConfig", "read_config", "save", "save_ensemble", "weight_files", "weights_sha256", "write_config"]


def save(folder: Path, config: NetworkConfig, network: "nn.Sequential") -> str:
    """Write a bundle into an empty folder.

    Args:
        folder: an empty folder; the caller moves it into place.
        config: config that the network was built from.
        network: network from ``config.build_network()``.

    Returns:
        SHA-256 of weights.safetensors.
    """
    from safetensors.torch import save

    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network[1].state_dict().items()}
    # Bytes first: safetensors' own writing tells a full disk as an error of another kind than OSError.
    (folder / "weights.safetensors").write_bytes(save(weights))
    write_config(folder, config)
    return sha256_of_file(folder / "weights.safetensors")


def save_ensemble(folder: Path, config: NetworkConfig, members: Sequence[Path]) -> str:
    """Put bundles together into one whose networks answer together.

    Args:
        folder: an empty folder; the caller moves it into place.
        config: config of the ensemble; ``members`` is the number of bundles.
        members: folders of their bundles, which are copied.

    Returns:
        ``weights_sha256`` of the folder.
    """
    assert config.members == len(members)
    for number, member in enumerate(members):
        shutil.copytree(member, folder / "members" / str(number))
    write_config(folder, config)
    return weights_sha256(folder)


def write_config(folder: Path, config: NetworkConfig) -> None:
    """Write bundle.json."""
    write_json(folder / "bundle.json", to_values(config))


def weight_files(folder: Path, members: int) -> list[Path]:
    """Where the weights of a bundle lie, a file for each of its networks."""
    folders = [folder] if members == 1 else [folder / "members" / str(number) for number in range(members)]
    return [one / "weights.safetensors" for one in folders]


def weights_sha256(folder: Path) -> str:
    """What names the weights of a bundle.

    Args:
        folder: folder of a bundle, such as models/lenet5-digits.

    Returns:
        SHA-256 of weights.safetensors; of several networks, that of the SHA-256 of each, a line each.

    Raises:
        UserError: there is no bundle, or one without its weights.
    """
    files = weight_files(folder, read_config(folder).members)
    for path in files:
        if not path.exists():
            raise UserError(f"{path} does not exist. Make it with `saccade train {folder.name}`.")
    digests = [sha256_of_file(path) for path in files]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()


def read_config(folder: Path) -> NetworkConfig:
    """Read bundle.json.

    Args:
        folder: folder of a bundle, such as models/lenet5-digits.

    Returns:
        What the network is built from.

    Raises:
        UserError: there is no bundle, or one that is damaged or of another format.
    """
    make_with = f"saccade train {folder.name}"
    values = read_json(folder / "bundle.json", format_number=FORMATS, make_with=make_with)
    try:
        return from_values(values)
    except ValueError as error:
        raise UserError(f"{folder / 'bundle.json'} is damaged ({error}). Run `dvc checkout`.") from error
