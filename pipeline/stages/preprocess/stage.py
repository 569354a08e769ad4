"""``saccade preprocess DATASET``: data/raw/<dataset>, checked, to arrays in data/prepared/<dataset>, with a report.

What is done with each kind of data is in the file of its name: ``preprocess_images.py``, ``preprocess_texts.py``,
``preprocess_series.py``.
"""

from pipeline import paths
from pipeline.console import Progress, say
from pipeline.schema.named import NamedBlock
from pipeline.schema.preprocess import PreprocessBlock
from pipeline.schema.split import SplitBlock
from pipeline.stages.preprocess.images import prepare_images
from pipeline.stages.preprocess.series import prepare_files, prepare_forecast, prepare_series
from pipeline.stages.preprocess.texts import prepare_stream, prepare_texts
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.core.files import replacing_folder
from saccade.data.spec import Spec, targets_of_names
from saccade.readers.examples import LongSeries, SeriesExamples, SeriesFiles, TextExamples, TextStream


def preprocess(dataset: str, *, source: NamedBlock, split: SplitBlock, block: PreprocessBlock, seed: int) -> None:
    """Check, resize, split and write one dataset."""
    raw = paths.raw(dataset)
    if not raw.is_dir():
        raise UserError(f"{raw} does not exist. Make it with `saccade fetch {dataset}`.")
    examples = registry.call_with_supported(registry.module("datasets", source.name).read, raw, **source.arguments)
    for note in examples.notes:
        say(f"{dataset}: {note}")
    seed = seed if split.seed is None else split.seed
    with (
        Progress() as progress,
        replacing_folder(paths.prepared(dataset)) as folder,
        replacing_folder(paths.dataset_report(dataset)) as report,
    ):
        if isinstance(examples, SeriesExamples):
            description = prepare_series(dataset, examples, split, seed, folder, report, progress)
        elif isinstance(examples, SeriesFiles):
            description = prepare_files(dataset, examples, split, block, seed, folder, report, progress)
        elif isinstance(examples, LongSeries):
            description = prepare_forecast(dataset, examples, split, block, folder, report, progress)
        elif isinstance(examples, TextExamples):
            description = prepare_texts(dataset, examples, split, block, seed, folder, report, progress)
        elif isinstance(examples, TextStream):
            description = prepare_stream(dataset, examples, split, block, folder, report, progress)
        else:
            description = prepare_images(dataset, examples, split, block, seed, folder, report, progress)
    counts = ", ".join(f"{split} {count:,}" for split, count in description.counts.items())
    spec, page = description.spec, paths.dataset_report(dataset) / "report.html"
    shape = "x".join(map(str, spec.shape)) + (f" {spec.unit}" if spec.unit else "")
    things = "windows" if spec.answers == "each_step" or spec.horizon else spec.plural
    say(f"prepared {dataset}: {counts} {things} of {shape}, {_asked_for(spec)}; see {page}")


def _asked_for(spec: Spec) -> str:
    if spec.classes:
        return f"{len(spec.classes)} classes"
    if spec.answers == "each_step":
        return f"to predict: the next of {len(spec.vocabulary):,} at each step"
    if spec.horizon:
        targets = ", ".join(targets_of_names(spec.targets, spec.horizon))
        return f"to forecast: {targets}, {spec.horizon:,} steps of {spec.step} ahead"
    return f"to predict: {', '.join(spec.targets)}"
