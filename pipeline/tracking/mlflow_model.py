"""The MLflow model of a run: a bundle on disk and this file. MLflow stores it as source, so no pickle is involved.

It is copied into every logged model, where ``saccade`` lies beside it and ``pipeline`` does not: it imports neither
at the top.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import mlflow
import numpy as np
import pandas as pd


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
            model_input: batch: for images, pixel values 0 to 255, any number type, shape (N, H, W, C); of series
                numbers in their own unit, shape (N, T, F); of texts a table with one column, or a list.
            params: length, temperature and seed, for a network that goes on with texts.

        Returns:
            One row an example: ``label``, or ``labels`` with commas between them where an example may have several, and
            ``probability_<class>`` for each class; or a column for each number that is predicted; or ``text``, the
            prompt and what follows.

        Raises:
            ValueError: a value lies outside 0 to 255, or is not finite.
        """
        spec = self.bundle.spec
        if spec.vocabulary:
            return self._about_texts(model_input, params or {})
        answers = self.bundle.predict_array(np.asarray(model_input))
        return (
            _table(answers, spec.classes)
            if spec.classes
            else pd.DataFrame(answers["values"], columns=list(spec.targets))
        )

    def _about_texts(self, model_input: np.ndarray | pd.DataFrame, params: dict[str, Any]) -> pd.DataFrame:
        column = model_input.iloc[:, 0] if isinstance(model_input, pd.DataFrame) else model_input
        texts = [str(text) for text in column]
        if self.bundle.spec.output == "per_token":
            return pd.DataFrame({"text": [self.bundle.generate(text, **params) for text in texts]})
        return _table(self.bundle.predict(texts), self.bundle.spec.classes)


def _table(answers: Mapping[str, Any], classes: Sequence[str]) -> pd.DataFrame:
    """What ``Predictor.predict`` gives, a row an example; several labels with commas between them."""
    table = pd.DataFrame(np.asarray(answers["probabilities"]), columns=[f"probability_{name}" for name in classes])
    if "labels" in answers:
        table.insert(0, "labels", [", ".join(names) for names in answers["labels"]])
    else:
        table.insert(0, "label", list(answers["label"]))
    return table


mlflow.models.set_model(BundleModel())
