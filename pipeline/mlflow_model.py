"""The MLflow model of a run: a bundle on disk and this file. MLflow stores it as source, so no pickle is involved.

It is copied into every logged model, where ``saccade`` lies beside it and ``pipeline`` does not: it imports neither
at the top.
"""

from typing import Any

import mlflow
import numpy as np
import pandas as pd  # type: ignore[import-untyped]


class BundleModel(mlflow.pyfunc.PythonModel):
    """Classifies images with the bundle that was logged as the artifact ``bundle``."""

    def load_context(self, context: Any) -> None:
        """Load the weights; the device is chosen by the bundle."""
        import saccade

        self.bundle = saccade.load(context.artifacts["bundle"])

    def predict(self, context: Any, model_input: np.ndarray, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Classify a batch of images.

        Args:
            context: unused, MLflow passes it.
            model_input: pixel values 0 to 255, any number type, shape (N, H, W, C).
            params: unused, MLflow passes it.

        Returns:
            One row an image: ``label``, and ``probability_<class>`` for each class.

        Raises:
            ValueError: a value lies outside 0 to 255.
        """
        images_NHWC = np.asarray(model_input)
        if images_NHWC.dtype != np.uint8:
            lowest, highest = images_NHWC.min(), images_NHWC.max()
            if not (lowest >= 0 and highest <= 255):  # also refuses nan
                raise ValueError(f"pixel values ({lowest}..{highest}) must lie in 0..255")
            images_NHWC = np.rint(images_NHWC).astype(np.uint8)
        result = self.bundle.predict(images_NHWC)
        columns = [f"probability_{name}" for name in self.bundle.spec.classes]
        table = pd.DataFrame(np.asarray(result["probabilities"]), columns=columns)
        table.insert(0, "label", list(result["label"]))
        return table


mlflow.models.set_model(BundleModel())
