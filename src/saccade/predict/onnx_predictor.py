"""An exported network that answers, without torch: ``saccade.load("lenet5-digits.onnx").predict(images)``.

Shapes: N examples, T tokens or time steps, K classes, O numbers to predict, V tokens of a vocabulary.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from saccade import kinds
from saccade.core.errors import UserError
from saccade.data.spec import PAD
from saccade.kinds.tokens.text.tokenizer import tokenizer_of
from saccade.predict.any_predictor import (
    require_classes,
    require_image_classes,
    require_next_tokens,
    require_one_answer,
)
from saccade.predict.given_arrays import answer_about, labels_of, prepare, with_names
from saccade.predict.onnx_file import OnnxFile, open_onnx
from saccade.predict.texts.written_text import (
    TEMPERATURE,
    Expected,
    Generated,
    check_writing,
    expected,
    ids_of,
    unknown_tokens,
    written,
)

_STORED = {"image": np.uint8, "tokens": np.int32, "series": np.float32, "vector": np.float32}


class OnnxPredictor:
    """A trained network in an ONNX file, which answers as ``Predictor`` does with the bundle that it was exported from.

    onnxruntime computes on the CPU; torch is not imported.

    Args:
        file: the file, from ``open_onnx``.

    Attributes:
        config: what the network was built from.
        spec: shape and meaning of one example.
        file: the file and what it says of itself.
    """

    def __init__(self, file: OnnxFile) -> None:
        self.file = file
        self.config = file.config
        self.spec = file.config.spec

    def predict(self, examples: np.ndarray | Sequence[np.ndarray] | Sequence[str]) -> dict[str, Any]:
        """Classify images of any size, or texts of any length, as ``Predictor.predict`` does.

        Args:
            examples: images uint8 (N, H, W, C), (N, H, W), or a sequence of uint8 (H, W[, C]); or a sequence of texts.

        Returns:
            "label" and "probabilities"; "labels" where an example may have several classes; or "values" of numbers.

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

    def answers_of(self, stored: np.ndarray, batch_size: int = 512) -> np.ndarray:
        """Calibrated probabilities, or numbers, for examples as they lie in data/prepared.

        Args:
            stored: images uint8 (N, H, W, C), tokens int32 (N, T), series float32 (N, T, F) or vectors (N, F).
            batch_size: number of examples at once.

        Returns:
            float32 (N, K) where there are classes, else float32 (N, O).

        Raises:
            UserError: the network answers at each step.
        """
        require_one_answer(self.spec)
        answers = np.empty((len(stored), self.spec.num_outputs), dtype=np.float32)
        for rows, steps in self._batches(stored, batch_size):
            answers[rows] = self._run(stored[rows] if steps is None else stored[rows, :steps])
        return answers

    def labels_of(self, probabilities_NK: np.ndarray) -> list[list[str]]:
        """The classes that examples have by the thresholds of the bundle, where each may have several or none.

        Args:
            probabilities_NK: float, as ``answers_of`` gives them.

        Returns:
            A list of names for each example, in the order of ``spec.classes``.
        """
        return labels_of(self.config, probabilities_NK)

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Bring one image, (H, W[, C]), to what the network takes, uint8 (H, W, C), as preprocess does."""
        return prepare(image, self.spec)

    def require_classes(self) -> None:
        """Refuse a network that does not classify, with ``WrongUseError``."""
        require_classes(self.spec)

    def require_image_classes(self) -> None:
        """Refuse a network that does not classify images, with ``WrongUseError``."""
        require_image_classes(self.spec)

    def expectations(self, prompt: str) -> list[Expected]:
        """What is expected after each beginning of a text.

        Args:
            prompt: at least a token.

        Returns:
            One for each beginning, from its first token to all of it.

        Raises:
            UserError: the prompt holds no token, or the network does not say what comes next.
        """
        require_next_tokens(self.spec)
        tokenizer = tokenizer_of(self.spec)
        ids_T = ids_of(prompt, tokenizer)
        return expected(ids_T, self._run(ids_T[None])[0].astype(np.float64), tokenizer)

    def continued(self, prompt: str, *, length: int, temperature: float = TEMPERATURE, seed: int = 0) -> Generated:
        """Go on with a text, the most probable token each time.

        The file keeps no state between tokens: each takes a run over the whole text so far.

        Args:
            prompt: at least a token.
            length: number of tokens to write, from 1.
            temperature: 0 alone: what is drawn at random is drawn with torch's numbers, which are not here.
            seed: of no effect.

        Returns:
            The text, the same that the run itself writes.

        Raises:
            UserError: an argument lies outside its range, or the network does not say what comes next.
        """
        require_next_tokens(self.spec)
        tokenizer = tokenizer_of(self.spec)
        check_writing(tokenizer, length=length, temperature=temperature, seed=seed)
        if temperature != 0:
            raise UserError(
                f"temperature ({temperature:g}) must be 0 for {self.file.path}: what is drawn at random is drawn with "
                "torch's numbers. Write `--temperature 0`, or ask the run itself"
            )
        ids = list(map(int, ids_of(prompt, tokenizer)))
        begin = len(ids)
        for _ in range(length):
            p_V = self._run(np.array([ids], dtype=np.int32))[0, -1].copy()
            p_V[:2] = -1  # padding and the unknown, which are never written
            ids.append(int(p_V.argmax()))
        return written(prompt, ids[begin:], tokenizer)

    def unknown_in(self, text: str) -> Counter[str]:
        """Tokens of a text that the vocabulary does not have, each with how often it occurs."""
        return unknown_tokens(text, tokenizer_of(self.spec))

    def _run(self, stored: np.ndarray) -> np.ndarray:
        """The network's answers about one batch."""
        wanted = _STORED[self.spec.layout]
        if stored.dtype != wanted and not (
            self.spec.layout != "image" and np.can_cast(stored.dtype, wanted, "same_kind")
        ):
            raise UserError(f"examples ({stored.dtype}) must be {np.dtype(wanted)}, as data/prepared holds them")
        steps = self.file.steps
        if steps is not None and stored.shape[1] < steps:
            missing = [(0, 0), (0, steps - stored.shape[1]), *[(0, 0)] * (stored.ndim - 2)]
            stored = np.pad(stored, missing, constant_values=PAD if self.spec.layout == "tokens" else np.nan)
        found: list[np.ndarray] = self.file.session.run(None, {"examples": np.ascontiguousarray(stored, dtype=wanted)})
        return found[0]

    def _batches(self, stored: np.ndarray, size: int) -> Iterator[tuple[Any, int | None]]:
        """Rows of each batch, the shortest examples first, and to how many steps they are trimmed."""
        count = len(stored)
        if not self.spec.has_lengths or self.file.steps is not None:
            for start in range(0, count, size):
                yield slice(start, start + size), None
            return
        is_real_NT = stored != PAD if stored.ndim == 2 else ~np.isnan(stored[:, :, 0])
        length_N = np.maximum(is_real_NT.sum(axis=1), 1)
        order_N = np.argsort(length_N, kind="stable")
        for start in range(0, count, size):
            rows = order_N[start : start + size]
            yield rows, int(length_N[rows[-1]])


def load(path: str | Path) -> OnnxPredictor:
    """Open a file that ``saccade export`` wrote.

    Args:
        path: the file.

    Returns:
        The network, ready to answer.

    Raises:
        UserError: onnxruntime is missing, or the file cannot be used.
    """
    return OnnxPredictor(open_onnx(path))
