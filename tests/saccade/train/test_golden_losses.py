"""Twenty training steps of every small model on the CPU, compared with the losses of an earlier version.

    python tests/saccade/train/test_golden_losses.py

writes tests/assets/losses/<model>.txt anew, for every small model. Do that only when a change is meant to change
numbers (another initialisation, loss, schedule or order of the examples), and say in the commit why they did. A
difference that nobody meant is a defect: something in the path from stored arrays to the weights has changed. All of
that path is run: ``ImageInput``, the model with its defaults, ``fit`` with a schedule, the optimiser.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from flat_fit import fit

from saccade.batching.arrays import LabelledArrays
from saccade.bundle.bundle import NetworkConfig
from saccade.core import devices, registry
from saccade.data.spec import Spec
from saccade.optim.losses import cross_entropy
from saccade.optim.optimizers import build as build_optimizer
from saccade.optim.schedules import build as build_schedule
from saccade.train.state import TrainingState

ASSETS = Path(__file__).parents[2] / "assets" / "losses"
SEED = 0
STEPS = 20
SIDES: dict[str, tuple[int, int]] = {}  # height and width, where a model cannot take the default
DEFAULT_SIDES = (22, 18)
RATES = {
    **{"resnet9": 0.003, "resnet18": 0.001},  # at the default, rounding decides after a few steps in deep networks
    **{"mlp": 0.02, "rnn": 0.02, "conv1d": 0.02, "classic_stack": 0.05},  # and the loss is soon 0, and says no more
}
DEFAULT_RATE = 0.2
# Processors sum in other orders, and each step is taken on weights that the last one rounded otherwise. Between AVX-512
# kernels and torch's plain ones beside oneDNN and MKL held to SSE4, the losses of most models differ by less than 4e-6;
# those of resnet9 by 2e-5, and of resnet18 by 2e-6 in the first five steps and 6e-4 in the last: its batch norms are
# over 14 examples.
EXACT_STEPS = {"resnet9": 10, "resnet18": 5}
# Twenty steps of these take up to a minute, and at a rate at which rounding does not decide they hardly learn. What
# their losses would show of the path to the weights, the others' do; that their networks are the ones they should be,
# tests/saccade/models/ compares with torchvision's weights and the papers' counts.
LARGE = {"alexnet", "googlenet", "resnet50", "vgg16"}
# Half a minute together on a busy machine, and most of what this file takes.
SLOW = {"resnet9", "resnet18"}


def image_models() -> list[str]:
    return [
        name
        for name in registry.names("models")
        if "image" in registry.constant("models", name, "ACCEPTS")
        and "per_example" in registry.constant_or(("per_example",), "models", name, "OUTPUTS")
        and name not in LARGE
    ]


def losses_of(name: str) -> list[float]:
    """The loss before each of the steps: an epoch holds one batch of 14 examples, and there are three views."""
    height, width = SIDES.get(name, DEFAULT_SIDES)
    spec = Spec("image", (height, width, 3), tuple("abcdefg"))
    random = np.random.RandomState(SEED)  # its numbers are the same in every version of numpy
    labels = torch.arange(14) % 7
    prototypes = random.randint(0, 256, size=(7, height, width, 3))
    noise = random.randint(-40, 41, size=(3, 14, height, width, 3))
    views = torch.from_numpy((prototypes[labels.numpy()] + noise).clip(0, 255).astype(np.uint8))
    torch.manual_seed(devices.derive_seed(SEED, "weights"))
    network = NetworkConfig(name, {}, spec, "classify", [0.5, 0.45, 0.55], [0.3, 0.31, 0.29], "golden").build_network()
    lr = RATES.get(name, DEFAULT_RATE)
    state = TrainingState(network, build_optimizer("sgd", network, lr=lr, momentum=0.9, weight_decay=1e-3))
    examples = LabelledArrays(views, labels)
    records = fit(
        state, examples, examples, loss=cross_entropy, lr=lr, epochs=STEPS, batch_size=14, clip_norm=1.0,
        schedule=build_schedule("one_cycle", lr=1.0, epochs=STEPS, steps_per_epoch=1),
        device=torch.device("cpu"), precision="float32", seed=SEED,
    )  # fmt: skip
    return [record.train_loss for record in records]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in image_models()
        if (ASSETS / f"{name}.txt").exists()
    ],
)
def test_the_losses_of_twenty_steps_are_those_of_before(name: str) -> None:
    """A model without a file, such as one that was just added, has no losses of before."""
    path = ASSETS / f"{name}.txt"
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    expected = [float(line) for line in lines]
    assert len(expected) == STEPS
    assert expected[-1] < 0.8 * expected[0]  # what stands there has learnt
    found, alike = losses_of(name), EXACT_STEPS.get(name, STEPS)
    np.testing.assert_allclose(found[:alike], expected[:alike], rtol=1e-4, err_msg=f"{path.name}: {header}")
    np.testing.assert_allclose(found[alike:], expected[alike:], rtol=1e-2, err_msg=f"{path.name}: {header}")


def test_every_file_is_of_a_model() -> None:
    assert {"lenet5", "lstm"} <= {path.stem for path in ASSETS.glob("*.txt")} <= set(image_models())


def write_all() -> None:
    ASSETS.mkdir(parents=True, exist_ok=True)
    for name in image_models():
        header = f"# loss before each of {STEPS} steps; seed {SEED}, torch {torch.__version__}"
        lines = [header, *(f"{loss:.9g}" for loss in losses_of(name))]
        (ASSETS / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{name}: {lines[1]} ... {lines[-1]}")


if __name__ == "__main__":
    write_all()
