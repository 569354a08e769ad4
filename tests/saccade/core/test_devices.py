"""Devices, precision, threads and seeds."""

import os
from collections.abc import Iterator

import pytest
import torch

from saccade.core import devices
from saccade.core.errors import UserError


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without CUDA and MPS; ``cuda_devices`` and such change it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    return monkeypatch


def with_cuda(machine: pytest.MonkeyPatch, count: int) -> None:
    machine.setattr(torch.cuda, "is_available", lambda: True)
    machine.setattr(torch.cuda, "device_count", lambda: count)


def test_auto_takes_cuda_then_mps_then_the_cpu(machine: pytest.MonkeyPatch) -> None:
    assert devices.resolve_device("auto") == torch.device("cpu")
    machine.setattr(torch.backends.mps, "is_available", lambda: True)
    assert devices.resolve_device("auto") == torch.device("mps")
    with_cuda(machine, 1)
    assert devices.resolve_device("auto") == torch.device("cuda")


def test_a_device_that_is_there_is_given(machine: pytest.MonkeyPatch) -> None:
    with_cuda(machine, 2)
    for name in ("cpu", "cuda", "cuda:0", "cuda:1"):
        assert devices.resolve_device(name) == torch.device(name)


def test_a_device_that_is_not_there_is_refused(machine: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"device \(cuda\) must exist: torch sees 0 CUDA devices"):
        devices.resolve_device("cuda")
    with pytest.raises(UserError, match=r"device \(mps\) must exist: torch sees none"):
        devices.resolve_device("mps")
    with_cuda(machine, 2)
    with pytest.raises(UserError, match=r"device \(cuda:2\) must exist: torch sees 2 CUDA devices"):
        devices.resolve_device("cuda:2")


def test_auto_precision_is_bfloat16_only_where_cuda_computes_in_it(machine: pytest.MonkeyPatch) -> None:
    assert devices.resolve_precision("auto", torch.device("cpu")) == "float32"
    for supported, expected in ((True, "bfloat16"), (False, "float32")):
        machine.setattr(torch.cuda, "is_bf16_supported", lambda supported=supported, **emulation: supported)
        assert devices.resolve_precision("auto", torch.device("cuda")) == expected
        assert devices.resolve_precision("float32", torch.device("cuda")) == "float32"
    assert devices.resolve_precision("bfloat16", torch.device("cpu")) == "bfloat16"


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_the_forward_pass_runs_in_the_precision(precision: str, dtype: torch.dtype) -> None:
    layer = torch.nn.Linear(3, 2)
    with devices.autocast(torch.device("cpu"), precision):
        assert layer(torch.ones(1, 3)).dtype == dtype
    assert layer.weight.dtype == torch.float32


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_threads_are_set_or_left(threads: None) -> None:
    assert devices.set_threads(2) == torch.get_num_threads() == 2
    assert devices.set_threads(1) == torch.get_num_threads() == 1
    assert devices.set_threads(None) == 1


@pytest.fixture
def determinism(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    yield
    torch.use_deterministic_algorithms(before[0])
    torch.backends.cudnn.benchmark = before[1]
    os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)


def test_deterministic_refuses_what_differs_from_run_to_run(determinism: None) -> None:
    devices.set_deterministic(True)
    assert torch.are_deterministic_algorithms_enabled() and not torch.backends.cudnn.benchmark
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    with pytest.raises(RuntimeError, match="deterministic"):
        torch.zeros(3).put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]), accumulate=False)
    devices.set_deterministic(False)
    assert not torch.are_deterministic_algorithms_enabled() and torch.backends.cudnn.benchmark


def test_a_setting_of_the_users_for_cublas_is_kept(determinism: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    devices.set_deterministic(True)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


def test_seeds_are_the_same_in_every_version() -> None:
    """Were they others, every earlier run would train on another order of the examples."""
    assert [devices.derive_seed(*parts) for parts in ((0,), (0, "weights"), (0, "epoch", 1), (7, "order", 12))] == SEEDS


SEEDS = [4246866556266386882, 7388263408636359099, 7329436534343938036, 1900889252029558256]


def test_seeds_of_neighbouring_parts_are_unrelated() -> None:
    parts = [(seed, name, epoch) for seed in range(5) for name in ("epoch", "order") for epoch in range(20)]
    seeds = [devices.derive_seed(*part) for part in parts]
    assert len(set(seeds)) == len(parts)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert sum(seed >= 2**62 for seed in seeds) in range(70, 131)  # the highest bit, of 200 seeds
    assert devices.derive_seed(1, 11) != devices.derive_seed(11, 1) != devices.derive_seed(111)


def test_the_environment_names_what_the_bits_depend_on() -> None:
    described = devices.describe_environment(torch.device("cpu"), processes=2)
    assert set(described) == {"torch", "python", "device", "device_name", "threads", "processes"}
    assert (described["torch"], described["device"], described["threads"]) == (
        torch.__version__,
        "cpu",
        torch.get_num_threads(),
    )
    assert described["processes"] == 2
