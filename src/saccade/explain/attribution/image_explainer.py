"""A trained network of images beside what is needed to explain it: its scores, its layers, the methods that fit.

Shapes: B batch, C channels, H height, W width, K classes or numbers to predict.
"""

import difflib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from saccade.bundle.ensemble import Ensemble
from saccade.bundle.inputs import ImageInput, enlarged_middle
from saccade.core.errors import UserError
from saccade.explain.attribution import methods
from saccade.explain.attribution.gradients import completeness_gap
from saccade.explain.attribution.methods import METHODS, Method
from saccade.explain.attribution.spatial_layers import SpatialLayer, last_layer, layer_named, spatial_layers
from saccade.predict.predictor import Predictor

_NAMED = 12  # labels in a message
_USUAL = ("grad-cam", "layer-cam", "saliency", "guided-backpropagation")
_USUAL_WITHOUT_MAPS = ("saliency", "integrated-gradients")


class ClassScores(nn.Module):
    """A model's scores, one a class: of a network that answers two classes with one logit z, -z/2 and z/2.

    Args:
        model: model behind its input layer.
        one_output: whether it answers so.
    """

    def __init__(self, model: nn.Module, one_output: bool) -> None:
        super().__init__()
        self.model = model
        self.one_output = one_output

    def forward(self, x_BCHW: Tensor) -> Tensor:
        score_BK = self.model(x_BCHW).float()
        return torch.cat((-score_BK / 2, score_BK / 2), dim=1) if self.one_output else score_BK


@dataclass(frozen=True)
class Explanation:
    """A map of one image for one class.

    Attributes:
        method: name of the method.
        label: class, or number, that it is about.
        map: float32 (H, W), in the sides of the network's input.
        layer: name of the layer of a class activation map; empty of other methods.
        elapsed_s: seconds it took.
        gap: of integrated gradients: their sum less the difference of the scores; None of other methods.
    """

    method: str
    label: str
    map: np.ndarray
    layer: str
    elapsed_s: float
    gap: float | None = None

    @property
    def has_evidence(self) -> bool:
        """Whether anything speaks for the class."""
        return bool((self.map > 0).any())

    @property
    def peak(self) -> tuple[int, int]:
        """Row and column of the largest value, the first of several."""
        row, column = np.unravel_index(int(self.map.argmax()), self.map.shape)
        return int(row), int(column)


class ImageExplainer:
    """A trained network that can be asked why.

    Args:
        predictor: a network that takes images and answers once an image.

    Attributes:
        labels: names of its classes, or of the numbers it predicts.
        networks: module from float (B, C, H, W) to scores (B, K) of each member; one of a single network.
        layers: layers with spatial extent of each member.
        unfit: methods that do not fit, each with the reason.

    Raises:
        UserError: the network takes no images, or comes from an exported file.
    """

    def __init__(self, predictor: Predictor) -> None:
        if not isinstance(predictor, Predictor):
            raise UserError("the network must be that of a bundle, such as models/NAME: an exported file has no layers")
        spec = predictor.spec
        if spec.layout != "image":
            raise UserError(f"the network must take images to be explained by maps, but it takes {spec.plural}")
        if spec.output == "transcript":
            raise UserError(
                "a map explains one answer, but the network reads lines: activation.png of its evaluation shows which "
                "step says what"
            )
        self.predictor = predictor
        self.labels: Sequence[str] = spec.classes or spec.targets
        first, model = predictor.network[0], predictor.network[1]
        assert isinstance(first, ImageInput)
        self._input = first
        self._random: ImageExplainer | None = None
        members = list(model.members) if isinstance(model, Ensemble) else [model]
        self.networks = [ClassScores(member, predictor.config.one_output) for member in members]
        blank = torch.zeros(1, *spec.shape, dtype=torch.uint8, device=predictor.device)
        x_BCHW = self.read(blank)
        self.layers = [spatial_layers(network.model, x_BCHW) for network in self.networks]
        self.unfit = methods.why_not(self.networks[0], x_BCHW, self.layers[0])

    def read(self, stored_BHWC: Tensor) -> Tensor:
        """Stored images as the network takes them, float (B, C, H, W)."""
        with torch.no_grad():
            return self._input.eval()(stored_BHWC.to(self.predictor.device))

    def seen(self, image_HWC: np.ndarray) -> np.ndarray:
        """What the network sees of a stored image, uint8 or float grey levels: the middle, where it crops."""
        if self._input.evaluate_crop == 1:
            return image_HWC
        return enlarged_middle(torch.from_numpy(np.array(image_HWC))[None], self._input.evaluate_crop)[0].numpy()

    def fitting(self) -> list[Method]:
        """The methods that fit, in the order of the table."""
        return [method for name, method in METHODS.items() if name not in self.unfit]

    def usual(self) -> list[Method]:
        """The methods that are taken where none is named: the quick ones that fit, or else what fits."""
        usual = _USUAL if "grad-cam" not in self.unfit else _USUAL_WITHOUT_MAPS
        fitting = self.fitting()
        return [method for method in fitting if method.name in usual] or fitting

    def method(self, name: str) -> Method:
        """A method that fits.

        Args:
            name: name of a method.

        Returns:
            The method.

        Raises:
            UserError: there is none of that name, or it does not fit: the message says which do.
        """
        method = methods.method_named(name)
        if name in self.unfit:
            fit = ", ".join(one.name for one in self.fitting())
            model = self.predictor.config.model
            raise UserError(f"method ({name}) does not fit {model}: {self.unfit[name]}. These do: {fit}")
        return method

    def label_index(self, label: str) -> int:
        """The place of a class, or of a number to predict.

        Args:
            label: its name.

        Returns:
            Place, from 0.

        Raises:
            UserError: there is none of that name; the message names the nearest.
        """
        if label in self.labels:
            return list(self.labels).index(label)
        what = "class" if self.predictor.spec.classes else "number"
        near = difflib.get_close_matches(label, self.labels, n=3, cutoff=0.3)
        some = [*self.labels[:_NAMED], "..."] if len(self.labels) > _NAMED else self.labels
        named = f"; nearest: {', '.join(near)}" if near else f": {', '.join(some)}"
        raise UserError(f"{what} ({label}) must be one of the {len(self.labels):,} of the run{named}")

    def layer(self, name: str | None = None, member: int = 0) -> SpatialLayer:
        """The layer that class activation maps are made of: the last one with spatial extent, or the one named.

        Args:
            name: name of a module; None: the last.
            member: number of the network, of several that answer together.

        Returns:
            The layer.

        Raises:
            UserError: there is none.
        """
        layers = self.layers[member]
        return last_layer(layers) if name is None else layer_named(layers, name)

    def with_random_weights(self, seed: int = 1_000_003) -> "ImageExplainer":
        """The same network before any training, made once: what a map owes to the architecture alone."""
        if self._random is None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                network = self.predictor.config.build_network().to(self.predictor.device).eval()
            self._random = ImageExplainer(Predictor(self.predictor.config, network, self.predictor.device))
        return self._random

    def maps(
        self, stored_BHWC: np.ndarray, class_B: Sequence[int], method: str, layer: str | None = None
    ) -> np.ndarray:
        """Maps of stored images; of several networks that answer together, the mean of their maps.

        Args:
            stored_BHWC: images as they lie in data/prepared.
            class_B: class of each.
            method: name of a method that fits.
            layer: layer of class activation maps; None: the last with spatial extent.

        Returns:
            float32 (B, H, W).

        Raises:
            UserError: the method does not fit, or there is no such layer.
        """
        needs_layer = self.method(method).needs == "layer"
        x_BCHW = self.read(torch.from_numpy(np.array(stored_BHWC)))
        classes_B = torch.as_tensor(class_B, dtype=torch.int64, device=x_BCHW.device)
        total = sum(
            methods.attribution(network, x_BCHW, classes_B, method, self.layer(layer, member) if needs_layer else None)
            for member, network in enumerate(self.networks)
        )
        assert isinstance(total, Tensor)
        return (total / len(self.networks)).float().numpy()

    def explain(self, image_HWC: np.ndarray, label: str, method: str, layer: str | None = None) -> Explanation:
        """One map of one stored image.

        Args:
            image_HWC: image as it lies in data/prepared, or as ``Predictor.prepare`` gives it.
            label: class, or number, that it is about.
            method: name of a method that fits.
            layer: layer of class activation maps; None: the last with spatial extent.

        Returns:
            The map and what it took.

        Raises:
            UserError: the method does not fit, or there is no such layer or class.
        """
        index, uses_layer = self.label_index(label), self.method(method).needs == "layer"
        name = self.layer(layer).name if uses_layer else ""
        began = time.perf_counter()
        map_HW = self.maps(image_HWC[None], [index], method, layer)[0]
        elapsed_s = time.perf_counter() - began
        gap = self._gap(image_HWC, index, map_HW) if method == "integrated-gradients" else None
        return Explanation(method, label, map_HW, name, elapsed_s, gap)

    def _gap(self, image_HWC: np.ndarray, index: int, map_HW: np.ndarray) -> float:
        x_BCHW = self.read(torch.from_numpy(np.array(image_HWC))[None])
        class_B, map_BHW = torch.tensor([index], device=x_BCHW.device), torch.from_numpy(map_HW)[None].to(x_BCHW)
        gaps = [float(completeness_gap(network, x_BCHW, class_B, map_BHW)) for network in self.networks]
        return sum(gaps) / len(gaps)
