"""onnx, onnxscript and onnxruntime, which are not installed with saccade itself: imported where they are used."""

import importlib
from types import ModuleType

from saccade.core.errors import UserError


def onnx() -> ModuleType:
    """The package that reads, checks and writes ONNX."""
    return _imported("onnx")


def onnxruntime() -> ModuleType:
    """The package that computes what an ONNX file says."""
    return _imported("onnxruntime")


def require_exporter() -> None:
    """Refuse to begin where a package of the exporter is missing.

    Raises:
        UserError: it names the extra that brings them.
    """
    for name in ("onnx", "onnxscript", "onnxruntime"):
        _imported(name)


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UserError(f"ONNX takes {name}, which is not installed: pip install 'saccade[onnx]'") from None
