"""When a file is accepted: within 1e-5 of torch, or no worse than torch's own rounding.

Shapes: N examples, K classes, T time steps, F features.
"""

import math
from typing import Any

import numpy as np
import pytest
import torch
from sequence_bundles import FORECAST, NEXT, PADDED, SERIES, TEXTS, trained
from torch import nn

from saccade.bundle.bundle import NetworkConfig
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.export.answering import AnsweringNetwork
from saccade.export.example_shapes import made_examples
from saccade.export.parity import Parity, Rounding, compare, in_double_precision, require_parity

PREDICTOR = trained("nlinear", SERIES)


class File:
    """An exported file whose answers are torch's, and off in batches of five."""

    def __init__(self, network: nn.Module, off: float) -> None:
        self.network = network
        self.off = off

    @torch.no_grad()
    def answers_of(self, stored: np.ndarray) -> np.ndarray:
        return self.network(torch.from_numpy(stored)).numpy() + np.float32(self.off) * (len(stored) == 5)


class RoundedAnswers(nn.Module):
    """A network whose 32 bits are off by a known number, and whose 64 bits are exact."""

    def __init__(self, network: nn.Module, off: float) -> None:
        super().__init__()
        self.network = network
        self.off = off

    def forward(self, examples: torch.Tensor) -> torch.Tensor:
        answers: torch.Tensor = self.network(examples)
        return answers if answers.dtype == torch.float64 else answers + self.off


def parity_of(file_off: float, torch_off: float) -> Parity:
    network = AnsweringNetwork(PREDICTOR.config, PREDICTOR.network).eval()
    batches = made_examples(PREDICTOR.config, least_steps=None)
    found: Any = File(network, file_off)
    return compare(PREDICTOR.config, RoundedAnswers(network, torch_off), found, batches)


def test_agreement_asks_for_no_64_bits() -> None:
    parity = parity_of(5e-6, 0.0)
    require_parity(parity)
    assert parity.rounding is None and parity.worst.name == "odd batch"
    assert parity.record() == {"batches": [list(each.shape) for each in parity.compared], "difference": 5e-6}
    assert parity.sentence() == "onnxruntime answers as torch does in 5 batches: largest difference 5.0e-06 (odd batch)"


def test_a_file_that_is_off_where_torch_is_exact_is_refused() -> None:
    parity = parity_of(3e-5, 0.0)
    assert parity.rounding and parity.rounding.file == pytest.approx(3e-5, rel=0.01) and parity.rounding.torch < 1e-6
    with pytest.raises(
        UserError, match=r"odd batch \(5x7x3\) is off by 3e-05, and 1e-05 is allowed; rounding does not"
    ):
        require_parity(parity)


@pytest.mark.parametrize(("file_off", "torch_off", "is_accepted"), [(3e-5, -2e-5, True), (5e-5, -2e-5, False)])
def test_a_file_may_round_twice_as_much_as_torch(file_off: float, torch_off: float, is_accepted: bool) -> None:
    parity = parity_of(file_off, torch_off)
    assert parity.rounding and parity.rounding.torch == pytest.approx(2e-5, rel=0.02)
    if not is_accepted:
        with pytest.raises(UserError, match="from 64 bits the file is 5e-05 off and torch 2e-05"):
            require_parity(parity)
        return
    require_parity(parity)
    assert "up to the rounding of 32 bits: largest difference 5.0e-05 (odd batch)" in parity.sentence()
    assert parity.sentence().endswith("from 64 bits the file is 3.0e-05 off, torch 2.0e-05")
    assert parity.record()["from_64_bits"] == {"file": 3e-5, "torch": 2e-5}


def test_no_rounding_explains_a_ten_thousandth() -> None:
    assert not Rounding(1.2e-4, 1e-4).explains
    with pytest.raises(UserError, match="is off by 0"):
        require_parity(parity_of(1.2e-4, -1e-4))


def test_answers_that_are_no_numbers_are_not_taken_for_equal() -> None:
    parity = parity_of(math.nan, 0.0)
    with pytest.raises(UserError, match="off by inf"):
        require_parity(parity)


IMAGES = Spec("image", (67, 67, 3), tuple("ABC"))
SPECS = (TEXTS, NEXT, SERIES, PADDED, FORECAST)


@pytest.mark.parametrize("name", ["lstm", "rnn", "conv1d", "bag_of_ngrams", "gradient_histograms"])
def test_64_bits_are_64_bits_from_the_first_layer_on(name: str) -> None:
    assert_double(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in registry.names("models") if name != "crnn"])  # of lines of print
def test_every_network_can_be_asked_with_64_bits(name: str) -> None:
    assert_double(name)


def assert_double(name: str) -> None:
    """Of every kind of data that the network takes, 64 bits in the answers and in what each layer gives."""
    module = registry.module("models", name)
    if "image" in module.ACCEPTS:
        torch.manual_seed(0)
        images = NetworkConfig(name, {}, IMAGES, "classify", [0.5] * 3, [0.30, 0.28, 0.32], "")
        assert_double_answers(images, images.build_network().eval())
    outputs = getattr(module, "OUTPUTS", ("per_example",))
    for spec in SPECS:
        takes = spec.layout in module.ACCEPTS and spec.output in outputs
        if takes and (not spec.is_padded or hasattr(module, "TAKES_PADDED_SERIES")):
            predictor = trained(name, spec)
            assert_double_answers(predictor.config, predictor.network)


def assert_double_answers(config: NetworkConfig, network: nn.Module) -> None:
    answering = AnsweringNetwork(config, network).eval()
    stored = torch.from_numpy(made_examples(config, least_steps=None)[1].stored)
    given = []

    def keep(layer: nn.Module, inputs: Any, output: Any) -> None:
        given.extend(one.dtype for one in (output if isinstance(output, tuple) else (output,)) if torch.is_tensor(one))

    with torch.no_grad():
        answering.double()
        for layer in answering.modules():
            layer.register_forward_hook(keep)
        with in_double_precision():
            answers = answering(stored)
    assert answers.dtype == torch.float64 and torch.float32 not in given
