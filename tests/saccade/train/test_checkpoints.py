"""Where training stands, as files that tell their own digest."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from saccade.core.errors import UserError
from saccade.optim import optimizers
from saccade.train.checkpoints import Checkpoints, from_bytes, to_bytes
from saccade.train.state import EpochProgress, EpochRecord, TrainingState

OPTIMIZERS: list[tuple[str, dict[str, Any], int]] = [  # and how many tensors they remember of each parameter
    ("sgd", {}, 0),
    ("sgd", {"momentum": 0.9}, 1),
    ("adam", {}, 2),
    ("adamw", {"weight_decay": 0.1}, 2),
    ("rmsprop", {}, 1),
    ("rmsprop", {"momentum": 0.9, "centered": True}, 3),
]
HISTORY = [
    EpochRecord(epoch, 1 / 3 / epoch, 0.5, 0.1 * epoch, 1e-300, 1e-5, 2.5, 1234.5, 0.25, "mae") for epoch in (1, 2)
]


def fresh(seed: int, name: str = "sgd", *, width: int = 5, **options: Any) -> TrainingState:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(2, width, 3), nn.BatchNorm2d(width), nn.Flatten(), nn.Linear(width * 4, 3))
    return TrainingState(network, optimizers.build(name, network, lr=0.1, **options), with_average=True, with_best=True)


def trained(seed: int, name: str = "sgd", *, updates: int = 3, **options: Any) -> TrainingState:
    """Some updates, so that every memory of the optimiser is filled; the parameters' gradients differ."""
    state = fresh(seed, name, **options)
    for step in range(updates):
        x = torch.randn(4, 2, 4, 4, generator=torch.Generator().manual_seed(step))
        state.optimizer.zero_grad()
        state.network(x).square().mean().backward()
        state.optimizer.step()
    assert state.averaged is not None and state.best is not None
    with torch.no_grad():
        state.averaged[3].bias.fill_(0.1)
        state.best[3].bias.fill_(0.3)
    state.history = list(HISTORY)
    state.progress = EpochProgress(torch.tensor([1 / 3, 7.0, 1e-300], dtype=torch.float64), 16, 0.1)
    return state


def assert_equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert first.keys() == second.keys()
    for key in first:
        assert first[key].dtype == second[key].dtype and torch.equal(first[key], second[key]), key


@pytest.mark.parametrize(("name", "options", "slots"), OPTIMIZERS)
def test_everything_comes_back(name: str, options: dict[str, Any], slots: int) -> None:
    state, loaded = trained(0, name, **options), fresh(1, name, **options)
    from_bytes(to_bytes(state), loaded)
    assert_equal(loaded.network.state_dict(), state.network.state_dict())
    assert_equal(loaded.result.state_dict(), state.result.state_dict())
    assert_equal(loaded.kept.state_dict(), state.kept.state_dict())
    assert (loaded.kept[3].bias == torch.tensor(0.3)).all() and loaded.kept_epoch == 1
    assert (loaded.result[3].bias == torch.tensor(0.1)).all() and loaded.network[1].num_batches_tracked == 3
    assert_equal(loaded.optimizer.state_dict(), state.optimizer.state_dict())
    assert loaded.optimizer.step_count == 3 and loaded.history == HISTORY and loaded.epoch == 2
    assert torch.equal(loaded.progress.sums, state.progress.sums) and loaded.progress.sums.dtype == torch.float64
    assert (loaded.progress.examples, loaded.progress.elapsed_s) == (16, 0.1)
    assert len(loaded.optimizer.state_dict()) == 6 * slots


def test_a_checkpoint_of_a_version_that_measured_no_layers_is_gone_on_from() -> None:
    from safetensors.torch import load, save

    state, loaded = trained(0), fresh(1)
    content = to_bytes(state)
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    position = json.loads(header["__metadata__"]["position"])
    for record in position["history"]:
        del record["layers"]
    tensors = {name: tensor for name, tensor in load(content).items() if name != "signs"}
    from_bytes(save(tensors, metadata={"position": json.dumps(position)}), loaded)
    assert loaded.history == HISTORY and not loaded.layer_statistics.sums.any()


def test_the_memory_is_copied_into_the_same_tensors_whatever_their_layout() -> None:
    """Convolutions lie channels last in memory; a file knows no layout."""
    state, loaded = trained(0, "adam"), fresh(1, "adam")
    loaded.network.to(memory_format=torch.channels_last)
    from_bytes(to_bytes(state), loaded)
    assert loaded.network[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert_equal(loaded.network.state_dict(), state.network.state_dict())


def test_the_content_is_plain_json_and_numbers() -> None:
    content = to_bytes(trained(0, "adam"))
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    assert json.loads(header.pop("__metadata__")["position"])["history"][1]["epoch"] == 2
    assert len(content) == 8 + size + max(entry["data_offsets"][1] for entry in header.values())


@pytest.mark.parametrize("other", [{"width": 6}, {"name": "adam"}])
def test_the_checkpoint_of_another_training_is_refused(other: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"(?s)the checkpoint is of another network \(.*(size mismatch|state differs)"):
        from_bytes(to_bytes(trained(0, **other)), fresh(0))


def test_an_epoch_that_was_measured_comes_after_the_same_update_unmeasured(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, every_s=60)
    for history in (HISTORY[:1], HISTORY[:0], HISTORY):
        state = trained(0)
        state.history = list(history)
        checkpoints.save(state)
    assert sorted(path.name[11:17] for path in tmp_path.iterdir()) == ["000001", "000002"]


def test_broken_numbers_are_not_saved(tmp_path: Path) -> None:
    state = trained(0)
    state.progress.sums[0] = float("nan")
    Checkpoints(tmp_path, every_s=0).save_when_due(state)
    assert not list(tmp_path.iterdir())


# The files


def at(checkpoints: Checkpoints) -> int:
    content, _ = checkpoints.newest()
    assert content is not None
    state = fresh(9)
    from_bytes(content, state)
    return state.optimizer.step_count


def test_the_two_newest_are_kept_and_named_by_their_digest(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "made", every_s=60)
    assert checkpoints.newest() == (None, [])
    for updates in (1, 2, 10, 11):
        checkpoints.save(trained(0, updates=updates))
    names = sorted(path.name for path in (tmp_path / "made").iterdir())
    assert [name[:17] for name in names] == ["0000000010-000002", "0000000011-000002"]
    for name in names:
        digest = hashlib.sha256((tmp_path / "made" / name).read_bytes()).hexdigest()
        assert name.split("-")[2] == f"{digest}.safetensors"
    assert at(checkpoints) == 11


def test_saving_the_same_place_again_keeps_the_one_before(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, every_s=60)
    for updates in (1, 2, 2):
        checkpoints.save(trained(0, updates=updates))
    assert sorted(path.name[:10] for path in tmp_path.iterdir()) == ["0000000001", "0000000002"]


def damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "one bit":
        content[len(content) // 2] ^= 1
    path.write_bytes(b"" if how == "empty" else content[:-1] if how == "cut short" else content)


@pytest.mark.parametrize("how", ["one bit", "cut short", "empty"])
def test_a_damaged_one_is_refused_and_the_one_before_it_is_used(tmp_path: Path, how: str) -> None:
    checkpoints = Checkpoints(tmp_path, every_s=60)
    for updates in (1, 2):
        checkpoints.save(trained(0, updates=updates))
    newest = max(tmp_path.iterdir())
    damage(newest, how)
    content, damaged = checkpoints.newest()
    assert damaged == [newest] and not newest.exists() and content is not None
    assert at(checkpoints) == 1
    damage(max(tmp_path.iterdir()), how)
    assert checkpoints.newest()[0] is None  # from the start, then


def test_what_a_kill_left_half_written_is_removed(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, every_s=60)
    checkpoints.save(trained(0, updates=1))
    (tmp_path / f".0000000002-000000-{'0' * 64}.safetensors.partial-123").write_bytes(b"half")
    (tmp_path / "notes.safetensors").write_bytes(b"not ours")
    assert at(checkpoints) == 1
    assert sorted(path.name[:10] for path in tmp_path.iterdir()) == ["0000000001", "notes.safe"]


def test_it_is_due_every_so_many_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("saccade.train.checkpoints.time.monotonic", lambda: now)
    checkpoints, saved = Checkpoints(tmp_path, every_s=60), []
    for updates, now in enumerate((130.0, 159.0, 160.0, 170.0, 219.0, 221.0), start=1):  # noqa: B007 - read above
        checkpoints.save_when_due(trained(0, updates=updates))
        saved.append(at(checkpoints) if list(tmp_path.iterdir()) else 0)
    assert saved == [0, 0, 3, 3, 3, 6]
