"""What every trained network that answers offers, whatever computes it, and how it refuses what it does not do.

Shapes: N examples, K classes, O numbers to predict.
"""

from typing import Protocol

import numpy as np

from saccade.bundle.config import NetworkConfig
from saccade.core.errors import UserError
from saccade.data.spec import Spec


class WrongUseError(UserError):
    """A network that is asked for what it does not do."""


class AnyPredictor(Protocol):
    """A trained network that answers: ``Predictor`` computes with torch, ``OnnxPredictor`` with onnxruntime.

    Attributes:
        config: what the network was built from.
        spec: shape and meaning of one example.
    """

    config: NetworkConfig
    spec: Spec

    def answers_of(self, stored: np.ndarray, batch_size: int = 512) -> np.ndarray:
        """Calibrated probabilities float32 (N, K), or numbers float32 (N, O), for examples as data/prepared has them.

        Args:
            stored: images uint8 (N, H, W, C), tokens int32 (N, T), series float32 (N, T, F) or vectors (N, F).
            batch_size: number of examples at once.

        Returns:
            Float32, in the order of ``stored``.
        """
        ...

    def require_classes(self) -> None:
        """Refuse a network that does not classify, with ``WrongUseError``."""

    def require_image_classes(self) -> None:
        """Refuse a network that does not classify images, with ``WrongUseError``."""


def use_of(spec: Spec) -> str:
    """What a network does, and how it is asked."""
    if spec.output == "per_token":
        return "goes on with texts: use Predictor.generate()"
    if spec.output == "transcript":
        return "reads lines: use Predictor.line_outputs()"
    if spec.classes and spec.kind in ("image", "tokens"):
        return f"classifies {spec.plural}: give Predictor.predict() such"
    if spec.kind == "image":
        return "answers with numbers of images: use Predictor.predict()"
    answers = "classifies" if spec.classes else "answers with numbers of"
    return f"{answers} {spec.plural}: use Predictor.outputs()"


def require_one_answer(spec: Spec) -> None:
    """Refuse a network that answers at each step.

    Args:
        spec: what it takes and answers with.

    Raises:
        WrongUseError: it does.
    """
    if spec.output != "per_example":
        raise WrongUseError(f"the network must answer once an example to be asked so, but it {use_of(spec)}")


def require_classes(spec: Spec) -> None:
    """Refuse a network that does not classify.

    Args:
        spec: what it takes and answers with.

    Raises:
        WrongUseError: it answers otherwise.
    """
    if not spec.classes:
        raise WrongUseError(f"the network must classify {spec.plural} to predict such, but it {use_of(spec)}")


def require_image_classes(spec: Spec) -> None:
    """Refuse a network that does not classify images.

    Args:
        spec: what it takes and answers with.

    Raises:
        WrongUseError: it takes something else, or answers with numbers.
    """
    if spec.kind != "image" or not spec.classes:
        raise WrongUseError(f"the network must classify images to predict pictures, but it {use_of(spec)}")


def require_images(spec: Spec) -> None:
    """Refuse a network that takes no images.

    Args:
        spec: what it takes and answers with.

    Raises:
        WrongUseError: it takes something else.
    """
    if spec.kind != "image":
        raise WrongUseError(f"the network must classify images to predict pictures, but it {use_of(spec)}")


def require_text_classes(spec: Spec) -> None:
    """Refuse a network that does not classify texts.

    Args:
        spec: what it takes and answers with.

    Raises:
        WrongUseError: it takes something else, or answers otherwise.
    """
    if spec.kind != "tokens" or not spec.classes:
        raise WrongUseError(f"the network must classify texts to predict texts, but it {use_of(spec)}")


def require_next_tokens(spec: Spec) -> None:
    """Refuse a network that does not say what comes next in a text.

    Args:
        spec: what it takes and answers with.

    Raises:
        WrongUseError: it takes something else, or answers once.
    """
    if spec.output != "per_token":
        raise WrongUseError(f"the network must say what comes next, to go on with a text, but it {use_of(spec)}")


def require_transcripts(spec: Spec) -> None:
    """Refuse a network that reads no lines of print.

    Args:
        spec: what it takes and answers with.

    Raises:
        WrongUseError: it takes something else, or answers otherwise.
    """
    if spec.output != "transcript":
        raise WrongUseError(f"the network must read lines to say what stands in them, but it {use_of(spec)}")
