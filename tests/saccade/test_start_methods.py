"""Processes under the start method of macOS and Windows, which import everything anew and inherit nothing."""

import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from saccade.augment.stored_views import write_views
from saccade.data.arrays import open_array, write_array
from saccade.transforms.online_views import OnlineViews

AFFINE = [{"name": "Affine", "rotate": [-20, 20], "p": 0.8}]


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Whoever asks for a start method gets ``spawn``; the list holds what was asked for."""
    asked: list[Any] = []
    spawn = multiprocessing.get_context("spawn")

    def get_context(method: str | None = None) -> Any:
        asked.append(method)
        return spawn

    monkeypatch.setattr(multiprocessing, "get_context", get_context)
    monkeypatch.setattr(type(spawn), "set_forkserver_preload", lambda self, modules: None)
    return asked


@pytest.mark.slow  # a process that is spawned imports albumentations and torch, which takes seconds
def test_views_are_the_same_when_processes_are_spawned(tmp_path: Path, spawned: list[Any]) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (5, 9, 14, 3), dtype=np.uint8)
    write_array(tmp_path / "train.npy", pixels)
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        folder.mkdir()
        write_views(folder, tmp_path / "train.npy", views=2, transforms=AFFINE, seed=5, processes=processes)
    alone, together = ((tmp_path / name / "train.npy").read_bytes() for name in ("1", "2"))
    assert spawned == ["fork"] or spawned == ["spawn"]
    assert alone == together
    online = OnlineViews(tmp_path / "train.npy", AFFINE, seed=5, processes=1)
    try:
        view = online.view(1)
        view.expect([[3, 1]])
        made = view.index_select(0, torch.tensor([3, 1])).numpy()
    finally:
        online.close()
    np.testing.assert_array_equal(made, np.array(open_array(tmp_path / "1" / "train.npy"))[1][[3, 1]])
    assert len(spawned) == 2
