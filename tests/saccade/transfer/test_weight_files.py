"""Weights read from files made on the spot."""

import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from made_weights import Malicious, assert_same, small_weights
from safetensors.torch import save_file
from torch import nn

from saccade.core.errors import UserError
from saccade.transfer.weight_files import read_weights


@pytest.mark.parametrize("name", ["a.pth", "a.pt", "A.PTH", "old.pth"])
def test_a_pickled_state_dict_is_read(tmp_path: Path, name: str) -> None:
    torch.save(small_weights(), tmp_path / name, _use_new_zipfile_serialization=name != "old.pth")
    assert_same(read_weights(tmp_path / name), small_weights())


def test_a_safetensors_file_is_read(tmp_path: Path) -> None:
    save_file(small_weights(), tmp_path / "a.safetensors")
    read = read_weights(tmp_path / "a.safetensors")
    assert_same(dict(sorted(read.items())), dict(sorted(small_weights().items())))


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_a_checkpoint_is_unwrapped(tmp_path: Path, key: str, prefix: str) -> None:
    wrapped = {f"{prefix}{name}": nn.Parameter(value) for name, value in small_weights().items()}
    torch.save({"epoch": 3, key: wrapped, "optimizer": {"lr": 0.1}}, tmp_path / "a.pth")
    read = read_weights(tmp_path / "a.pth")
    assert_same(read, small_weights())
    assert not any(value.requires_grad for value in read.values())


def test_a_layer_that_is_called_module_or_model_is_no_wrapper(tmp_path: Path) -> None:
    weights = {"module.weight": torch.ones(2), "model": torch.zeros(1), "state_dict": torch.zeros(3)}
    torch.save(weights, tmp_path / "a.pth")
    assert_same(read_weights(tmp_path / "a.pth"), weights)


def write_torch(content: Any, path: Path) -> None:
    torch.save(content, path)


def write_torch_before_1_6(content: Any, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


def write_pickle(content: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))


@pytest.mark.parametrize("write", [write_torch, write_torch_before_1_6, write_pickle])
def test_code_in_a_pickle_is_not_run(tmp_path: Path, write: Callable[[Any, Path], None]) -> None:
    target = tmp_path / "was here"
    write({**small_weights(), "extra": Malicious(target)}, tmp_path / "a.pth")
    with pytest.raises(
        UserError, match=r"a\.pth holds a Python object \(\S+\) and not only tensors; .*\n.*state_dict\(\)"
    ):
        read_weights(tmp_path / "a.pth")
    assert not target.exists()
    torch.load(tmp_path / "a.pth", weights_only=False) if write is not write_pickle else pickle.loads(
        (tmp_path / "a.pth").read_bytes()
    )
    assert target.exists()  # it does what it is made for


def test_a_whole_pickled_network_is_refused(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 3), tmp_path / "a.pt")
    with pytest.raises(UserError, match=r"holds a Python object \(torch\.nn\.modules\.linear\.Linear\)"):
        read_weights(tmp_path / "a.pt")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("left", [0, 5, 100, 3000, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, suffix: str, left: int) -> None:
    path = tmp_path / f"a{suffix}"
    torch.save(small_weights(), path) if suffix == ".pth" else save_file(small_weights(), path)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(UserError, match=rf"a{suffix} cannot be read \(.+\)\. Get it anew: it is damaged"):
        read_weights(path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_damaged_pickle_is_refused_or_read_but_never_breaks(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2), "b": [1, "x"]}, tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    content, chance = (tmp_path / "a.pth").read_bytes(), random.Random(0)
    kinds = set()
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(3):
            damaged[chance.randrange(len(content))] = chance.randrange(256)
        (tmp_path / "b.pth").write_bytes(damaged)
        try:
            read_weights(tmp_path / "b.pth")
        except UserError as error:
            kinds.add(type(error.__cause__))
    assert len(kinds) > 2  # torch.load alone raises many kinds


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.ones(2)], "must hold names and tensors, but holds a list"),
        (torch.ones(2), "but holds a Tensor"),
        ({}, "but holds nothing"),
        ({"a": torch.ones(2), "epoch": 3, "lr": 0.1}, r"but also holds epoch \(int\), lr \(float\)\. Save the weights"),
        ({"state_dict": {"a": [1]}}, r"but also holds a \(list\)"),
    ],
)
def test_a_file_without_a_state_dict_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(UserError, match=rf"a\.pth .*{message}"):
        read_weights(tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("name", "said"), [("a.onnx", r"not \.onnx"), ("weights", "not without a suffix"), ("a.h5", r"not \.h5")]
)
def test_another_kind_of_file_is_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(UserError, match=rf"{name} must end with \.safetensors, \.pth or \.pt, {said}"):
        read_weights(tmp_path / name)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.pth is not there: name a \.safetensors, \.pth or \.pt file"):
        read_weights(tmp_path / "none.pth")
    (tmp_path / "folder.pth").mkdir()
    with pytest.raises(UserError, match=r"folder\.pth is not there"):
        read_weights(tmp_path / "folder.pth")
