"""saccade: CNNs and LSTMs as plain torch. ``saccade.load("models/lenet5-digits").predict(images)``.

Files of parameters, DVC, MLflow and commands belong to pipeline/.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from saccade.predict.predictor import Predictor, load  # of a file, ``load`` gives an ``OnnxPredictor``

__version__ = "0.1.0"
__all__ = ["Predictor", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """Import torch only when somebody asks for what needs it."""
    if name == "load":
        from saccade.predict import load

        return load
    if name == "Predictor":
        from saccade.predict.predictor import Predictor

        return Predictor
    raise AttributeError(f"module 'saccade' has no attribute {name!r}")
