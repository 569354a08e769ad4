"""Stored arrays are answered alike, given as torch's or as NumPy's."""

import numpy as np
import torch

from saccade.bundle.config import NetworkConfig
from saccade.data.spec import Spec
from saccade.predict.predictor import Predictor


def test_an_array_is_answered_as_its_tensor_is() -> None:
    spec = Spec("image", (8, 9, 1), classes=("a", "b", "c"))
    config = NetworkConfig("mlp", {}, spec, "classify", [0.3], [0.2], identity="", temperature=1.7)
    torch.manual_seed(3)
    predictor = Predictor(config, config.build_network().eval(), torch.device("cpu"))
    stored = np.random.default_rng(0).integers(0, 256, (5, 8, 9, 1), dtype=np.uint8)
    answers = predictor.answers_of(stored, batch_size=2)
    np.testing.assert_array_equal(answers, predictor.outputs(torch.from_numpy(stored), 2))
    assert answers.dtype == np.float32 and not np.allclose(
        answers, predictor.outputs(torch.from_numpy(stored), 2, calibrated=False)
    )
