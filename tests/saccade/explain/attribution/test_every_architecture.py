"""Each registered network of images: which methods fit, that they give finite maps, and leave the network alone."""

import numpy as np
import pytest
import torch

from saccade.bundle.bundle import NetworkConfig
from saccade.core import registry
from saccade.data.spec import Spec
from saccade.explain.attribution.frozen import state_digest
from saccade.explain.attribution.image_explainer import ImageExplainer
from saccade.explain.attribution.methods import METHODS
from saccade.predict.predictor import Predictor

MODELS = [
    name
    for name in registry.names("models")
    if "image" in registry.constant("models", name, "ACCEPTS")
    and "per_example" in registry.constant_or(("per_example",), "models", name, "OUTPUTS")
]
LARGE = ("alexnet", "convnext_tiny", "efficientnet_b0", "googlenet", "resnet50", "vgg16")
BY_ROWS = {"lstm", "gru", "rnn", "cnn_lstm", "conv1d"}  # rows or strips are read one after the other
WITHOUT_MAPS = BY_ROWS | {"mlp", "gradient_histograms"}
SIDES = {"alexnet": 67, "googlenet": 64, "vgg16": 32, "resnet18": 64, "resnet50": 64}
ARGUMENTS = {"vgg16": {"hidden_size": 8}, "alexnet": {"hidden_size": 8}, "resnet9": {"width": 4}}


def explainer_of(model: str, seed: int = 1, **arguments: object) -> ImageExplainer:
    side = SIDES.get(model, 40)
    spec = Spec("image", (side, side, 3), ("cat", "dog", "eel"))
    known = registry.keyword_arguments("models", model, "build")
    chosen = {key: value for key, value in (ARGUMENTS.get(model, {}) | arguments).items() if key in known}
    torch.manual_seed(seed)
    config = NetworkConfig(model, chosen, spec, "classify", [0.4] * 3, [0.3] * 3, "a test")
    return ImageExplainer(Predictor(config, config.build_network().eval(), torch.device("cpu")))


@pytest.mark.parametrize(
    "model", [pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else []) for name in MODELS]
)
def test_methods_that_fit_give_finite_maps_and_change_nothing(model: str) -> None:
    explainer = explainer_of(model)
    network = explainer.predictor.network
    before = state_digest(network)
    fit = {method.name for method in explainer.fitting()}
    assert "occlusion" in fit
    assert ("grad-cam" in fit) == (model not in WITHOUT_MAPS), explainer.unfit
    side = explainer.predictor.spec.shape[0]
    image_HWC = np.random.default_rng(3).integers(0, 256, (side, side, 3), dtype=np.uint8)
    for name in fit - {"smooth-grad", "integrated-gradients", "occlusion"}:  # they call what saliency calls, often
        found = explainer.explain(image_HWC, "dog", name)
        assert found.map.shape == (side, side) and np.isfinite(found.map).all()
    assert state_digest(network) == before
    assert not any(module.training for module in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_networks_say_what_does_not_fit() -> None:
    assert set(explainer_of("lstm").unfit) == {"grad-cam", "layer-cam", "deconvolution", "guided-backpropagation"}
    assert set(explainer_of("convnext_tiny").unfit) == {"deconvolution", "guided-backpropagation"}
    assert set(explainer_of("gradient_histograms").unfit) == set(METHODS) - {"occlusion"}
    assert not explainer_of("lenet5").unfit


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
def test_recurrent_networks_are_explained_in_evaluation_mode_on_cuda() -> None:
    explainer = explainer_of("lstm")
    on_cpu = explainer.explain(np.full((40, 40, 3), 200, np.uint8), "cat", "saliency").map
    predictor = explainer.predictor
    on_cuda = ImageExplainer(Predictor(predictor.config, predictor.network.cuda(), torch.device("cuda")))
    found = on_cuda.explain(np.full((40, 40, 3), 200, np.uint8), "cat", "saliency").map
    np.testing.assert_allclose(found, on_cpu, rtol=1e-3, atol=1e-5)  # kernels of another device
