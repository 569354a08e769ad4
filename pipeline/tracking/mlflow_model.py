"""The MLflow model of a run: a bundle on disk and this file. MLflow stores it as source, so no pickle is involved.

It is copied into every logged model, where ``saccade`` lies beside it and ``pipeline`` does not: it imports neither
at the top.

Shapes: N examples, H height, W width, C channels, T steps, F numbers a step.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import mlflow
import numpy as np
import pandas as pd

_SHOWN_CHARACTERS = 30  # of a value that was refused


class BundleModel(mlflow.pyfunc.PythonModel):
    """Answers with the bundle that was logged as the artifact ``bundle``: about images, series or texts."""

    def load_context(self, context: Any) -> None:
        """Load the weights; the device is chosen by the bundle."""
        import saccade

        self.bundle = saccade.load(context.artifacts["bundle"])

    def predict(self, context: Any, model_input: np.ndarray, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Answer about a batch of examples.

        Args:
            context: MLflow's context, which is not used.
            model_input: batch: of images a table with the column ``image``, whose cells are base64 text of a picture
                file of any size, or pixels 0 to 255 of shape (H, W, C), as training saw them; or an array of such,
                (N, H, W, C); of series numbers in their own unit, shape (N, T, F); of texts a table with one column,
                or a list.
            params: length, temperature and seed, for a network that goes on with texts.

        Returns:
            One row an example: ``label``, or ``labels`` with commas between them where an example may have several, and
            ``probability_<class>`` for each class; or a column for each number that is predicted; or ``text``, the
            prompt and what follows; or, of lines that are read, ``text`` and ``confidence``.

        Raises:
            ValueError: a value lies outside 0 to 255, or is not finite; or a text is no base64 of a picture.
        """
        spec = self.bundle.spec
        if spec.output == "transcript":
            return self._read(model_input)
        if spec.vocabulary:
            return self._about_texts(model_input, params or {})
        is_table = isinstance(model_input, pd.DataFrame)
        array = _arrays(spec, _cells(model_input["image"])) if is_table else np.asarray(model_input)
        answers = self.bundle.predict_array(array)
        return (
            _table(answers, spec.classes)
            if spec.classes
            else pd.DataFrame(answers["values"], columns=list(spec.targets))
        )

    def _read(self, model_input: np.ndarray | pd.DataFrame) -> pd.DataFrame:
        import torch

        is_table = isinstance(model_input, pd.DataFrame)
        array = _arrays(self.bundle.spec, _cells(model_input["image"])) if is_table else np.asarray(model_input)
        lines = self.bundle.read_lines(torch.from_numpy(array.astype(np.uint8)))
        return pd.DataFrame({"text": [one.text for one in lines], "confidence": [one.confidence for one in lines]})

    def _about_texts(self, model_input: np.ndarray | pd.DataFrame, params: dict[str, Any]) -> pd.DataFrame:
        column = model_input.iloc[:, 0] if isinstance(model_input, pd.DataFrame) else model_input
        texts = [str(text) for text in column]
        if self.bundle.spec.output == "per_token":
            return pd.DataFrame({"text": [self.bundle.generate(text, **params) for text in texts]})
        return _table(self.bundle.predict(texts), self.bundle.spec.classes)


def _cells(column: Any) -> list[Any]:
    """The cells of a column; a list of texts, as which MLflow hands on ``{"inputs": [text, ...]}``, is as many."""
    cells: list[Any] = []
    for cell in column:
        is_several = isinstance(cell, list) and bool(cell) and all(isinstance(each, str) for each in cell)
        cells += cell if is_several else [cell]
    return cells


def _arrays(spec: Any, cells: Sequence[Any]) -> np.ndarray:
    """The pictures of a column as the network takes them, uint8 (N, H, W, C)."""
    rows = [_array(spec, number, cell) for number, cell in enumerate(cells)]
    return np.stack(rows) if rows else np.zeros((0, *spec.shape), np.uint8)


def _array(spec: Any, number: int, image: Any) -> np.ndarray:
    from saccade import kinds

    try:
        if isinstance(image, str):
            return kinds.from_bytes(spec, _bytes_of(image))
        array = np.asarray(image)
        if array.dtype.kind not in "uif" or array.shape != tuple(spec.shape):
            raise ValueError(
                f"image ({_shortened(image)}) must be base64 text of a picture file, or pixels 0 to 255 of shape "
                f"{tuple(spec.shape)}"
            )
        return kinds.from_array(spec, array[None])[0]
    except ValueError as error:  # what saccade says of a picture is one, too
        raise ValueError(f"row {number}: {error}") from error


def _bytes_of(text: str) -> bytes:
    """Of base64, with or without the head of a data address."""
    data = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except binascii.Error as error:
        raise ValueError(f"image ({_shortened(text)}) must be base64 text of a picture file ({error})") from None


def _shortened(value: Any) -> str:
    if isinstance(value, list | np.ndarray):
        return f"an array of shape {np.shape(value)}"
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _table(answers: Mapping[str, Any], classes: Sequence[str]) -> pd.DataFrame:
    """What ``Predictor.predict`` gives, a row an example; several labels with commas between them."""
    table = pd.DataFrame(np.asarray(answers["probabilities"]), columns=[f"probability_{name}" for name in classes])
    if "labels" in answers:
        table.insert(0, "labels", [", ".join(names) for names in answers["labels"]])
    else:
        table.insert(0, "label", list(answers["label"]))
    return table


mlflow.models.set_model(BundleModel())
