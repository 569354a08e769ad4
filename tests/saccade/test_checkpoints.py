"""Where training stands, as one file."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from saccade import optimizers
from saccade.checkpoints import load_checkpoint, save_checkpoint
from saccade.errors import UserError
from saccade.training import EpochRecord, TrainingState

OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("sgd", {}),
    ("sgd", {"momentum": 0.9}),
    ("adam", {}),
    ("adamw", {"weight_decay": 0.1}),
]
HISTORY = [EpochRecord(epoch, 1 / 3 / epoch, 0.5, 0.1 * epoch, 1e-300, 1e-5, 2.5, 1234.5, 0.25) for epoch in (1, 2)]


def fresh(seed: int, name: str = "sgd", *, width: int = 5, **options: Any) -> TrainingState:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(2, width, 3), nn.BatchNorm2d(width), nn.Flatten(), nn.Linear(width * 4, 3))
    return TrainingState(network, optimizers.build(name, network, lr=0.1, **options))


def trained(seed: int, name: str = "sgd", **options: Any) -> TrainingState:
    """Three updates, so that every memory of the optimiser is filled; the parameters' gradients differ."""
    state = fresh(seed, name, **options)
    for step in range(3):
        x = torch.randn(4, 2, 4, 4, generator=torch.Generator().manual_seed(step))
        state.optimizer.zero_grad()
        state.network(x).square().mean().backward()
        state.optimizer.step()
    state.history = list(HISTORY)
    return state


def assert_equal(first: Any, second: Any) -> None:
    """Nested dictionaries, lists and tensors are equal, dtypes and all."""
    if isinstance(first, torch.Tensor):
        assert first.dtype == second.dtype and torch.equal(first, second)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_equal(first[key], second[key])
    elif isinstance(first, list | tuple):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            assert_equal(one, other)
    else:
        assert first == second


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_everything_comes_back(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    state, path = trained(0, name, **options), tmp_path / "made" / "checkpoint.safetensors"
    save_checkpoint(path, state)
    loaded = fresh(1, name, **options)
    load_checkpoint(path, loaded)
    assert_equal(loaded.network.state_dict(), state.network.state_dict())
    assert loaded.network[1].num_batches_tracked == 3
    assert_equal(loaded.optimizer.state_dict(), state.optimizer.state_dict())
    assert loaded.history == HISTORY and loaded.epoch == 2
    memory = loaded.optimizer.state_dict()["state"]
    assert len(memory) == (0 if not options and name == "sgd" else 6)


def test_a_checkpoint_before_the_first_update(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a", fresh(0, "adam"))
    loaded = trained(1, "adam")
    load_checkpoint(tmp_path / "a", loaded)
    assert loaded.epoch == 0 and loaded.optimizer.state_dict()["state"] == {}


def test_a_later_checkpoint_takes_the_place_of_the_earlier(tmp_path: Path) -> None:
    for seed in (0, 1):
        save_checkpoint(tmp_path / "a", trained(seed))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    loaded = fresh(2)
    load_checkpoint(tmp_path / "a", loaded)
    assert_equal(loaded.network.state_dict(), trained(1).network.state_dict())


def test_the_file_is_plain_json_and_numbers(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a", trained(0, "adam"))
    content = (tmp_path / "a").read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    assert json.loads(header.pop("__metadata__")["history"])[1]["epoch"] == 2
    assert len(content) == 8 + size + max(entry["data_offsets"][1] for entry in header.values())


@pytest.mark.parametrize("left", [0, 5, 100, -1])
def test_a_file_cut_short_is_refused(tmp_path: Path, left: int) -> None:
    save_checkpoint(tmp_path / "a", trained(0))
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:left])
    with pytest.raises(UserError, match=r"/a is damaged \(.+\)\. Start again with `saccade train RUN --fresh`"):
        load_checkpoint(tmp_path / "a", fresh(0))


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"no checkpoint at all" * 20)
    with pytest.raises(UserError, match="/a is damaged"):
        load_checkpoint(tmp_path / "a", fresh(0))


def test_the_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a", trained(0, width=6))
    with pytest.raises(UserError, match=r"(?s)/a is damaged \(.*size mismatch"):
        load_checkpoint(tmp_path / "a", fresh(0))
