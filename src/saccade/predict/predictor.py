"""A trained network that answers: ``saccade.load("models/lenet5-digits").predict(images)``.

Shapes: N examples, H height, W width, C channels, K classes, O numbers to predict, T tokens, V tokens of a vocabulary.
"""

import math
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from saccade import kinds
from saccade.batching.arrays import take, trim
from saccade.batching.length_buckets import measured_batches, stored_lengths
from saccade.bundle.bundle import NetworkConfig, read_config, weight_files
from saccade.bundle.ensemble import Ensemble
from saccade.bundle.inputs import ImageInput
from saccade.bundle.outputs import DivideLogits
from saccade.core import registry
from saccade.core.devices import autocast, resolve_device
from saccade.core.errors import UserError
from saccade.data.prepared import Split
from saccade.kinds.tokens.text.tokenizer import tokenizer_of
from saccade.optim.losses import token_losses
from saccade.predict.any_predictor import (
    WrongUseError,
    require_classes,
    require_image_classes,
    require_next_tokens,
    require_one_answer,
    require_transcripts,
)
from saccade.predict.given_arrays import answer_about, labels_of, prepare, with_names
from saccade.predict.texts.generate import TEMPERATURE, Expected, Generated, expectations, generate, unknown_tokens
from saccade.transcripts.decoder import GREEDY, Decoder
from saccade.transcripts.read_line import ReadLine

__all__ = ["Predictor", "TokenOutputs", "WrongUseError", "load"]

_MAX_LINES = 64  # at once
_MAX_LOGITS = 2**25  # at once, where each token has as many as the vocabulary has tokens: 128 MiB


@dataclass(frozen=True)
class TokenOutputs:
    """What a network said of each next token.

    Attributes:
        nats: float32 (N, T), the negative logarithm of the true token's probability; 0 where there is padding.
        predicted: int32 (N, T), the most probable token.
    """

    nats: np.ndarray
    predicted: np.ndarray


class Predictor:
    """A trained network that answers.

    Args:
        config: config that the network was built from.
        network: stored examples in, logits out (over the temperature, where there is one), or numbers.
        device: device of the network.

    Attributes:
        config: config that the network was built from.
        spec: shape and meaning of one example.
        network: the network in evaluation mode, on ``device``.
    """

    def __init__(self, config: NetworkConfig, network: nn.Sequential, device: torch.device) -> None:
        self.config = config
        self.spec = config.spec
        self.network = network
        self.device = device

    def predict(self, examples: np.ndarray | Sequence[np.ndarray] | Sequence[str]) -> dict[str, Any]:
        """Classify images of any size, or texts of any length; or answer with numbers, where the network does.

        Args:
            examples: images uint8 (N, H, W, C), (N, H, W), or a sequence of uint8 (H, W[, C]), brought to the size and
                channels of the training data by the same code as there; or a sequence of texts, cut where those of the
                training data were.

        Returns:
            "label": list of N class names; "probabilities": float32 (N, K) in the order of ``spec.classes``. Where an
            example may have several classes, "labels" in place of "label": a list of names for each, those whose
            probability is at least their threshold. Of numbers "values": float32 (N, O), in the order of
            ``spec.targets``.

        Raises:
            UserError: a single example, an image that is not uint8, a text without a token, or a network that does not
                answer about such examples.
        """
        return answer_about(self, examples)

    def predict_array(self, examples: np.ndarray) -> dict[str, Any]:
        """Answer about examples of an array, each of the shape that the network takes: pixels, or numbers as measured.

        Args:
            examples: any type of number, (N, *spec.shape).

        Returns:
            What ``predict`` returns.

        Raises:
            ValueError: a value is none that such examples have, such as a pixel of -1.
            UserError: the network answers at each step.
        """
        return with_names(self.config, self.answers_of(kinds.from_array(self.spec, examples)))

    def labels_of(self, probabilities_NK: np.ndarray) -> list[list[str]]:
        """The classes that examples have by the thresholds of the bundle, where each may have several or none.

        Args:
            probabilities_NK: float, as ``outputs`` gives them.

        Returns:
            A list of names for each example, in the order of ``spec.classes``.
        """
        return labels_of(self.config, probabilities_NK)

    def generate(self, prompt: str, *, length: int = 200, temperature: float = TEMPERATURE, seed: int = 0) -> str:
        """Go on with a text; ``continued`` tells more.

        Args:
            prompt: what the text begins with.
            length: characters or words to write, from 1.
            temperature: from 0, which takes the most probable each time; the higher, the bolder.
            seed: decides the text, together with the others.

        Returns:
            The prompt and what follows.

        Raises:
            UserError: an argument lies outside its range, or the network does not write.
        """
        generated = self.continued(prompt, length=length, temperature=temperature, seed=seed)
        if generated.unknown:
            names = ", ".join(f"{token!r} ({count})" for token, count in generated.unknown.items())
            warnings.warn(f"not in the vocabulary, and read as unknown: {names}", stacklevel=2)
        return generated.text

    def continued(self, prompt: str, *, length: int, temperature: float, seed: int) -> Generated:
        """As ``generate``, with the parts of the text, and what of the prompt the vocabulary does not have."""
        self.require_next_tokens()
        return generate(
            self.network,
            tokenizer_of(self.spec),
            prompt,
            length=length,
            temperature=temperature,
            seed=seed,
            device=self.device,
        )

    def expectations(self, prompt: str) -> list[Expected]:
        """What is expected after each beginning of a text: see ``generating.expectations``."""
        self.require_next_tokens()
        return expectations(self.network, tokenizer_of(self.spec), prompt, device=self.device)

    def unknown_in(self, text: str) -> Counter[str]:
        """Tokens of a text that the vocabulary does not have, each with how often it occurs."""
        return unknown_tokens(text, tokenizer_of(self.spec))

    def require_classes(self) -> None:
        """Refuse a network that does not classify, with ``WrongUseError``."""
        require_classes(self.spec)

    def require_image_classes(self) -> None:
        """Refuse a network that does not classify images, with ``WrongUseError``."""
        require_image_classes(self.spec)

    def require_next_tokens(self) -> None:
        """Refuse a network that does not say what comes next in a text, with ``WrongUseError``."""
        require_next_tokens(self.spec)

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Bring one image, (H, W[, C]), to what the network takes, uint8 (H, W, C), as preprocess does.

        It is uint8 or, where the training data held more than 8 bits, uint16, int32 or float32, scaled as those were.
        """
        return prepare(image, self.spec)

    def outputs(
        self,
        stored: Tensor,
        batch_size: int = 512,
        precision: str = "float32",
        *,
        are_views: bool = False,
        calibrated: bool = True,
    ) -> np.ndarray:
        """The network's outputs for stored examples, such as uint8 (N, H, W, C).

        Args:
            stored: examples as they lie in data/prepared.
            batch_size: number of examples at once.
            precision: float32 or bfloat16.
            are_views: whether they are views as those of training, which show things as large as there: uncropped.
            calibrated: whether a classifier's temperature is applied; without it, the network answers as it was
                trained.

        Returns:
            Probabilities float32 (N, K) where there are classes, of each class by itself where an example may have
            several; else the predicted numbers float32 (N, O).

        Raises:
            UserError: the network answers at each step: ``token_outputs`` asks it.
        """
        both = self._outputs_before_and_after(stored, batch_size, precision, are_views=are_views)
        return both[1] if calibrated else both[0]

    def answers_of(self, stored: np.ndarray, batch_size: int = 512) -> np.ndarray:
        """What ``outputs`` gives for stored examples in an array of NumPy's, as ``OnnxPredictor`` answers too.

        Args:
            stored: examples as they lie in data/prepared, such as uint8 (N, H, W, C).
            batch_size: number of examples at once.

        Returns:
            Calibrated probabilities float32 (N, K) where there are classes, else numbers float32 (N, O).

        Raises:
            UserError: the network answers at each step.
        """
        return self.outputs(torch.from_numpy(stored), batch_size)

    @torch.no_grad()
    def _outputs_before_and_after(
        self, stored: Tensor, batch_size: int, precision: str = "float32", *, are_views: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """What ``outputs`` gives without and with the temperature; twice the same array where there is none."""
        require_one_answer(self.spec)
        lengths = stored_lengths(stored) if self.spec.has_lengths else None
        temperature = self.network[-1] if isinstance(self.network[-1], DivideLogits) else None
        first, *others = self.network if temperature is None else self.network[:-1]
        if are_views:
            assert isinstance(first, ImageInput), "views are made of images"
        before, after, order = [], [], []
        for rows, steps in measured_batches(stored.shape[0], lengths, batch_size):
            with autocast(self.device, precision):
                x = take(stored, rows, self.device)[:, :steps]
                output_BK = first.normalise(x) if isinstance(first, ImageInput) and are_views else first(x)
                for layer in others:
                    output_BK = layer(output_BK)
                output_BK = output_BK.float()
            before.append(self._as_answers(output_BK))
            if temperature is not None:
                after.append(self._as_answers(temperature(output_BK)))
            order.append(rows)
        order_N = torch.cat(order).argsort()
        answers = torch.cat(before)[order_N].numpy()
        return answers, torch.cat(after)[order_N].numpy() if after else answers

    def _as_answers(self, output_BK: Tensor) -> Tensor:
        """Logits to probabilities, where there are classes; on the CPU."""
        if self.config.one_output:  # the other class's logit is 0: their softmax is the sigmoid and what is left
            output_BK = torch.cat((torch.zeros_like(output_BK), output_BK), dim=1)
        if self.spec.classes:
            output_BK = output_BK.sigmoid() if self.spec.multilabel else output_BK.softmax(dim=1)
        return output_BK.cpu()

    @torch.no_grad()
    def token_outputs(self, stored: Tensor, labels: Tensor, batch_size: int = 512) -> TokenOutputs:
        """The network's outputs for the token after each token of stored texts.

        Args:
            stored: texts as they lie in data/prepared, int32 (N, T).
            labels: true next tokens, int64 (N, T).
            batch_size: number of texts at once, at most.

        Returns:
            How surprising each true token was, and which one was expected.
        """
        self.require_next_tokens()
        nats, predicted = np.zeros(labels.shape, np.float32), np.zeros(labels.shape, np.int32)
        most = max(1, _MAX_LOGITS // (labels.shape[1] * len(self.spec.vocabulary)))
        for rows, steps in measured_batches(stored.shape[0], stored_lengths(stored), min(batch_size, most)):
            x, target_BT = trim(take(stored, rows, self.device), take(labels, rows, self.device), steps)
            logits_BTV = self.network(x).float()
            nats[rows, :steps] = token_losses(logits_BTV, target_BT).cpu()
            predicted[rows, :steps] = logits_BTV.argmax(dim=2).cpu()
        return TokenOutputs(nats, predicted)

    @torch.no_grad()
    def line_outputs(self, stored: Tensor, batch_size: int = 512) -> list[np.ndarray]:
        """What is said at each step of stored images of lines.

        Args:
            stored: lines as they lie in data/prepared, uint8 (N, H, W, C).
            batch_size: number of lines at once, at most.

        Returns:
            Log-probabilities of the tokens of each line, float32 (T, V), its real steps alone.

        Raises:
            UserError: the network reads no lines.
        """
        require_transcripts(self.spec)
        length_N = stored_lengths(stored)
        found: list[np.ndarray] = [np.empty(0)] * len(stored)
        for rows, columns in measured_batches(stored.shape[0], length_N, min(batch_size, _MAX_LINES)):
            x = take(stored, rows, self.device)[:, :, :columns]
            said_BTV = self.network(x).float().log_softmax(dim=2).cpu()
            # Without the model's word for it: as many as all steps have, which the last one need not fill
            columns_a_step = registry.constant_or(
                x.shape[2] / said_BTV.shape[1], "models", self.config.model, "COLUMNS_A_STEP"
            )
            for row, said_TV in zip(rows.tolist(), said_BTV, strict=True):
                found[row] = said_TV[: math.ceil(int(length_N[row]) / columns_a_step)].numpy().copy()
        return found

    def read_lines(self, stored: Tensor, batch_size: int = 512, *, decoder: Decoder = GREEDY) -> list[ReadLine]:
        """What stands in stored images of lines.

        Args:
            stored: lines as they lie in data/prepared, uint8 (N, H, W, C).
            batch_size: number of lines at once, at most.
            decoder: what makes texts of the network's logits.

        Returns:
            A line each.

        Raises:
            UserError: the network reads no lines.
        """
        return decoder.read_all(self.line_outputs(stored, batch_size), self.spec.vocabulary)

    def answer_split(self, split: Split, batch_size: int = 512) -> np.ndarray | TokenOutputs | list[np.ndarray]:
        """What a task's ``evaluate`` takes: an answer an example, or what was said of each token or step.

        Args:
            split: examples and labels of a prepared dataset.
            batch_size: examples at once.

        Returns:
            As of ``outputs``, ``token_outputs`` or ``line_outputs``.
        """
        examples = torch.from_numpy(split.examples)
        if self.spec.output == "transcript":
            return self.line_outputs(examples, batch_size)
        if self.spec.output == "per_token":
            return self.token_outputs(examples, torch.from_numpy(split.labels), batch_size)
        return self.outputs(examples, batch_size)

    def answer_split_twice(self, split: Split, batch_size: int = 512) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities for a split without and with the temperature of the bundle, computed at once.

        Args:
            split: examples and labels of a prepared dataset.
            batch_size: examples at once.

        Returns:
            Two float32 (N, K), as of ``outputs``: as the network was trained, and calibrated. Without a temperature
            they are one array.
        """
        self.require_classes()
        return self._outputs_before_and_after(torch.from_numpy(split.examples), batch_size)


def load(folder: str | Path, device: str = "cpu") -> Predictor:
    """Load a bundle.

    Args:
        folder: folder of a bundle, such as "models/lenet5-digits".
        device: auto, cpu, cuda, cuda:1 or mps.

    Returns:
        The network, ready to answer.

    Raises:
        UserError: there is no bundle, it is damaged, or its weights do not fit its description.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(folder)
    config = read_config(folder)
    network = config.build_network()
    models = network[1].members if isinstance(network[1], Ensemble) else [network[1]]
    for path, model in zip(weight_files(folder, config.members), models, strict=True):
        try:
            model.load_state_dict(load_file(path))
        except (SafetensorError, RuntimeError, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"{path} cannot be used ({reason}). Run `dvc checkout`.") from error
    where = resolve_device(device)
    return Predictor(config, network.to(where).eval(), where)
