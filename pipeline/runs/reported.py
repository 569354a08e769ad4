"""What the report of a run says that is needed where the run is used."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import paths
from saccade.bundle.bundle import read_config, weights_sha256

if TYPE_CHECKING:
    from saccade.transcripts.decoder import Decoder


def reported_threshold(run: str, model: Path | None = None, report: Path | None = None) -> tuple[float | None, str]:
    """The confidence below which a run is unsure, as its last evaluation chose it.

    Args:
        run: key in ``runs:``.
        model: folder of its bundle, which is there; None: that in models/.
        report: folder of its run.json and metrics.json; None: that in reports/.

    Returns:
        The threshold, or None where the report holds none; and a warning, empty where there is nothing to warn of.
    """
    model, report = model or paths.model(run), report or paths.report(run)
    if not (report / "metrics.json").is_file():
        return None, ""
    threshold = json.loads((report / "metrics.json").read_text(encoding="utf-8")).get("reject_threshold")
    if threshold is None:
        return None, ""
    trained = report / "run.json"
    evaluated = json.loads(trained.read_text(encoding="utf-8"))["weights_sha256"] if trained.is_file() else None
    if evaluated != weights_sha256(model):
        return None, (
            f"{report} is of other weights than {model}, so its threshold ({threshold:.4f}) is not used. "
            f"Make both of one training: `saccade train {run}` and `saccade evaluate {run}`."
        )
    return float(threshold), ""


def reported_decoder(run: str, model: Path | None = None, report: Path | None = None) -> "tuple[Decoder | None, str]":
    """How a run that reads lines makes texts, as its last evaluation chose it.

    Args:
        run: key in ``runs:``.
        model: folder of its bundle, which is there; None: that in models/.
        report: folder of its evaluation; None: that in reports/.

    Returns:
        The decoder, or None where it reads greedily, or no lines; and a warning, empty where there is nothing to warn
        of.

    Raises:
        UserError: the file of the decoder is damaged.
    """
    model, report = model or paths.model(run), report or paths.report(run)
    if read_config(model).spec.output != "transcript":
        return None, ""
    from saccade.transcripts.decoder import FILE_NAME, read_decoder

    path = report / "evaluation" / FILE_NAME
    if not path.is_file():
        return None, ""
    decoder, of_weights = read_decoder(path)
    if of_weights != weights_sha256(model):
        return None, (
            f"{path} is of other weights than {model}, so it reads without the language model. "
            f"Make both of one training: `saccade train {run}` and `saccade evaluate {run}`."
        )
    return decoder, ""
