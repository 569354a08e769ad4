"""Small networks with weights drawn from a seed, as ``saccade.load`` gives them."""

from typing import Any

import torch

from saccade.bundle.bundle import NetworkConfig
from saccade.core import registry
from saccade.data.spec import RESERVED, Spec, names_of_targets
from saccade.predict.predictor import Predictor

LETTERS = (*RESERVED, *"etaoinshr")
TEXTS = Spec("tokens", (12,), classes=("cat", "dog", "owl"), vocabulary=LETTERS, unit="characters")
NEXT = Spec("tokens", (12,), vocabulary=LETTERS, unit="characters", output="per_token")
SERIES = Spec("series", (7, 3), classes=("up", "down"), features=("a", "b", "c"))
PADDED = Spec("series", (7, 3), classes=("up", "down"), features=("a", "b", "c"), is_padded=True)
FORECAST = Spec("series", (9, 2), targets=names_of_targets(("a",), 3), features=("a", "b"), step="1 day", horizon=3)
ROWS = Spec("image", (8, 5, 1), classes=("zero", "one"))


def trained(
    model: str, spec: Spec, *, scale: float = 1.0, config: dict[str, Any] | None = None, **arguments: Any
) -> Predictor:
    """A network with random weights, which are drawn asymmetrically and, with ``scale``, larger."""
    known = registry.keyword_arguments("models", model, "build")
    filled = {name: argument.default for name, argument in known.items()} | arguments
    features = {"image": spec.shape[-1], "series": spec.shape[-1], "tokens": 0}[spec.layout]
    mean, std = [0.3 + 0.1 * i for i in range(features)], [0.5 + 0.2 * i for i in range(features)]
    made = NetworkConfig(model, filled, spec, "classify", mean, std, "0" * 64, **(config or {}))
    torch.manual_seed(5)
    network = made.build_network()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.4 * scale + 0.05)
            if name.endswith("reader.weight"):
                parameter[0] = 0.0  # padding
    return Predictor(made, network.eval(), torch.device("cpu"))
