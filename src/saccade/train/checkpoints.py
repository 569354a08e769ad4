"""Where training stands, in safetensors files that say their own SHA-256 in their names. No pickle is written or read.

<folder>/<updates>-<epochs>-<sha256>.safetensors    the two newest; how many updates and whole epochs were done
"""

import hashlib
import json
import re
import time
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from saccade.core.errors import UserError
from saccade.core.files import replacing_file
from saccade.train.state import EpochProgress, EpochRecord, TrainingState

MAX_KEPT = 2
_NAME = re.compile(r"\d{10}-\d{6}-[0-9a-f]{64}")


class Checkpoints:
    """The checkpoints of one training.

    Args:
        folder: folder that is made with the first of them.
        every_s: seconds between two checkpoints, from 0.
    """

    def __init__(self, folder: Path, every_s: float) -> None:
        self.folder = folder
        self._every_s = every_s
        self._saved_at = time.monotonic()

    def save_when_due(self, state: TrainingState) -> None:
        """Save when ``every_s`` have passed since the last time, or since the start; not weights that are broken."""
        if time.monotonic() - self._saved_at >= self._every_s and torch.isfinite(state.progress.sums).all():
            self.save(state)

    def save(self, state: TrainingState) -> None:
        """Write a checkpoint beside the last one, then remove the older ones. On a full disk, the last one stays."""
        content = to_bytes(state)
        digest = hashlib.sha256(content).hexdigest()
        target = self.folder / f"{state.optimizer.step_count:010d}-{state.epoch:06d}-{digest}.safetensors"
        with replacing_file(target) as partial:
            partial.write_bytes(content)
        for path in self._newest_first()[MAX_KEPT:]:
            path.unlink()
        self._saved_at = time.monotonic()

    def newest(self) -> tuple[bytes | None, list[Path]]:
        """The newest checkpoint that is whole, and those that were not: their bytes are not what their names say.

        Damaged ones are removed: otherwise they would count among the kept.
        """
        damaged: list[Path] = []
        for left in self.folder.glob(".*.partial-*"):  # a kill while writing; whoever calls holds the run's lock
            left.unlink()
        for path in self._newest_first():
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() == path.stem.split("-")[2]:
                return content, damaged
            path.unlink()
            damaged.append(path)
        return None, damaged

    def _newest_first(self) -> list[Path]:
        found = [path for path in self.folder.glob("*.safetensors") if _NAME.fullmatch(path.stem)]
        return sorted(found, reverse=True)


def to_bytes(state: TrainingState) -> bytes:
    """Weights, averaged and best ones, the optimiser's memory, the epoch under way and those done, in full precision.

    No state of a random generator is among them: order and random numbers follow from the seed and the position.
    """
    from safetensors.torch import save

    tensors = {f"network.{name}": tensor for name, tensor in state.network.state_dict().items()}
    if state.averaged is not None:
        tensors |= {f"averaged.{name}": tensor for name, tensor in state.averaged.state_dict().items()}
    if state.best is not None:
        tensors |= {f"best.{name}": tensor for name, tensor in state.best.state_dict().items()}
    tensors |= {f"optimizer.{name}": tensor for name, tensor in state.optimizer.state_dict().items()}
    tensors |= {"sums": state.progress.sums, "layer_statistics": state.layer_statistics.sums}
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    position = {
        "updates": state.optimizer.step_count,
        "examples": state.progress.examples,
        "elapsed_s": state.progress.elapsed_s,
        "history": [asdict(record) for record in state.history],
    }
    return save(contiguous, metadata={"position": json.dumps(position)})


def from_bytes(content: bytes, state: TrainingState) -> None:
    """Put a checkpoint's values into ``state``, which was built from the same params.

    Args:
        content: bytes of a checkpoint, from ``to_bytes``.
        state: changed in place.

    Raises:
        UserError: it is the checkpoint of another network or optimiser.
    """
    from safetensors.torch import load

    tensors = load(content)
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])  # safetensors' own format
    position = json.loads(header["__metadata__"]["position"])
    try:
        state.network.load_state_dict(_under("network.", tensors))
        if state.averaged is not None:
            state.averaged.load_state_dict(_under("averaged.", tensors))
        if state.best is not None:
            state.best.load_state_dict(_under("best.", tensors))
        state.optimizer.load_state_dict(_under("optimizer.", tensors), position["updates"])
    except (KeyError, RuntimeError) as error:
        raise UserError(f"the checkpoint is of another network ({error}). Start again with `--fresh`.") from error
    sums = tensors["sums"].to(state.progress.sums.device)
    state.progress = EpochProgress(sums, position["examples"], position["elapsed_s"])
    state.layer_statistics.sums = tensors["layer_statistics"].to(sums.device)
    state.history = [EpochRecord(**record) for record in position["history"]]


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
