"""``saccade preprocess DATASET``: data/raw/<dataset>, checked, to arrays in data/prepared/<dataset>, with a page.

What is done with each kind of data is in its folder in ``saccade/kinds/``.
"""

from pipeline import paths
from pipeline.console import Progress, say, warn
from pipeline.schema.named import NamedBlock
from pipeline.schema.preprocess import PreprocessBlock, form_of_source
from pipeline.schema.split import SplitBlock
from saccade import kinds
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.core.files import replacing_folder
from saccade.prepare.split_settings import settings_for
from saccade.report.dataset_page import SAMPLES, asks, write_dataset_page


def preprocess(dataset: str, *, source: NamedBlock, split: SplitBlock, block: PreprocessBlock, seed: int) -> None:
    """Check, split and write one dataset, with its page."""
    raw = paths.raw(dataset)
    if not raw.is_dir():
        raise UserError(f"{raw} does not exist. Make it with `saccade fetch {dataset}`.")
    examples = registry.call_with_supported(registry.module("datasets", source.name).read, raw, **source.arguments)
    for note in examples.notes:
        say(f"{dataset}: {note}")
    for warning in getattr(examples, "warnings", ()):
        warn(f"{dataset}: {warning}")
    values = split.model_dump() | {"seed": seed if split.seed is None else split.seed}
    settings, decided = settings_for(values, getattr(examples, "published_splits", None))
    if decided:
        say(f"{dataset}: {decided}")
    with (
        Progress() as progress,
        replacing_folder(paths.prepared(dataset)) as folder,
        replacing_folder(paths.dataset_report(dataset)) as report,
    ):
        job = kinds.Job(
            folder=folder,
            samples=report / SAMPLES,
            split=settings,
            views_address=paths.views_address(dataset),
            say=lambda line: say(f"{dataset}: {line}"),
            warn=lambda line: warn(f"{dataset}: {line}"),
            progress=progress,
        )
        prepared = kinds.prepare(form_of_source(source.name, source.arguments), examples, job, block.options)
        write_dataset_page(report, dataset, prepared)
    spec, page = prepared.info.spec, paths.dataset_report(dataset) / "report.html"
    counts = ", ".join(f"{split} {count:,}" for split, count in prepared.info.counts.items())
    shape = "x".join(map(str, spec.shape)) + (f" {spec.shape_unit}" if spec.shape_unit else "")
    say(f"prepared {dataset}: {counts} {prepared.things or spec.plural} of {shape}, {asks(prepared)}; see {page}")
