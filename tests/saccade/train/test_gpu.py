"""What only a GPU can show. ``pytest -m gpu``, on a machine with CUDA.

Shapes: B batch, N examples, H height, W width, C channels.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from flat_fit import fit
from torch import nn

from saccade.batching.arrays import LabelledArrays
from saccade.batching.length_buckets import stored_lengths
from saccade.bundle.inputs import ImageInput, TokenInput
from saccade.core import devices, registry
from saccade.data.spec import Spec
from saccade.nn.text_networks import BidirectionalRNN
from saccade.optim import optimizers
from saccade.optim.losses import cross_entropy
from saccade.train.checkpoints import from_bytes, to_bytes
from saccade.train.state import EpochRecord, TrainingState

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device"),
]
N = 200
MODELS: dict[str, dict[str, Any]] = {
    "lenet5": {"dropout": 0.2, "normalisation": "batch"},
    "lstm": {"num_layers": 2, "dropout": 0.2},
    "resnet9": {"width": 16},
    "resnet18": {"stem": "small"},
    "classic_stack": {"normalisation": "batch", "dropout": 0.2},
    "mlp": {"dropout": 0.2},
    "rnn": {},
    "gru": {"dropout": 0.2, "num_layers": 2},
    "conv1d": {},
    "cnn_lstm": {},
}
VOCABULARY = ("<pad>", "<unknown>", *"abcdefghijklmnop")
ONCE = Spec("tokens", (40,), tuple("abcde"), (), VOCABULARY, "characters")
EACH_STEP = Spec("tokens", (40,), (), (), VOCABULARY, "characters", output="per_token")
TEXTS: dict[str, tuple[str, Spec, dict[str, Any]]] = {
    "texts, both ends": (
        "lstm",
        ONCE,
        {"num_layers": 2, "dropout": 0.2, "bidirectional": True, "pool": "attention", "hidden_size": 32},
    ),
    "texts, maximum": ("gru", ONCE, {"pool": "max", "hidden_size": 32}),
    "texts, windows": ("conv1d", ONCE, {"dropout": 0.2}),
    "next tokens": ("lstm", EACH_STEP, {"num_layers": 2, "dropout": 0.2, "hidden_size": 32}),
}
EVERY_KIND = [*MODELS, *TEXTS]


def examples(name: str = "") -> LabelledArrays:
    random = torch.Generator().manual_seed(0)
    if name in TEXTS:
        lengths = torch.randint(1, 41, (N,), generator=random)
        real_NT = torch.arange(40) < lengths[:, None]
        tokens_NT = torch.randint(1, len(VOCABULARY), (N, 40), generator=random) * real_NT
        next_NT = torch.randint(1, len(VOCABULARY), (N, 40), generator=random) * real_NT
        classes_N = torch.randint(0, 5, (N,), generator=random)
        return LabelledArrays(
            tokens_NT.int()[None], next_NT if TEXTS[name][1] is EACH_STEP else classes_N, stored_lengths(tokens_NT)
        )
    images = torch.randint(0, 256, (2, N, 32, 32, 3), generator=random).to(torch.uint8)
    return LabelledArrays(images, torch.randint(0, 5, (N,), generator=random))


def fresh(name: str, device: torch.device, seed: int = 0) -> TrainingState:
    devices.set_deterministic(True)
    torch.manual_seed(seed)
    model, spec, options = TEXTS.get(name) or (name, Spec("image", (32, 32, 3), tuple("abcde")), MODELS[name])
    reader = TokenInput() if name in TEXTS else ImageInput([0.5] * 3, [0.25] * 3)
    network = devices.to_device(nn.Sequential(reader, registry.module("models", model).build(spec, **options)), device)
    return TrainingState(network, optimizers.build("adam", network, lr=0.001), with_average=True)


def nothing(state: TrainingState) -> None:
    pass


def train(
    state: TrainingState,
    after_update: Callable[[TrainingState], None] = nothing,
    precision: str = "bfloat16",
    name: str = "",
    **mixing: Any,
) -> list[EpochRecord]:
    device = next(state.network.parameters()).device
    records = fit(
        state, examples(name), examples(name), loss=cross_entropy, schedule=lambda step: 1.0, lr=0.001, epochs=3,
        batch_size=32, clip_norm=1.0, ema_decay=0.9, device=device, precision=precision, seed=0,
        after_update=after_update, **mixing,
    )  # fmt: skip
    return list(records)


def weights(state: TrainingState) -> dict[str, torch.Tensor]:
    return {name: tensor.cpu() for name, tensor in state.result.state_dict().items()}


def assert_equal(first: TrainingState, second: TrainingState) -> None:
    for (name, value), other in zip(weights(first).items(), weights(second).values(), strict=True):
        assert torch.equal(value, other), name


@pytest.mark.parametrize("name", EVERY_KIND)
def test_the_same_seed_twice_is_the_same_to_the_bit(name: str) -> None:
    runs = [fresh(name, torch.device("cuda")) for _ in range(2)]
    for state in runs:
        train(state, name=name)
    assert_equal(*runs)


@pytest.mark.parametrize("name", EVERY_KIND)
def test_a_run_gone_on_with_in_mid_epoch_is_the_uninterrupted_one(name: str) -> None:
    kept: list[bytes] = []
    whole = fresh(name, torch.device("cuda"))
    train(whole, lambda state: kept.append(to_bytes(state)), name=name)
    resumed = fresh(name, torch.device("cuda"), seed=9)
    from_bytes(kept[9], resumed)
    train(resumed, name=name)
    assert_equal(resumed, whole)


@pytest.mark.parametrize(
    ("name", "mixing"), [*((name, {}) for name in EVERY_KIND), ("lenet5", {"mixup": 0.4, "cutmix": 1.0})]
)
def test_no_update_waits_for_the_device(name: str, mixing: dict[str, Any]) -> None:
    """torch raises at every call that would wait, from the first update of an epoch to its last."""

    def watch(state: TrainingState) -> None:
        is_last = state.progress.examples == N
        torch.cuda.set_sync_debug_mode("default" if is_last else "error")

    try:
        assert len(train(fresh(name, torch.device("cuda")), watch, name=name, **mixing)) == 3
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", EVERY_KIND)
def test_the_gpu_computes_what_the_cpu_does(name: str) -> None:
    losses = []
    for device in ("cpu", "cuda"):
        state = fresh(name, torch.device(device))
        for layer in state.network.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = 0.0  # each device draws its own masks
            elif isinstance(layer, nn.RNNBase | BidirectionalRNN):
                layer.dropout = 0.0
        losses.append([record.train_loss for record in train(state, precision="float32", name=name)])
    assert losses[1][0] == pytest.approx(losses[0][0], rel=1e-3)  # float32 convolutions on CUDA round to TF32
