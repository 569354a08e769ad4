"""saccade: CNNs and LSTMs as plain torch. ``saccade.load("models/lenet5-digits").predict(images)``.

Files of parameters, DVC, MLflow and commands belong to pipeline/.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from saccade.predict.predictor import Predictor, load

__version__ = "0.1.0"
__all__ = ["Predictor", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """Import torch only when somebody asks for what needs it."""
    if name in ("load", "Predictor"):
        from saccade.predict import predictor

        return getattr(predictor, name)
    raise AttributeError(f"module 'saccade' has no attribute {name!r}")
