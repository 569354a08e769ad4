"""A trained network that answers: ``saccade.load("models/lenet5-digits").predict(images)``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from saccade.batches import take
from saccade.bundle import Recipe, read_recipe
from saccade.devices import autocast, resolve_device
from saccade.errors import UserError
from saccade.images import prepare_image


class Predictor:
    """A trained network that answers.

    Args:
        recipe: what it was built from.
        network: stored examples in, logits out, or numbers.
        device: where the network is.

    Attributes:
        recipe: what it was built from.
        spec: what one example looks like.
        network: in evaluation mode, on ``device``.
    """

    def __init__(self, recipe: Recipe, network: nn.Sequential, device: torch.device) -> None:
        self.recipe = recipe
        self.spec = recipe.spec
        self.network = network
        self.device = device

    def predict(self, images: np.ndarray | Sequence[np.ndarray]) -> dict[str, Any]:
        """Classify images of any size.

        Args:
            images: uint8 (N, H, W, C), (N, H, W), or a sequence of uint8 (H, W[, C]); brought to the size and channels
                of the training data by the same code as there.

        Returns:
            "label": list of N class names; "probabilities": float32 (N, K) in the order of ``spec.classes``.

        Raises:
            UserError: a single image, one that is not uint8, or a network that does not classify images.
        """
        self.require_image_classes()
        if isinstance(images, np.ndarray) and images.ndim == 3 and images.shape[2] in (1, 3):
            raise UserError(f"images {images.shape} must be several: for a single one, pass image[None]")
        prepared = [self.prepare(np.asarray(image)) for image in images]
        if not prepared:
            return {"label": [], "probabilities": np.zeros((0, len(self.spec.classes)), np.float32)}
        probabilities = self.answers(torch.from_numpy(np.stack(prepared)))
        return {"label": [self.spec.classes[k] for k in probabilities.argmax(axis=1)], "probabilities": probabilities}

    def require_image_classes(self) -> None:
        """Refuse a network that does not classify images.

        Raises:
            UserError: it takes something else, or answers with numbers.
        """
        if self.spec.kind != "image" or not self.spec.classes:
            answers = "classifies" if self.spec.classes else "answers with numbers of"
            raise UserError(
                f"the network must classify images to predict pictures, but it {answers} {self.spec.plural}: "
                "use Predictor.answers()"
            )

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Bring one image, uint8 (H, W[, C]), to what the network takes, uint8 (H, W, C), as preprocess does."""
        height, width, channels = self.spec.shape
        return prepare_image(image, (height, width), channels, self.spec.fit)

    @torch.no_grad()
    def answers(self, stored: Tensor, batch_size: int = 512, precision: str = "float32") -> np.ndarray:
        """What the network says of stored examples, such as uint8 (N, H, W, C).

        Args:
            stored: as they lie in data/prepared.
            batch_size: examples at once.
            precision: float32 or bfloat16.

        Returns:
            Probabilities float32 (N, K) where there are classes, else the predicted numbers float32 (N, O).
        """
        answers = []
        for rows in torch.arange(stored.shape[0]).split(batch_size):
            with autocast(self.device, precision):
                output_BK = self.network(take(stored, rows, self.device)).float()
            if self.recipe.one_output:  # the other class's logit is 0: their softmax is the sigmoid and what is left
                output_BK = torch.cat((torch.zeros_like(output_BK), output_BK), dim=1)
            answers.append((output_BK.softmax(dim=1) if self.spec.classes else output_BK).cpu())
        return torch.cat(answers).numpy()


def load(folder: str | Path, device: str = "cpu") -> Predictor:
    """Load a bundle.

    Args:
        folder: such as "models/lenet5-digits".
        device: auto, cpu, cuda, cuda:1 or mps.

    Returns:
        The network, ready to answer.

    Raises:
        UserError: there is no bundle, it is damaged, or its weights do not fit its description.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(folder)
    recipe = read_recipe(folder)
    network = recipe.build_network()
    try:
        network[1].load_state_dict(load_file(folder / "weights.safetensors"))
    except (SafetensorError, RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{folder / 'weights.safetensors'} cannot be used ({reason}). Run `dvc checkout`.") from error
    where = resolve_device(device)
    return Predictor(recipe, network.to(where).eval(), where)
