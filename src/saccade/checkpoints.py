"""Where training stands, in one safetensors file that is replaced atomically: no pickle is written or read."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from saccade.errors import UserError
from saccade.files import replacing_file
from saccade.training import EpochRecord, TrainingState


def save_checkpoint(path: Path, state: TrainingState) -> None:
    """Write weights, the optimiser's memory and the finished epochs, in full precision."""
    from safetensors.torch import save as to_bytes

    tensors = {f"network.{name}": tensor for name, tensor in state.network.state_dict().items()}
    plain: dict[str, dict[str, Any]] = {}
    for index, slots in state.optimizer.state_dict()["state"].items():
        for slot, value in slots.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer.{index}.{slot}"] = value
            else:
                plain.setdefault(str(index), {})[slot] = value
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    history = json.dumps([asdict(record) for record in state.history])
    with replacing_file(path) as partial:
        partial.write_bytes(to_bytes(contiguous, metadata={"history": history, "optimizer": json.dumps(plain)}))


def load_checkpoint(path: Path, state: TrainingState) -> None:
    """Put a checkpoint's values into ``state``, which was built from the same params.

    Args:
        path: from ``save_checkpoint``.
        state: changed in place.

    Raises:
        UserError: the file is damaged or belongs to another network.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no dict: has no __iter__)
        network = {name.removeprefix("network."): t for name, t in tensors.items() if name.startswith("network.")}
        state.network.load_state_dict(network)
    except (SafetensorError, RuntimeError) as error:
        raise UserError(f"{path} is damaged ({error}). Start again with `saccade train RUN --fresh`.") from error
    slots: dict[int, dict[str, Any]] = {
        int(index): dict(values) for index, values in json.loads(metadata["optimizer"]).items()
    }
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, slot = name.split(".")
            slots.setdefault(int(index), {})[slot] = tensor
    state.optimizer.load_state_dict({"state": slots, "param_groups": state.optimizer.state_dict()["param_groups"]})
    state.history = [EpochRecord(**record) for record in json.loads(metadata["history"])]
