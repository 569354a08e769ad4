"""Training a network that reads lines: what is found before it, and going on where it was stopped.

Shapes: N lines, H height, W width, C channels, L characters of the longest transcript.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flat_fit import fit

from saccade.batching.arrays import LabelledArrays
from saccade.batching.length_buckets import stored_lengths
from saccade.bundle import bundle
from saccade.bundle.config import NetworkConfig
from saccade.bundle.networks import network_of
from saccade.core.errors import UserError
from saccade.data.alphabet import vocabulary_of
from saccade.data.spec import Spec
from saccade.kinds.image.arrays import PixelMoments
from saccade.kinds.origins import write_origins
from saccade.optim import optimizers, schedules
from saccade.optim.losses import LOSSES
from saccade.prepare.arrays import ArrayBuilder, write_arrays
from saccade.train.checkpoints import from_bytes, to_bytes
from saccade.train.runtime import Runtime
from saccade.train.setup import TrainingSetup, set_up
from saccade.train.state import TrainingState
from saccade.train.transcripts_fit import require_transcripts_that_fit

CPU = torch.device("cpu")
N, H, W = 11, 8, 40
SMALL = {"channels": [2, 3, 4, 5], "hidden_size": 4, "dropout": 0.3}
ABC, OTHERS = vocabulary_of("abc"), vocabulary_of("bcxy")


def spec_of(vocabulary: tuple[str, ...] = ABC) -> Spec:
    return Spec("image", (H, W, 1), vocabulary=vocabulary, unit="characters", output="transcript", is_padded=True)


def stored_lines() -> tuple[np.ndarray, np.ndarray]:
    """Lines uint8 (N, H, W, C) of 12 columns and more, and their texts, int64 (N, L)."""
    random = np.random.default_rng(0)
    images = random.integers(1, 256, (N, H, W, 1)).astype(np.uint8)
    labels = np.zeros((N, 4), np.int64)
    for row in range(N):
        images[row, :, int(random.integers(12, W + 1)) :] = 0
        labels[row, : 1 + row % 2] = random.permutation([2, 3, 4])[: 1 + row % 2]
    images[0, :, :] = 200  # one fills its row
    return images, labels


def network(seed: int = 0) -> torch.nn.Sequential:
    torch.manual_seed(seed)
    return network_of("crnn", SMALL, spec_of(), mean=[0.5], std=[0.3])


def test_a_run_stopped_after_any_update_and_gone_on_with_is_the_uninterrupted_one() -> None:
    images, labels = map(torch.from_numpy, stored_lines())
    data = LabelledArrays(images[None], labels, stored_lengths(images))
    options: dict[str, Any] = {
        "loss": LOSSES["ctc"], "score": "line_accuracy", "schedule": schedules.build("cosine", lr=1.0, epochs=2,
        steps_per_epoch=3), "lr": 0.01, "epochs": 2, "batch_size": 4, "clip_norm": 1.0, "seed": 4,
    }  # fmt: skip
    kept: list[bytes] = []
    built = network()
    whole = TrainingState(built, optimizers.build("adamw", built, lr=0.01))
    for _ in fit(whole, data, data, after_update=lambda state: kept.append(to_bytes(state)), **options):
        pass
    assert len(kept) == 6
    for update in (1, 3, 4):
        built = network(seed=9)
        resumed = TrainingState(built, optimizers.build("adamw", built, lr=0.01))
        torch.rand(7)
        from_bytes(kept[update - 1], resumed)
        for _ in fit(resumed, data, data, **options):
            pass
        for (key, value), other in zip(
            whole.network.state_dict().items(), resumed.network.state_dict().values(), strict=True
        ):
            assert torch.equal(value, other), (update, key)


# --- prepared data ----------------------------------------------------------------------------------------------------


def prepared(folder: Path, labels: np.ndarray | None = None, vocabulary: tuple[str, ...] = ABC) -> Path:
    """data/prepared/toy with lines 0 to 6 in training; without augmentation beside it."""
    images, own = stored_lines()
    labels = own if labels is None else labels
    (folder / "prepared").mkdir(parents=True)
    (folder / "augmented").mkdir()
    builder = ArrayBuilder(
        spec_of(vocabulary), np.uint8, images.__getitem__, labels.__getitem__, PixelMoments(1, passed_over=0)
    )
    rows_of = {"train": np.arange(7), "validation": np.arange(7, 9), "test": np.arange(9, N)}
    write_arrays(folder / "prepared", builder, rows_of)
    write_origins(folder / "prepared", rows_of, name=lambda row: f"line{row}.png")
    augmented = {"format": 1, "views": 0, "mode": "stored"}
    (folder / "augmented" / "augment.json").write_text(json.dumps(augmented))
    return folder


def setup_of(folder: Path, initial: Path | None = None) -> TrainingSetup:
    train = {
        "loss": "auto", "epochs": 1, "batch_size": 4, "accumulation_steps": 1,
        "optimizer": {"name": "adamw", "lr": 0.01}, "schedule": {"name": "constant"},
        "freeze": [], "finetune": None, "keep": "last", "ema_decay": None,
    }  # fmt: skip
    return set_up(
        task={"name": "transcribe"}, model={"name": "crnn", **SMALL}, train=train, seed=0, precision="float32",
        prepared=folder / "prepared", augmented=folder / "augmented", initial_bundle=initial,
    )  # fmt: skip


def test_a_transcript_that_does_not_fit_into_its_line_is_found_before_training(tmp_path: Path) -> None:
    images, labels = stored_lines()
    row = int(np.argmin((images[:7, 0, :, 0] > 0).sum(axis=1)))
    steps = -(-int((images[row, 0, :, 0] > 0).sum()) // 4)
    labels[row] = 2  # aaaa: four characters and three blanks between them
    assert 4 <= steps < 7
    folder = prepared(tmp_path, labels)
    said = rf"1 line of train is too narrow for crnn, which makes a step of 4 columns: line{row}.png has {steps} steps"
    with pytest.raises(UserError, match=said + ", and 'aaaa' needs 7"):
        setup_of(folder)
    require_transcripts_that_fit(folder / "prepared", "lenet5")  # says nothing of columns


def test_a_training_begins_with_the_characters_that_another_run_knew(tmp_path: Path) -> None:
    before = prepared(tmp_path / "before", vocabulary=OTHERS)
    trained = network_of("crnn", SMALL, spec_of(OTHERS), mean=[0.4], std=[0.2])
    config = NetworkConfig("crnn", dict(SMALL), spec_of(OTHERS), "transcribe", [0.4], [0.2], "0")
    assert before.exists()
    run = tmp_path / "models" / "drawn"
    run.mkdir(parents=True)
    bundle.save(run, config, trained)
    setup = setup_of(prepared(tmp_path / "toy"), run)
    fresh = setup_of(tmp_path / "toy").build_state(Runtime(CPU))[0].network[1]
    state, lines = setup.build_state(Runtime(CPU))
    begun, given = state.network[1], trained[1]
    assert setup.config.mean == [0.4]  # as the weights saw it
    assert torch.equal(
        begun.recurrent.layers[1]["forwards"].weight_hh_l0, given.recurrent.layers[1]["forwards"].weight_hh_l0
    )
    for head in ("head", "shortcut"):
        own, old, new = (getattr(model, head).weight for model in (begun, given, fresh))
        assert torch.equal(own[[0, 1, 3, 4]], old[[0, 1, 2, 3]])  # blank, unknown, b, c
        assert torch.equal(own[2], new[2])  # a, which was not known
    constant = setup.constant_prediction_loss()
    assert constant is not None and 1 < constant < 10  # of one and two characters of three, in nats
    assert lines[0].endswith("tensors taken from run drawn")
    assert lines[1:] == [
        "head and shortcut: rows of 2 characters are taken over, new are those of 'a', 2 of there are left out"
    ]
    assert setup.identifying[0]["first_vocabulary"] == list(OTHERS)
