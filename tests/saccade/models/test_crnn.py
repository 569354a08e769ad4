"""A network that reads lines: padding changes nothing, and it learns to read drawn ones."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from saccade.bundle.config import NetworkConfig, from_values, to_values
from saccade.bundle.networks import network_of
from saccade.core.errors import UserError
from saccade.data.alphabet import encode, vocabulary_of
from saccade.data.spec import Spec
from saccade.kinds.image.pixels.line import prepare_line
from saccade.nn.padding import MaskedBatchNorm2d
from saccade.optim.ctc import ctc, num_read_right
from saccade.predict.predictor import Predictor

SHAPE = (16, 96, 1)
SPEC = Spec(
    "image", SHAPE, vocabulary=vocabulary_of("0123456789"), unit="characters", output="transcript", is_padded=True
)
SMALL = {"channels": [4, 6, 8, 12], "hidden_size": 8, "dropout": 0.0}


def drawn(texts: list[str]) -> torch.Tensor:
    """Lines uint8 (N, H, W, C)."""
    font = ImageFont.load_default(size=14)
    stored = []
    for text in texts:
        picture = Image.new("L", (int(font.getlength(text)) + 4, 16), 230)
        ImageDraw.Draw(picture).text((2, 0), text, fill=30, font=font)
        stored.append(prepare_line(np.asarray(picture), SHAPE))
    return torch.from_numpy(np.stack(stored))


def network(backbone: str = "plain") -> torch.nn.Sequential:
    torch.manual_seed(0)
    return network_of("crnn", {**SMALL, "backbone": backbone}, SPEC, mean=[0.8], std=[0.3])


@pytest.mark.parametrize("backbone", ["plain", "residual"])
def test_padding_right_of_a_line_changes_nothing(backbone: str) -> None:
    """Neither answers, nor losses, nor gradients, nor what norms have counted; in training as in evaluation."""
    stored = drawn(["7", "2024", "13579"])
    widest = int(stored.ne(0).any(dim=3).any(dim=1).sum(dim=1).max())
    target_BL = torch.tensor([encode(text.ljust(5, "x"), SPEC.vocabulary) for text in ("7", "2024", "13579")])
    target_BL[target_BL == 1] = 0
    found = []
    for width in (widest, 96):
        read = network(backbone).train()
        answer, shortcut = read(stored[:, :, :width])
        loss = ctc(answer, target_BL) + ctc(shortcut, target_BL)
        loss.backward()
        gradients = torch.cat([p.grad.flatten() for p in read.parameters() if p.grad is not None])
        counted = torch.cat([b.flatten().double() for name, b in read.named_buffers() if "running" in name])
        with torch.no_grad():
            evaluated = read.eval()(stored[:, :, :width])
        found.append((answer[:, : -(-widest // 4)], loss, gradients, counted, evaluated[:, : -(-widest // 4)]))
        assert torch.equal(evaluated[0, -1], torch.tensor([0.0, *[-1e4] * 11]))  # certain of the blank
    for bare, padded in zip(*found, strict=True):
        torch.testing.assert_close(padded, bare, rtol=1e-4, atol=1e-5)


def test_a_line_is_read_alone_as_in_company() -> None:
    read, stored = network().eval(), drawn(["7", "2024", "13579"])
    with torch.no_grad():
        whole = read(stored)
        for i in range(3):
            torch.testing.assert_close(read(stored[i : i + 1]), whole[i : i + 1], rtol=1e-4, atol=1e-5)


def test_the_masked_norm_is_torch_s_over_the_real_columns() -> None:
    random = torch.Generator().manual_seed(0)
    x_BCHW, length_B = torch.randn(3, 4, 5, 7, generator=random) + 2, torch.tensor([7, 3, 1])
    ours, torchs = MaskedBatchNorm2d(4), torch.nn.BatchNorm1d(4)
    real = torch.cat([x_BCHW[i, :, :, :n].flatten(1) for i, n in enumerate(length_B.tolist())], dim=1)  # C, pixels
    for mode in (True, False):
        expected = torchs.train(mode)(real.T).T
        found_BCHW = ours.train(mode)(x_BCHW, length_B)
        found = torch.cat([found_BCHW[i, :, :, :n].flatten(1) for i, n in enumerate(length_B.tolist())], dim=1)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
        assert not found_BCHW[1, :, :, 3:].any()
    torch.testing.assert_close(ours.running_mean, torchs.running_mean)
    torch.testing.assert_close(ours.running_var, torchs.running_var)


def test_it_learns_to_read_drawn_numbers() -> None:
    texts = [f"{number:03}" for number in range(0, 1000, 25)]
    stored, target_BL = drawn(texts), torch.tensor([encode(text, SPEC.vocabulary) for text in texts])
    torch.manual_seed(0)
    read = network_of(
        "crnn",
        {"channels": [8, 12, 16, 24], "hidden_size": 24, "dropout": 0.0},
        SPEC,
        mean=[0.8],
        std=[0.3],
    )
    optimizer = torch.optim.Adam(read.parameters(), lr=0.01)
    for _ in range(80):
        answer, shortcut = read.train()(stored)
        loss = ctc(answer, target_BL) + 0.3 * ctc(shortcut, target_BL)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(read.parameters(), 5.0)
        optimizer.step()
    with torch.no_grad():
        assert num_read_right(read.eval()(stored), target_BL) > 30
    config = NetworkConfig("crnn", {}, SPEC, "transcribe", [0.8], [0.3], "0")
    lines = Predictor(config, read, torch.device("cpu")).read_lines(stored)
    assert sum(line.text == text for line, text in zip(lines, texts, strict=True)) > 30
    assert all(0 < line.confidence <= 1 for line in lines)


def test_a_bundle_of_a_reader_is_no_older_saccade_s() -> None:
    config = NetworkConfig("crnn", dict(SMALL), SPEC, "transcribe", [0.8], [0.3], "0")
    values = to_values(config)
    assert values.pop("format") == 6
    assert from_values(values) == config


def test_what_is_no_line_is_refused() -> None:
    classes = Spec("image", (32, 32, 1), ("a", "b"))
    with pytest.raises(UserError, match=r"model \(crnn\) must have lines with transcripts to read"):
        network_of("crnn", {}, classes, mean=[0.5], std=[0.5])
    with pytest.raises(UserError, match=r"model \(lenet5\) must be one that reads lines: take crnn"):
        network_of("lenet5", {}, SPEC, mean=[0.5], std=[0.5])
    with pytest.raises(UserError, match=r"preprocess.height \(4\) must be at least 8 pixels"):
        network_of("crnn", {}, dataclasses.replace(SPEC, shape=(4, 96, 1)), mean=[0.5], std=[0.5])
    with pytest.raises(UserError, match=r"channels \(\[4\]\) must hold four numbers"):
        network_of("crnn", {"channels": [4]}, SPEC, mean=[0.5], std=[0.5])
