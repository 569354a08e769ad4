"""Views made while a network trains on them: the bytes of the stored ones, whoever makes them, in whichever order."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flat_fit import fit
from torch import nn

from saccade.augment import stored_views as augment_store
from saccade.augment.stored_views import describe_online_views, write_views
from saccade.batching.arrays import LabelledArrays
from saccade.batching.batches import rows_of_update
from saccade.bundle.bundle import NetworkConfig
from saccade.core.distributed import Processes
from saccade.core.errors import UserError
from saccade.core.ranks import Rank
from saccade.data.arrays import open_array, write_array
from saccade.data.spec import Spec
from saccade.optim import optimizers, schedules
from saccade.optim.losses import LOSSES
from saccade.train.open_views import open_views
from saccade.train.state import TrainingState
from saccade.transforms.online_views import OnlineViews

N, SIDE, VIEWS = 23, 12, 3
TRANSFORMS = [
    {"name": "PrincipalColorShift", "std": 0.2, "p": 0.7},
    {"name": "Affine", "rotate": [-20, 20], "p": 0.8},
    {"name": "OneOf", "transforms": [{"name": "HorizontalFlip", "p": 1}, {"name": "GaussNoise", "p": 1}], "p": 0.9},
]


@pytest.fixture(scope="module")
def images_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prepared") / "train.npy"
    write_array(path, np.random.default_rng(3).integers(0, 256, (N, SIDE, SIDE, 3), dtype=np.uint8))
    return path


@pytest.fixture(scope="module")
def stored(images_path: Path, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    folder = tmp_path_factory.mktemp("augmented")
    write_views(folder, images_path, views=VIEWS, transforms=TRANSFORMS, seed=5, processes=1)
    return np.array(open_array(folder / "train.npy"))


@pytest.fixture(scope="module")
def online(images_path: Path) -> Iterator[OnlineViews]:
    views = OnlineViews(images_path, TRANSFORMS, seed=5, processes=2)
    yield views
    views.close()


@pytest.mark.parametrize("number", range(VIEWS))
def test_online_view_e_is_stored_view_e(online: OnlineViews, stored: np.ndarray, number: int) -> None:
    view = online.view(number)
    updates = list(torch.randperm(N, generator=torch.Generator().manual_seed(number)).split(6))
    view.prefetch([rows.tolist() for rows in updates])
    for rows in updates:
        for batch in rows.split(4):
            np.testing.assert_array_equal(view.index_select(0, batch).numpy(), stored[number][batch.numpy()])


def test_rows_that_nobody_expected_are_the_same(online: OnlineViews, stored: np.ndarray) -> None:
    view = online.view(1)
    view.prefetch([[1, 2], [3, 4]])
    for rows in ([20, 2], [1, 2], [7], [3], [4, 3]):
        np.testing.assert_array_equal(view.index_select(0, torch.tensor(rows)).numpy(), stored[1][rows])


def test_a_row_may_be_drawn_again_in_a_later_update(online: OnlineViews, stored: np.ndarray) -> None:
    view = online.view(2)
    view.prefetch([[5, 6], [6, 7], [5]])
    for rows in ([5, 6, 5], [6, 7], [5]):
        np.testing.assert_array_equal(view.index_select(0, torch.tensor(rows)).numpy(), stored[2][rows])


def test_few_blocks_are_held_and_each_is_made_once(online: OnlineViews, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[list[int]] = []
    submit = online.submit

    def counting(number: int, rows: Any) -> Any:
        made.append(list(rows))
        return submit(number, rows)

    monkeypatch.setattr(online, "submit", counting)
    view = online.view(0)
    view._block = 2
    order = torch.arange(N)
    view.prefetch([rows.tolist() for rows in order.split(3)])
    assert len(made) == view._ahead == 6
    held = []
    for rows in order.split(3):
        view.index_select(0, rows)
        held.append(len(view._blocks))
    assert [row for rows in made for row in rows] == order.tolist()
    assert max(held) <= 6


def test_an_update_larger_than_what_is_made_ahead(online: OnlineViews, stored: np.ndarray) -> None:
    view = online.view(0)
    view._block, view._ahead = 2, 1
    view.prefetch([list(range(N))])
    np.testing.assert_array_equal(view.index_select(0, torch.arange(N)).numpy(), stored[0])


def test_other_code_that_makes_views_makes_other_data_of_them(
    images_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of these views is stored: a training knows them by augment.json, where the digest of the code stands."""
    digests = []
    for number, module in enumerate((augment_store.views_module, augment_store.views_module, augment_store)):
        monkeypatch.setattr(augment_store, "views_module", module)  # the last: the code of another folder
        (folder := tmp_path / str(number)).mkdir()
        describe_online_views(folder, images_path, transforms=TRANSFORMS, seed=5, include_original=False)
        digests.append(open_views(folder, images_path.parent)[1]["views"])
    assert digests[0] == digests[1] != digests[2]


def test_with_the_original_view_0_is_it(images_path: Path, stored: np.ndarray) -> None:
    views = OnlineViews(images_path, TRANSFORMS, seed=5, include_original=True)
    rows = torch.tensor([3, 1])
    np.testing.assert_array_equal(views.view(0).index_select(0, rows).numpy(), open_array(images_path)[rows.numpy()])
    np.testing.assert_array_equal(views.view(2).index_select(0, rows).numpy(), stored[2][rows.numpy()])


@pytest.mark.parametrize("mixing", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_all_processes_together_read_every_row_and_each_expects_what_it_reads(count: int, mixing: bool) -> None:
    order = torch.randperm(N, generator=torch.Generator().manual_seed(1))
    read: list[int] = []
    for rank in range(count):
        local_rows = Processes(Rank(rank=rank, local_rank=rank, world_size=count, local_world_size=count)).local_rows
        updates = [rows_of_update(rows, 4, local_rows, is_mixed=mixing) for rows in order.split(8)]
        assert len(updates) == 3  # 8 + 8 + 7
        assert all(len(rows) == len(set(rows)) for rows in updates)
        for rows, update in zip(updates, order.split(8), strict=True):
            for batch in update.split(4):
                assert set(local_rows(batch)[0].tolist()) <= set(rows)
            if mixing:
                for batch in update.roll(1).split(4):
                    assert set(local_rows(batch)[0].tolist()) <= set(rows)
        read += [row for rows in updates for row in rows]
    assert set(read) == set(range(N))
    if count == 1:
        assert len(read) == N


def _trained(views: Any, device: str = "cpu", **options: Any) -> nn.Module:
    torch.manual_seed(0)
    spec = Spec("image", (SIDE, SIDE, 3), ("a", "b"))
    network = (
        NetworkConfig("mlp", {"hidden": [7]}, spec, "classify", [0.5] * 3, [0.2] * 3, "").build_network().to(device)
    )
    labels = torch.arange(N) % 2
    measured = LabelledArrays(torch.zeros(1, 2, SIDE, SIDE, 3, dtype=torch.uint8), torch.tensor([0, 1]))
    state = TrainingState(network, optimizers.build(model=network, name="sgd", lr=0.1))
    settings: dict[str, Any] = {"batch_size": 4, "accumulation_steps": 2, "clip_norm": None} | options
    list(
        fit(
            state,
            LabelledArrays(views, labels),
            measured,
            loss=LOSSES["cross_entropy"],
            schedule=schedules.build(name="constant", lr=1.0, epochs=VIEWS, steps_per_epoch=3),
            lr=0.1,
            epochs=VIEWS,
            device=torch.device(device),
            precision="float32",
            seed=2,
            **settings,
        )
    )
    return network


@pytest.mark.parametrize("options", [{}, {"mixup": 0.4, "cutmix": 1.0}, {"sampler": "balanced"}])
def test_training_on_views_as_they_are_made_ends_in_the_weights_of_training_on_stored_ones(
    online: OnlineViews, stored: np.ndarray, options: dict[str, Any]
) -> None:
    made, read = _trained(online, **options), _trained(torch.from_numpy(stored), **options)
    for a, b in zip(made.state_dict().values(), read.state_dict().values(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
def test_on_a_gpu_too(online: OnlineViews, stored: np.ndarray) -> None:
    made, read = _trained(online, "cuda"), _trained(torch.from_numpy(stored), "cuda")
    for a, b in zip(made.state_dict().values(), read.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_what_a_process_finds_wrong_reaches_the_user(images_path: Path) -> None:
    views = OnlineViews(images_path, [{"name": "CenterCrop", "height": 5, "width": 5, "p": 1.0}], seed=0, processes=1)
    view = views.view(0)
    view.prefetch([[0]])
    with pytest.raises(UserError, match=r"\(12, 12, 3\) into uint8 \(5, 5, 3\)"):
        view.index_select(0, torch.tensor([0]))
    views.close()


def test_a_process_that_is_killed_is_told(images_path: Path) -> None:
    views = OnlineViews(images_path, TRANSFORMS, seed=0, processes=1)
    view = views.view(0)
    view.prefetch([[0]])
    view.index_select(0, torch.tensor([0]))
    assert views._pool is not None
    for pid in views._pool._processes:
        os.kill(pid, signal.SIGKILL)
    view = views.view(1)
    with pytest.raises(UserError, match="a process that makes views ended"):
        for _ in range(50):
            view.prefetch([[0]])
            view.index_select(0, torch.tensor([0]))
            time.sleep(0.1)
    views.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_training_that_is_killed_leaves_no_process_behind(images_path: Path) -> None:
    script = f"""
        import sys, time, torch
        from pathlib import Path
        from saccade.transforms.online_views import OnlineViews
        if __name__ == "__main__":
            views = OnlineViews(Path({str(images_path)!r}), {TRANSFORMS!r}, seed=0, processes=2)
            view = views.view(0)
            view.prefetch([[0], [1], [2]])
            view.index_select(0, torch.tensor([0]))
            print(*views._pool._processes, flush=True)
            time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        assert workers and all(_is_alive(pid) for pid in workers)
        parent.kill()
    deadline = time.monotonic() + 30
    while any(map(_is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(_is_alive, workers))


def _is_alive(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
