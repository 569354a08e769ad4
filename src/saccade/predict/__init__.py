"""A trained network that answers: arrays, image files, texts, forecasts; averaged over augmented views.

What is measured of the answers belongs to evaluate/.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from saccade.predict.any_predictor import AnyPredictor


def load(run_or_file: "str | Path", device: str = "cpu") -> "AnyPredictor":
    """Load a trained network: of a bundle with torch, of an exported file with onnxruntime alone.

    Args:
        run_or_file: folder of a bundle, such as "models/lenet5-digits"; or a file whose name ends with .onnx.
        device: auto, cpu, cuda, cuda:1 or mps; files answer on the CPU.

    Returns:
        ``Predictor`` or ``OnnxPredictor``.

    Raises:
        UserError: there is no such bundle or file, or it cannot be used.
    """
    if is_onnx(run_or_file):
        from saccade.predict import onnx_predictor

        return onnx_predictor.load(run_or_file)
    from saccade.predict import predictor

    return predictor.load(run_or_file, device)


def is_onnx(run_or_file: "str | Path") -> bool:
    """Whether something that answers is named as an exported file is, by its ending."""
    return str(run_or_file).lower().endswith(".onnx")
