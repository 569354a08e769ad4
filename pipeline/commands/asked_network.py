"""The network that ``saccade predict`` asks, and how files are read for it: of params.yaml, or as its record says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import paths
from pipeline.model_registry.resolve import FoundBundle, find_bundle
from pipeline.schema.renamed import recorded_with_new_names
from saccade.core import registry

if TYPE_CHECKING:
    from pipeline.params.load import Params

_BATCH_SIZE = 512  # examples, where no record says it


@dataclass(frozen=True)
class AskedNetwork:
    """A network that is asked about new examples.

    Attributes:
        found: its bundle, and its record.
        source: arguments of the dataset's source.
        preprocess: ``preprocess:`` of the dataset.
        holds: what a file of the source holds, where that is several examples; empty: one.
        batch_size: examples at once.
        device: auto, cpu, cuda, cuda:1 or mps.
        label: name for files that are written, without slashes.
        dataset: name of the dataset that it was trained on; empty where that is not known.
        source_name: name of the dataset's source; empty where that is not known.
        params: the whole file, of a run that it holds; None of others.
    """

    found: FoundBundle
    source: Mapping[str, Any] = field(default_factory=dict)
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    holds: str = ""
    batch_size: int = _BATCH_SIZE
    device: str = "auto"
    label: str = ""
    dataset: str = ""
    source_name: str = ""
    params: "Params | None" = None


def network_of_run(params: "Params", run: str) -> AskedNetwork:
    """The network of a run, as params.yaml has it.

    Args:
        params: the whole file.
        run: key in ``runs:``.

    Returns:
        Where it lies; whether it is trained is not asked.
    """
    block = params.runs[run]
    dataset = params.datasets[block.dataset]
    return AskedNetwork(
        FoundBundle(paths.model(run), paths.report(run)),
        dataset.source.arguments,
        dataset.preprocess.options,
        _new_examples_of(dataset.source.name),
        block.evaluate.batch_size,
        block.evaluate.device,
        run,
        block.dataset,
        dataset.source.name,
        params,
    )


def network_of_reference(reference: str, here: Path) -> AskedNetwork:
    """A registered network, or one in a folder: files are read as for the dataset that it was trained on.

    Args:
        reference: ``models:/NAME@ALIAS``, ``models:/NAME/VERSION``, or the folder of a bundle.
        here: folder that a path is relative to.

    Returns:
        The network, whose bytes are here.

    Raises:
        UserError: there is none, or the registry does not answer.
    """
    found = find_bundle(reference, here)
    params = recorded_with_new_names(found.recorded_params())
    source = _below("dataset.source.", params)
    name = source.pop("name", "")
    version = found.version
    return AskedNetwork(
        found,
        source,
        _below("dataset.preprocess.", params),
        _new_examples_of(name) if name in registry.names("datasets") else "",
        int(params.get("evaluate.batch_size", _BATCH_SIZE)),
        label=found.bundle.name if version is None else f"{version.name}-{version.number}",
        dataset=str(found.recorded_run().get("dataset", "")),
        source_name=name,
    )


def _new_examples_of(source: str) -> str:
    return str(registry.constant_or("", "datasets", source, "NEW_EXAMPLES"))


def _below(prefix: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """What flat keys with a prefix say, as a block."""
    block: dict[str, Any] = {}
    for key, value in params.items():
        if key.startswith(prefix):
            *folders, last = key.removeprefix(prefix).split(".")
            inner = block
            for folder in folders:
                inner = inner.setdefault(folder, {})
            inner[last] = value
    return block
