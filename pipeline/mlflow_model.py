"""The MLflow model of a run: a bundle on disk and this file. MLflow stores it as source, so no pickle is involved.

It is copied into every logged model, where ``saccade`` lies beside it and ``pipeline`` does not: it imports neither
at the top.
"""

from typing import Any

import mlflow
import numpy as np
import pandas as pd  # type: ignore[import-untyped]


class BundleModel(mlflow.pyfunc.PythonModel):
    """Answers with the bundle that was logged as the artifact ``bundle``.

    It classifies images or texts, or goes on with texts.
    """

    def load_context(self, context: Any) -> None:
        """Load the weights; the device is chosen by the bundle."""
        import saccade

        self.bundle = saccade.load(context.artifacts["bundle"])

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Answer for a batch.

        Args:
            context: unused, MLflow passes it.
            model_input: images, pixel values 0 to 255 of any number type, (N, H, W, C); or texts, a table with one
                column or a list.
            params: of a network that goes on with texts: length, temperature and seed.

        Returns:
            One row an example: ``label``, and ``probability_<class>`` for each class; or ``text``, the prompt and what
            follows.

        Raises:
            ValueError: a pixel value lies outside 0 to 255.
        """
        spec = self.bundle.spec
        if spec.kind == "tokens":
            column = model_input.iloc[:, 0] if isinstance(model_input, pd.DataFrame) else model_input
            texts = [str(text) for text in column]
            if spec.answers == "each_step":
                return pd.DataFrame({"text": [self.bundle.generate(text, **(params or {})) for text in texts]})
            result = self.bundle.predict(texts)
        else:
            result = self.bundle.predict(_pixels(model_input))
        columns = [f"probability_{name}" for name in spec.classes]
        table = pd.DataFrame(np.asarray(result["probabilities"]), columns=columns)
        table.insert(0, "label", list(result["label"]))
        return table


def _pixels(model_input: Any) -> np.ndarray:
    images_NHWC = np.asarray(model_input)
    if images_NHWC.dtype != np.uint8:
        lowest, highest = images_NHWC.min(), images_NHWC.max()
        if not (lowest >= 0 and highest <= 255):  # also refuses nan
            raise ValueError(f"pixel values ({lowest}..{highest}) must lie in 0..255")
        images_NHWC = np.rint(images_NHWC).astype(np.uint8)
    return images_NHWC


mlflow.models.set_model(BundleModel())
