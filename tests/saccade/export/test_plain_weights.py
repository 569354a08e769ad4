"""The folder for those who leave: its README leads to the same answers in plain torch.

Shapes: N examples.
"""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sequence_bundles import FORECAST, NEXT, PADDED, TEXTS, trained
from torch import Tensor, nn

from saccade.bundle.config import NetworkConfig
from saccade.data.spec import Spec
from saccade.export.plain_weights import TensorFormat, write_weights
from saccade.predict.predictor import Predictor

FORMS: tuple[TensorFormat, ...] = ("safetensors", "state_dict")
METADATA = {
    "saccade.run": "a",
    "saccade.weights_sha256": "12ab",
    "saccade.bundle": '{"format": 1}',
    "saccade.data": json.dumps({"dataset": "digits", "licence": "CC BY 4.0"}),
}


class PlainLeNet(nn.Module):
    """What network.txt says, put together by hand."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(channels, 6, 5), nn.MaxPool2d(2), nn.ReLU()), *(nn.Conv2d(6, 16, 5), nn.MaxPool2d(2), nn.ReLU())
        )
        hidden = (nn.Linear(64, 120), nn.ReLU(), nn.Dropout(), nn.Linear(120, 84), nn.ReLU(), nn.Dropout())
        self.classifier = nn.Sequential(*hidden, nn.Linear(84, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


SPEC = Spec("image", (20, 20, 3), ("cat", "dog"))
PLAIN = NetworkConfig("lenet5", {}, SPEC, "classify", [0.5, 0.4, 0.3], [0.3, 0.2, 0.25], "ab12", temperature=0.7)
CONFIGS = {
    "classes": PLAIN,
    "one output": dataclasses.replace(PLAIN, one_output=True),
    "several classes": dataclasses.replace(
        PLAIN, spec=dataclasses.replace(SPEC, multilabel=True), thresholds=[0.4, 0.6]
    ),
    "numbers": dataclasses.replace(
        PLAIN,
        spec=Spec("image", (20, 20, 3), targets=("width", "depth")),
        temperature=1.0,
        target_mean=[5.0, 7.0],
        target_std=[2.0, 3.0],
    ),
}


def blocks(readme: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", readme, re.DOTALL)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", CONFIGS)
def test_the_readme_leads_to_the_same_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: TensorFormat, name: str
) -> None:
    config = CONFIGS[name]
    torch.manual_seed(4)
    predictor = Predictor(config, config.build_network().eval(), torch.device("cpu"))
    written = write_weights(config, predictor.network, tmp_path / "it", form, METADATA)
    monkeypatch.chdir(tmp_path / "it")
    names = {path.name for path in Path().iterdir()}
    file = {"safetensors": "weights.safetensors", "state_dict": "weights.pt"}[form]
    assert names == {file, "README.md", "network.txt", "bundle.json"} and Path(file).stat().st_size == written
    readme = Path("README.md").read_text(encoding="utf-8")
    assert "trained by saccade on digits, under CC BY 4.0" in readme and "`ab12`" in readme
    assert "| `features.0.weight` | 6 x 3 x 5 x 5 |" in readme
    images = torch.randint(0, 256, (5, 20, 20, 3), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    known: dict[str, Any] = {"torch": torch, "images": images, "model": PlainLeNet(3, 1 if name == "one output" else 2)}
    with torch.no_grad():
        for block in blocks(readme):
            exec(block, known)
    answers = known["values" if name == "numbers" else "probabilities"]
    np.testing.assert_allclose(answers.numpy(), predictor.outputs(images), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("spec", "arguments", "said"),
    [
        (TEXTS, {}, "Ids of characters, int64 (N, T), T up to 12 in training"),
        (NEXT, {}, "What comes next, a probability a token of the vocabulary, at each step."),
        (PADDED, {}, "Behind the end of a shorter series stand steps of NaN."),
        (FORECAST, {}, "values = model(x) * torch.tensor([0.5, 0.5, 0.5]) + torch.tensor([0.3, 0.3, 0.3])"),
    ],
)
def test_every_layout_says_what_goes_in(tmp_path: Path, spec: Spec, arguments: dict[str, Any], said: str) -> None:
    predictor = trained("gru", spec, hidden_size=3)
    write_weights(predictor.config, predictor.network, tmp_path / "it", "safetensors", METADATA)
    assert said in (tmp_path / "it" / "README.md").read_text(encoding="utf-8")


def test_a_cropped_image_is_said_to_be(tmp_path: Path) -> None:
    config = dataclasses.replace(PLAIN, evaluate_crop=0.875)
    write_weights(config, config.build_network(), tmp_path / "it", "safetensors", METADATA)
    readme = (tmp_path / "it" / "README.md").read_text(encoding="utf-8")
    assert "the middle of the image is cut out, 0.875 of each side" in readme
