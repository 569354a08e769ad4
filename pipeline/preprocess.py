"""``saccade preprocess DATASET``: data/raw/<dataset>, checked, to arrays in data/prepared/<dataset>, with a report.

What is done with each kind of data is in the file of its name: ``preprocess_images.py``, ``preprocess_series.py``.
"""

from pipeline import paths
from pipeline.console import Progress, say
from pipeline.preprocess_images import prepare_images
from pipeline.preprocess_series import prepare_series
from pipeline.schema.named import Named
from pipeline.schema.preprocess import PreprocessBlock
from pipeline.schema.split import SplitBlock
from saccade import registry
from saccade.errors import UserError
from saccade.examples import SeriesExamples
from saccade.files import replacing_folder


def preprocess(dataset: str, *, source: Named, split: SplitBlock, block: PreprocessBlock, seed: int) -> None:
    """Check, resize, split and write one dataset."""
    raw = paths.raw(dataset)
    if not raw.is_dir():
        raise UserError(f"{raw} does not exist. Make it with `saccade fetch {dataset}`.")
    examples = registry.call_with_known(registry.module("datasets", source.name).read, raw, **source.arguments)
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
        else:
            description = prepare_images(dataset, examples, split, block, seed, folder, report, progress)
    counts = ", ".join(f"{split} {count:,}" for split, count in description.counts.items())
    spec = description.spec
    asked_for = f"{len(spec.classes)} classes" if spec.classes else f"to predict: {', '.join(spec.targets)}"
    shape, page = "x".join(map(str, spec.shape)), paths.dataset_report(dataset) / "report.html"
    say(f"prepared {dataset}: {counts} {spec.plural} of {shape}, {asked_for}; see {page}")
