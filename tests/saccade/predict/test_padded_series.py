"""Series of unequal length, answered by a trained network.

Shapes: N series, T steps, F features.
"""

import numpy as np
import pytest
import torch

from saccade.bundle.bundle import NetworkConfig
from saccade.data.spec import Spec
from saccade.predict.predictor import Predictor

LENGTHS = [9, 2, 5, 9, 3, 7, 4]


@pytest.mark.parametrize(
    ("model", "arguments"),
    [("gru", {"hidden_size": 5, "bidirectional": True}), ("conv1d", {"channels": [4, 6], "kernel_size": 3})],
)
def test_answers_depend_on_no_padding_and_no_company(model: str, arguments: dict[str, object]) -> None:
    torch.manual_seed(0)
    spec = Spec("series", (9, 2), ("a", "b", "c"), features=("x", "y"), is_padded=True)
    config = NetworkConfig(model, arguments, spec, "classify", [3.0, -1.0], [2.0, 0.5], "0" * 64)
    predictor = Predictor(config, config.build_network().eval(), torch.device("cpu"))
    stored_NTF = np.random.default_rng(2).normal(3, 2, size=(7, 9, 2)).astype(np.float32)
    for i, length in enumerate(LENGTHS):
        stored_NTF[i, length:] = np.nan
    expected_NK = predictor.outputs(torch.from_numpy(stored_NTF), batch_size=7)
    assert np.isfinite(expected_NK).all() and np.ptp(expected_NK, axis=0).min() > 1e-3
    for size in (1, 3):
        found_NK = predictor.outputs(torch.from_numpy(stored_NTF), batch_size=size)
        np.testing.assert_allclose(found_NK, expected_NK, rtol=1e-5, atol=1e-6)
    alone_NK = [predictor.outputs(torch.from_numpy(stored_NTF[i : i + 1, :n]))[0] for i, n in enumerate(LENGTHS)]
    np.testing.assert_allclose(alone_NK, expected_NK, rtol=1e-5, atol=1e-6)
