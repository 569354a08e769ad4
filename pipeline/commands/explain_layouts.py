"""``saccade explain RUN``: maps over images, what each step of a sequence adds, or both where rows are read."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import paths
from pipeline.commands import explain_sequence_run
from pipeline.commands.explain import ExplainOptions, explain_run
from pipeline.commands.explain_sequences import Request, explain_examples, reads_steps
from pipeline.commands.explain_tracking import keeping_sheets
from pipeline.commands.predict import spec_of
from pipeline.model_registry.evidence import bundle_sha256
from pipeline.model_registry.reference import SCHEME
from pipeline.model_registry.resolve import find_bundle
from saccade.bundle.bundle import weights_sha256
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.explain.sequences.influence import INTEGRATED_GRADIENTS, LEAVE_ONE_OUT, LIMIT_S
from saccade.kinds import Reading

if TYPE_CHECKING:
    from pipeline.params.load import Params


@dataclass(frozen=True)
class Given:
    """What is to be explained; nothing: the run's own data.

    Attributes:
        here: folder that paths are relative to.
        paths: files, folders and patterns.
        texts: texts themselves.
        prompt: text whose next token is explained.
        limit_s: seconds that one sequence may take.
    """

    here: Path
    paths: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    prompt: str | None = None
    limit_s: float = LIMIT_S

    @property
    def is_own_data(self) -> bool:
        """Whether no example is named, so that the run is explained by its own data."""
        return not (self.paths or self.texts or self.prompt is not None)


def explain_given(params: "Params", run: str, given: Given, options: ExplainOptions) -> None:
    """Explain a run, or what it says of examples, as its input layout asks for.

    Args:
        params: the whole file.
        run: key in ``runs:``, the folder of a bundle in models/, or a registered model such as models:/NAME@champion.
        given: what is to be explained.
        options: what is asked.

    Raises:
        UserError: there is no such run or bundle, or what is asked does not fit it.
    """
    if run.startswith(SCHEME):
        run = run_with_weights_of(run)
    if given.is_own_data:
        with keeping_sheets(run, options.out or paths.report(run) / "explain"):
            _explain(params, run, given, options)
    else:
        _explain(params, run, given, options)


def run_with_weights_of(reference: str) -> str:
    """The folder in models/ that holds the network of a registered model, to the bit.

    Args:
        reference: ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION``.

    Returns:
        Its name.

    Raises:
        UserError: there is no such model, or no folder that holds it.
    """
    bundle = find_bundle(reference).bundle
    wanted = bundle_sha256(bundle), weights_sha256(bundle)
    for config in sorted(Path("models").glob("*/bundle.json")):
        if bundle_sha256(config.parent) == wanted[0] and weights_sha256(config.parent) == wanted[1]:
            return config.parent.name
    name = re.sub(r"\W+", "-", reference.removeprefix(SCHEME))
    raise UserError(
        f"{reference} has weights {wanted[1][:12]}, which no folder in models/ holds: `cp -r {bundle} models/{name}`, "
        f"then `saccade explain {name}`"
    )


def _explain(params: "Params", run: str, given: Given, options: ExplainOptions) -> None:
    is_there = (paths.model(run) / "bundle.json").exists()
    spec = spec_of(paths.model(run)) if is_there else None
    if spec is None or spec.layout == "image":
        _refuse_texts(run, given, is_there=is_there)
        is_by_rows = spec is not None and reads_steps(run)
        of_maps = [name for name in options.methods if not (is_by_rows and name == LEAVE_ONE_OUT)]
        if of_maps or not options.methods:
            explain_run(params, run, given.paths, given.here, replace(options, methods=of_maps))
        if spec is not None and is_by_rows and not (options.as_json or options.layer is not None):
            _explain_rows(params, run, spec, given, options)
        return
    if options.layer is not None:
        raise UserError(f"--layer ({options.layer}) must be left out: {run} takes {spec.plural}, and has no maps")
    if not reads_steps(run):
        raise UserError(f"{run} takes {spec.plural}: images, texts and series are explained")
    request = _request(params, run, spec, given, options)
    if given.is_own_data:
        explain_sequence_run.explain_run(request)
    else:
        explain_examples(request)


def _refuse_texts(run: str, given: Given, *, is_there: bool) -> None:
    for name, text in (("--text", next(iter(given.texts), None)), ("--prompt", given.prompt)):
        if text is not None and is_there:
            raise UserError(f"{name} ({text[:30]}) must be left out: {run} takes images; name files")


def _explain_rows(params: "Params", run: str, spec: Spec, given: Given, options: ExplainOptions) -> None:
    """What rows of images are to a recurrence, where there is one, beside the maps: influences and gates.

    Of methods that are named, those of maps alone are left out here.
    """
    of_rows = [name for name in options.methods if name in (INTEGRATED_GRADIENTS, LEAVE_ONE_OUT, "all")]
    request = _request(params, run, spec, given, replace(options, methods=of_rows))
    block = params.runs.get(run)
    if given.paths:
        if of_rows or not options.methods:
            explain_examples(request)
    elif block is not None and (paths.prepared(block.dataset) / "dataset.json").exists():
        explain_sequence_run.explain_run(request)


def _request(params: "Params", run: str, spec: Spec, given: Given, options: ExplainOptions) -> Request:
    block = params.runs.get(run)
    dataset = params.datasets[block.dataset] if block else None
    reading = Reading(
        run,
        spec,
        given.paths,
        given.texts,
        given.here,
        dataset.source.arguments if dataset else {},
        dataset.preprocess.options if dataset else {},
        registry.constant_or("", "datasets", dataset.source.name, "NEW_EXAMPLES") if dataset else "",
    )
    return Request(
        reading,
        block.dataset if block else "",
        options.out or paths.report(run) / "explain",
        prompt=given.prompt,
        classes=[options.label] if options.label is not None else [],
        methods=options.methods,
        limit_s=given.limit_s,
        as_json=options.as_json,
        as_npz=options.as_npz,
        device=block.evaluate.device if block else "cpu",
    )
