"""``saccade drift RUN NEW``: whether new inputs are like the data that a run knows; a page, and lines."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import paths
from pipeline.commands.asked_network import AskedNetwork
from pipeline.console import Progress, say, warn
from pipeline.runs.reported import reported_threshold
from saccade import kinds
from saccade.core.errors import UserError
from saccade.core.files import replacing_file
from saccade.core.messages import pluralise
from saccade.data.prepared import Split, open_split, read_dataset_info
from saccade.data.spec import Spec
from saccade.kinds.origins import read_origins

if TYPE_CHECKING:
    from saccade.drift.compare import Drift

_SEED = 0  # of what is drawn: the same inputs give the same page


def drift(reading: kinds.Reading, network: AskedNetwork, *, page: Path | None, as_json: bool) -> None:
    """Compare new inputs with the test split of a run's dataset, print what was found and write the page.

    Args:
        reading: new inputs.
        network: run or registered model, whose dataset is prepared here.
        page: HTML file to write; None: reports/RUN/drift.html.
        as_json: print one JSON object in place of lines.

    Raises:
        UserError: the run does not answer once an example, its dataset is not prepared, there are too few inputs, or
            something of them cannot be read.
    """
    from saccade.drift.compare import MAX_SAMPLE, Sample, compare, draw, look_at, sample_size
    from saccade.drift.page import drift_page, sentences
    from saccade.predict import predictor as prediction
    from saccade.report.rendering import to_html

    run, spec = reading.run, reading.spec
    found_bundle, dataset = network.found, network.dataset
    if not dataset:
        raise UserError(f"{run} does not say which dataset it was trained on: name the run of params.yaml")
    if spec.output != "per_example" or spec.horizon:
        does = "reads lines" if spec.output == "transcript" else "goes on with texts"
        does = "forecasts" if spec.horizon else does
        raise UserError(f"{run} must answer once an example, but it {does}: drift compares single examples")
    info = read_dataset_info(paths.prepared(dataset))
    if info.spec.shape != spec.shape or info.spec.vocabulary != spec.vocabulary:
        raise UserError(
            f"{paths.prepared(dataset)} is not what {run} was trained on: `dvc checkout`, or train it again"
        )
    test, train = (open_split(paths.prepared(dataset), part) for part in ("test", "train"))
    examples = kinds.read_new(reading)
    numbers = draw(examples.total, min(examples.total, MAX_SAMPLE), _SEED)
    read: list[kinds.NewExample] = []
    with Progress(f"{examples.title}s") as progress:
        for batch in examples.picked(numbers.tolist()):
            read += batch
            progress("reading new inputs", len(read), len(numbers))
    known = [one for one in read if not isinstance(one.array, UserError)]
    size = sample_size(len(test.examples), len(known))
    chosen = [known[i] for i in draw(len(known), size, _SEED).tolist()]
    predictor = prediction.load(found_bundle.bundle, device=network.device)
    measures = kinds.measures_of_new(reading, chosen)

    def sample(split: Split) -> Sample:
        rows = draw(len(split.examples), min(size, len(split.examples)), _SEED)
        origins = read_origins(paths.prepared(dataset), split.rows[rows])
        shared = {name: values for name, values in origins.measures.items() if name in measures}
        return look_at(predictor, np.asarray(split.examples[rows]), [origins.name(i) for i in range(len(rows))], shared)

    stored = _stacked([one.array for one in chosen], spec)
    new = look_at(predictor, stored, [one.name for one in chosen], measures)
    threshold, warning = reported_threshold(run, found_bundle.bundle, found_bundle.record)
    for line in [*examples.warnings, *([warning] if warning else [])]:
        warn(line)
    found = compare(predictor, sample(test), sample(train), new, unsure_below=threshold, seed=_SEED)
    page = page or paths.report(network.label) / "drift.html"
    problems = len(read) - len(known)
    with replacing_file(page) as partial:
        partial.write_text(to_html(drift_page(run, found, spec, problems=problems, total=examples.total)), "utf-8")
    if as_json:
        say(json.dumps(_record(found, run, problems, examples.total, page)))
        return
    if problems:
        verb = "is" if problems == 1 else "are"
        warn(f"{pluralise(problems, examples.title)} of {len(read):,} could not be read, and {verb} left out")
    for line in sentences(found):
        say(line)
    say(f"page: {page}")


def monitor_inputs(reading: kinds.Reading, network: AskedNetwork, *, as_json: bool) -> None:
    """What ``drift`` says of inputs that were predicted, a warning where it can say nothing of them.

    Args:
        reading: the inputs.
        network: run whose dataset is prepared here.
        as_json: print one JSON object in place of lines.
    """
    try:
        drift(reading, network, page=None, as_json=as_json)
    except UserError as error:  # the answers were given
        warn(f"--monitor: {error}")


def _stacked(arrays: list[Any], spec: Spec) -> np.ndarray:
    """Examples in one array; texts end with padding."""
    longest = max(array.shape[0] for array in arrays)
    if spec.layout == "tokens":
        arrays = [np.pad(array, (0, longest - len(array))) for array in arrays]
    return np.stack(arrays)


def _record(found: "Drift", run: str, problems: int, total: int, page: Path) -> dict[str, Any]:
    return {
        "run": run,
        "inputs": total,
        "compared": found.count,
        "problems": problems,
        "alarm": found.is_alarm,
        "auroc": found.beside_test.auroc,
        "auroc_low": found.beside_test.low,
        "auroc_high": found.beside_test.high,
        "p": found.beside_test.p,
        "auroc_beside_train": found.beside_train.auroc,
        "auroc_of_test_beside_train": found.test_beside_train.auroc,
        "numbers": [
            {
                "name": shift.name,
                "unit": shift.unit,
                "median_test": _median(shift.known),
                "median_new": _median(shift.new),
                "distance": shift.distance,
                "p": shift.p,
                "alarm": shift.is_alarm,
            }
            for shift in found.shifts
        ],
        "unsure": None if found.unsure is None else {"test": found.unsure[0], "new": found.unsure[1]},
        "classes": {name: {"test": shares[0], "new": shares[1]} for name, shares in found.classes.items()},
        "unlike": [found.new.names[i] for i in found.unlike[:24].tolist()],
        "page": str(page),
    }


def _median(values: np.ndarray) -> float | None:
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else None
