"""What the page is told of a network, as plain values for about.json."""

from typing import Any

from saccade.core.errors import UserError
from saccade.predict.onnx_file import OnnxFile

_DARK = 0.5  # mean grey level on the scale 0..1: below it pictures are bright on dark
_METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "mean_average_precision", "mae", "rmse")


def about_of(file: OnnxFile) -> dict[str, Any]:
    """What the page needs to bring a picture to the network and to name its answers.

    Args:
        file: an exported network about pictures.

    Returns:
        Plain values.

    Raises:
        UserError: it is about something else, or its pictures had more than 8 bits, which browsers do not give.
    """
    config, spec = file.config, file.config.spec
    if spec.kind != "image" or spec.layout != "image":
        raise UserError(f"{file.path} must be about pictures to be shown on a page, but it is about {spec.plural}")
    if spec.value_range:
        raise UserError(
            f"{file.path} was trained on pictures of more than 8 bits, and a browser gives 8: `saccade serve "
            f"{file.path}` shows them"
        )
    metric = next((name for name in _METRICS if isinstance(file.metrics.get(name), float)), None)
    return {
        "run": file.run,
        "identity": config.identity,
        "size": list(spec.shape),
        "fit": spec.fit,
        "names": list(spec.classes or spec.targets),
        "answer": "labels" if spec.multilabel else "label" if spec.classes else "values",
        "thresholds": list(config.thresholds),
        "unsure_below": file.unsure_below,
        "is_dark": sum(config.mean) / len(config.mean) < _DARK,
        "metric": None if metric is None else [metric.replace("_", " "), file.metrics[metric]],
        "dataset": str(file.data.get("dataset", "")),
        "licence": str(file.data.get("licence", "")),
    }
