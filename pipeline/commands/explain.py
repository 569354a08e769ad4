"""``saccade explain RUN``: what a trained run looks at, in its own data or in pictures that are given."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import paths
from pipeline.console import Progress, say, warn
from pipeline.params.problems import nearest
from saccade import kinds
from saccade.core.errors import UserError
from saccade.core.messages import pluralise
from saccade.predict import predictor as prediction

if TYPE_CHECKING:
    import numpy as np

    from pipeline.params.load import Params
    from saccade.explain.attribution.image_explainer import ImageExplainer
    from saccade.explain.attribution.methods import Method
    from saccade.explain.sheets.run_sheets import RunData


@dataclass(frozen=True)
class ExplainOptions:
    """What is asked about examples that are given.

    Attributes:
        out: folder for the pictures; None: reports/RUN/explain.
        methods: names of methods; empty: the usual ones; all: every one that fits.
        layer: layer of class activation maps; None: the last with spatial extent.
        label: class, or number to predict, to explain; None: the answer.
        as_json: print the numbers as JSON, one object an example.
        as_npz: write the maps as arrays, beside each picture.
    """

    out: Path | None = None
    methods: Sequence[str] = ()
    layer: str | None = None
    label: str | None = None
    as_json: bool = False
    as_npz: bool = False


def explain_run(params: "Params", run: str, given: Sequence[str], here: Path, options: ExplainOptions) -> None:
    """Explain a run: pictures that are given, or what it sees in its own data.

    Args:
        params: the whole file.
        run: key in ``runs:``, or the folder of a bundle in models/.
        given: files, folders and patterns; none: the run's own data.
        here: folder that they are relative to.
        options: what is asked.

    Raises:
        UserError: there is no such run or bundle, or what is asked does not fit it.
    """
    known = {*params.runs, *(path.parent.name for path in Path("models").glob("*/bundle.json"))}
    if run not in known:
        raise UserError(f"neither params.yaml nor models/ has a run {run!r}; {nearest(run, sorted(known))}")
    block = params.runs.get(run)
    explainer = explainer_of(run, block.evaluate.device if block else "cpu")
    options = replace(options, out=options.out or paths.report(run) / "explain")
    dataset = params.datasets[block.dataset] if block else None
    if given:
        source = (dataset.source.arguments, dataset.preprocess.options) if dataset else ()
        explain_examples(explainer, kinds.Reading(run, explainer.predictor.spec, given, (), here, *source), options)
    else:
        explain_own_data(explainer, run, block.dataset if block else None, options)


def explain_own_data(explainer: "ImageExplainer", run: str, dataset: str | None, options: ExplainOptions) -> None:
    """Draw what a run sees in its own data, and say what stands in the sheets.

    Args:
        explainer: trained run.
        run: its name.
        dataset: key in ``datasets:``; None: it is not known.
        options: folder, layer and whether JSON is printed.

    Raises:
        UserError: an option that is for given pictures alone.
    """
    from saccade.core.files import write_json
    from saccade.explain.attribution.frozen import unchanged
    from saccade.explain.sheets.run_sheets import draw_run

    given = {"--method": options.methods, "--class": options.label, "--npz": options.as_npz}
    for name, value in given.items():
        if value:
            raise UserError(
                f"{name} must be left out where no pictures are named: `saccade explain {run} PATH...` takes it"
            )
    if options.layer is not None:
        explainer.layer(options.layer)
    data, reason = own_data(explainer, dataset)
    folder = options.out or paths.report(run) / "explain"
    folder.mkdir(parents=True, exist_ok=True)
    with unchanged(explainer.predictor.network), Progress() as progress:
        written = draw_run(explainer, data, folder, layer=options.layer, progress=progress)
    write_json(folder / "summary.json", written.numbers)
    if options.as_json:
        say(json.dumps(written.numbers))
    else:
        for line in written.lines:
            say(line)
        say(f"written: {folder}")
    if reason:
        warn(reason)


def own_data(explainer: "ImageExplainer", dataset: str | None) -> "tuple[RunData | None, str]":
    """The prepared data of a run, or why they are not there.

    Args:
        explainer: trained run.
        dataset: key in ``datasets:``; None: it is not known.

    Returns:
        The data, or None and the reason.
    """
    from saccade.data.prepared import open_split, read_dataset_info
    from saccade.explain.sheets.run_sheets import RunData

    left_out = "so the sheets that need examples are left out: activations, units, classes, curves"
    if dataset is None:
        return None, f"params.yaml has no such run and so no data of it, {left_out}; name pictures to explain them"
    folder = paths.prepared(dataset)
    if not (folder / "dataset.json").exists():
        return None, f"{folder} does not exist, {left_out}. Make it with `saccade preprocess {dataset}`"
    info = read_dataset_info(folder)
    mine, theirs = explainer.predictor.spec, info.spec
    if (mine.shape, mine.classes, mine.targets) != (theirs.shape, theirs.classes, theirs.targets):
        return None, f"{folder} holds other images or classes than the run was trained on, {left_out}. Train it again"
    has_validation = info.counts["validation"] > 0
    train = open_split(folder, "train")
    return RunData(train, open_split(folder, "validation") if has_validation else train, has_validation), ""


def explainer_of(run: str, device: str) -> "ImageExplainer":
    """A trained run that can be asked why.

    Args:
        run: key in ``runs:``, or the folder of a bundle in models/.
        device: auto, cpu, cuda, cuda:1 or mps.

    Returns:
        Its network, loaded.

    Raises:
        UserError: there is no bundle, or it takes no images.
    """
    from saccade.explain.attribution.image_explainer import ImageExplainer

    try:
        return ImageExplainer(prediction.load(paths.model(run), device=device))
    except UserError as error:
        if "must take images" not in str(error) and "reads lines" not in str(error):
            raise
        raise UserError(f"{run}: {error}") from error


def explain_examples(explainer: "ImageExplainer", reading: kinds.Reading, options: ExplainOptions) -> None:
    """Draw one picture an example that is given, and say what stands in it.

    Args:
        explainer: trained run.
        reading: examples to read.
        options: what is asked.

    Raises:
        UserError: a method, layer or class that does not fit, or examples that cannot be read.
    """
    from saccade.explain.attribution.frozen import unchanged

    methods = chosen_methods(explainer, options.methods)
    if options.layer is not None:
        explainer.layer(options.layer)
        if not any(method.needs == "layer" for method in methods):
            names = ", ".join(method.name for method in methods)
            raise UserError(f"--layer ({options.layer}) must be left out: none of {names} is made of a layer")
    if options.label is not None:
        explainer.label_index(options.label)
    examples = kinds.read_new(reading)
    _Examples(explainer, methods, options, reading.run, options.out or Path()).tell(examples, unchanged)


def chosen_methods(explainer: "ImageExplainer", names: Sequence[str]) -> "list[Method]":
    """The methods asked for; of none the usual ones that fit, of ``all`` every one that fits.

    Args:
        explainer: trained run.
        names: names, as given.

    Returns:
        Each once.

    Raises:
        UserError: there is none of that name, or it does not fit.
    """
    if "all" in names:
        return explainer.fitting()
    if names:
        return [explainer.method(name) for name in dict.fromkeys(names)]
    return explainer.usual()


@dataclass
class _Examples:
    explainer: "ImageExplainer"
    methods: "list[Method]"
    options: ExplainOptions
    run: str
    out: Path
    failed: int = 0
    written: set[str] = field(default_factory=set)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def tell(self, examples: kinds.NewExamples, unchanged: Any) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        with unchanged(self.explainer.predictor.network), Progress("pictures") as progress:
            for done, example in enumerate(_each(examples), start=1):
                if isinstance(example.array, UserError):
                    self.failed += 1
                    warn(f"{example.name} {example.array}")
                else:
                    self._tell_one(example, example.array, progress)
                progress(f"explaining {self.run}", done, examples.total)
        for line in examples.warnings:
            warn(line)
        self._tell_cost()
        if self.failed:
            raise UserError(f"{self.failed:,} of {pluralise(examples.total, 'picture')} could not be read, see above")

    def _tell_one(self, example: kinds.NewExample, image_HWC: "np.ndarray", progress: Progress) -> None:
        from saccade.explain.sheets.explained import explain_image

        found = explain_image(
            self.explainer, image_HWC, self.methods, label=self.options.label, layer=self.options.layer
        )
        for row in found.rows:
            for one in row.explanations:
                self.seconds.setdefault(one.method, []).append(one.elapsed_s)
        stem = self._free_stem(example)
        path = self.out / f"{stem}.png"
        found.draw(path, example.name)
        record = {**example.place, "picture": str(path), **found.record()}
        if self.options.as_npz:
            import numpy as np

            np.savez_compressed(self.out / f"{stem}.npz", **found.arrays())  # type: ignore[arg-type]
            record["arrays"] = str(self.out / f"{stem}.npz")
        if self.options.as_json:
            progress.say(json.dumps(record))
            return
        progress.say(f"{example.name}  {found.summary_line()}  {path}")
        for line in found.notes():
            progress.say(f"  {line}")

    def _free_stem(self, example: kinds.NewExample) -> str:
        """A file name that no other example of this call has."""
        name = Path(str(example.place.get("path", example.name))).stem or "picture"
        if "frame" in example.place:
            name += f"-{example.place['frame']}"
        stem, number = name, 1
        while stem in self.written:
            number += 1
            stem = f"{name}-{number}"
        self.written.add(stem)
        return stem

    def _tell_cost(self) -> None:
        if self.options.as_json or not self.seconds:
            return
        costs = [f"{name} {sum(times) / len(times):.2g} s" for name, times in self.seconds.items()]
        say(f"a map took: {', '.join(costs)}")


def _each(examples: kinds.NewExamples) -> Iterator[kinds.NewExample]:
    for batch in examples.batches:
        yield from batch
