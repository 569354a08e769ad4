"""One folder a kind of data, behind one protocol: reading, checks, preparing, its sections of pages, its baseline.

What several kinds share belongs to prepare/, display/ or report/.

A kind is a folder; its name is the ``KIND`` of the sources that give it. Everything outside asks the functions below,
and never which kind it is. Its ``__init__.py`` imports nothing heavy, for ``saccade check`` reads it, and holds

    LAYOUT   = "image"                    one of ``data.spec.LAYOUTS``: what networks it can be given to
    PLURAL   = "images"                   what several examples are called
    FORMS    = {"classes": "images"}      the ``LABELS`` of a source to the file of this folder that prepares them

and, where the kind has them, the functions ``problems``, ``recommend``, ``baseline_run``, ``baseline``,
``features_baseline``, ``beside_answers``, ``properties``, ``draw_mistakes``, ``draw_examples``, ``excerpts``,
``from_array``, ``from_bytes``, ``measures_of_new`` and ``read_new``, each described at the function of that name here,
or at ``baselines``. The file of a form holds

    SPLIT    = ("group_by", "folds")      which keys of ``split:`` it takes besides test, validation, order and seed
    def prepare(examples, job, *, size: ..., fit: ... = "stretch") -> Prepared

whose keyword arguments are the ``preprocess:`` block of params.yaml: annotations say what each may be (plain types,
``Literal``, ``core.options``), defaults what is optional, and the ``Args`` of its docstring what each means.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saccade.core import registry
from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress

if TYPE_CHECKING:
    import numpy as np

    from saccade.data.prepared import DatasetInfo, Split
    from saccade.data.spec import Spec
    from saccade.display.page import Line, Section
    from saccade.evaluate.about_data.slices import Property
    from saccade.kinds.origins import Origins
    from saccade.prepare.split_settings import SplitSettings


# --- preparing --------------------------------------------------------------------------------------------------------


def _say_nothing(line: str) -> None:
    """The default where nobody listens."""


@dataclass(frozen=True)
class Job:
    """Where a dataset is prepared, and what was decided about its splits.

    Attributes:
        folder: empty folder for the arrays; the caller moves it into place.
        samples: path of a PNG that the form may draw, for whoever reads the page as Markdown.
        split: what ``split:`` asks for.
        views_address: address of a sheet of augmented views, relative to the page; None: there will be none.
        say: function that is called with a line for people.
        warn: function that is called with a line that people should not miss.
        progress: callback with examples done so far.
    """

    folder: Path
    samples: Path
    split: "SplitSettings"
    views_address: str | None = None
    say: Callable[[str], None] = _say_nothing
    warn: Callable[[str], None] = _say_nothing
    progress: Progress = no_progress


@dataclass(frozen=True)
class Prepared:
    """A dataset that was written, and what its page says.

    Attributes:
        info: contents of dataset.json.
        sections: sections of the page, in their order.
        lead: first sentence of the page; empty: one is made of classes or targets.
        things: word for what the arrays hold, such as windows; empty: the kind's own word.
        asks: words for what is predicted; empty: they are made of classes or targets.
        notes: lines in which the source says what it left out; None of what was generated.
    """

    info: "DatasetInfo"
    sections: "Sequence[Section]"
    lead: "Line" = ()
    things: str = ""
    asks: str = ""
    notes: Sequence[str] | None = None


def form_of(kind: str, labels: str) -> str:
    """The file that prepares examples of such labels, as the registry names it.

    Args:
        kind: name of a kind.
        labels: ``LABELS`` of a source.

    Returns:
        A name such as "tokens/long_texts".

    Raises:
        UserError: the kind knows no such labels.
    """
    forms = registry.constant("kinds", kind, "FORMS")
    if labels not in forms:
        raise UserError(
            f"LABELS ({labels!r}) of a source of kind {kind} must be one of {', '.join(map(repr, forms))}: correct the "
            "source, or give the kind a form for it"
        )
    return f"{kind}/{forms[labels]}"


def forms(kind: str) -> list[str]:
    """All forms of a kind, as the registry names them, each once."""
    return [f"{kind}/{name}" for name in dict.fromkeys(registry.constant("kinds", kind, "FORMS").values())]


def words_for(form: str) -> str:
    """What the examples of a form are called.

    >>> words_for("tokens/long_texts")
    'long texts'
    """
    return form.split("/")[1].replace("_", " ")


def prepare(form: str, examples: Any, job: Job, options: Mapping[str, Any]) -> Prepared:
    """Check, split and write the examples of a source.

    Args:
        form: from ``form_of``.
        examples: what the source's ``read`` gave.
        job: where, and how they are split.
        options: ``preprocess:`` of the dataset, defaults filled in.

    Returns:
        What was written, and what the page says of it.
    """
    prepared: Prepared = registry.module("kinds", form).prepare(examples, job, **options)
    return prepared


def problems(
    form: str, source: str, preprocess: Mapping[str, Any], split: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, str], str]]:
    """What is wrong with values of ``preprocess`` and ``split`` that are right one by one.

    Args:
        form: from ``form_of``.
        source: name of the source, for messages.
        preprocess: block of the file, in which anything may be of the wrong type.
        split: likewise.

    Yields:
        Block and key, such as ("split", "order"), and what is wrong.
    """
    kind, name = form.split("/")
    yield from _offered(kind, "problems", _none)(name, source, preprocess, split)


# --- recommending -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Resources:
    """What a training may cost.

    Attributes:
        minutes: minutes that it may take, above 0.
        cores: number of processor cores.
        has_gpu: whether there is a GPU that torch can use.
        has_weights: function from a model's name to whether its published weights are at hand without a download.
    """

    minutes: float
    cores: int
    has_gpu: bool
    has_weights: Callable[[str], bool]


@dataclass(frozen=True)
class Recommendation:
    """Blocks of params.yaml for a dataset and a run.

    Attributes:
        summary: line that says what was decided.
        preprocess: block of the dataset.
        augment: block of the dataset.
        model: block of the run.
        train: block of the run.
        evaluate: block of the run.
        reasons: reason for a value, by its dotted key, such as "train.finetune".
        minutes: minutes that the training will take, about; None: nobody knows.
    """

    summary: str
    preprocess: Mapping[str, Any]
    augment: Mapping[str, Any]
    model: Mapping[str, Any]
    train: Mapping[str, Any]
    evaluate: Mapping[str, Any] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    minutes: float | None = None


def recommend(
    form: str, examples: Any, preprocess: Mapping[str, Any], split: "SplitSettings", resources: Resources
) -> Recommendation:
    """Settings for a dataset that nobody has tuned anything for.

    Args:
        form: from ``form_of``.
        examples: what the source's ``read`` gave.
        preprocess: block of the dataset; what is no matter of learning stays. Required keys that are missing, such as
            the length of a window, are decided from the examples.
        split: how the examples will be divided.
        resources: what a training may cost.

    Returns:
        Plain settings, each with its reason.

    Raises:
        UserError: the kind recommends nothing.
    """
    kind, name = form.split("/")
    decide = _offered(kind, "recommend", None)
    if decide is None:
        raise UserError(f"nothing is recommended for {kind} yet: `saccade recipes` lists settings to begin with")
    found: Recommendation = decide(name, examples, preprocess, split, resources)
    return found


def baseline_run(form: str, name: str, preprocess: Mapping[str, Any]) -> Recommendation | None:
    """A baseline of a dataset as a run of its own, which is kept, asked and compared as any other.

    Args:
        form: from ``form_of``.
        name: ``Baseline.name``: empty for the first one.
        preprocess: block of the dataset, defaults filled in.

    Returns:
        Settings of a model that does what the baseline does; None where there is none.
    """
    kind, own = form.split("/")
    found: Recommendation | None = _offered(kind, "baseline_run", _none_of)(own, name, preprocess)
    return found


# --- measuring --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Baseline:
    """A simple model to compare a network with.

    Attributes:
        method: a few words on how it works.
        measure: function from the training, validation and test split to metrics of the test split; it may give
            ``outcomes``, metric name to its value on each test example, and ``outcome_places`` where it looked at some.
        metrics: names of those metrics that are compared with the network's.
        code: files whose text decides the metrics, which are kept as long as these stay the same; none: it is quick.
        name: word that its metrics carry where a kind has several; empty for the first.
        decided_by: digest of what else decides the metrics, such as weights.
        check: function that raises ``UserError`` where something is missing that ``measure`` needs.
    """

    method: str
    measure: "Callable[[Split, Split, Split], dict[str, Any]]"
    metrics: Sequence[str]
    code: Sequence[Path] = ()
    name: str = ""
    decided_by: str = ""
    check: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class FrozenFeatures:
    """What a network that was trained elsewhere makes of examples; a kind may fit a linear model to it.

    Attributes:
        network: name of the network, such as efficientnet_lite0.
        read: function from examples as a split holds them, such as uint8 (N, H, W, C), to float32 (N, D).
        decided_by: digest of its weights and code.
        check: function that raises ``UserError`` where the weights are missing, or examples do not suit the network.
        progress: callback that gets the number of examples done.
    """

    network: str
    read: "Callable[[np.ndarray], np.ndarray]"
    decided_by: str
    check: Callable[[], object]
    progress: Progress = no_progress


def baselines(info: "DatasetInfo", features: FrozenFeatures | None = None) -> list[Baseline]:
    """The simple models for a dataset.

    A kind offers ``baseline(info)`` and ``features_baseline(info, features)``, of which each may answer None.

    Args:
        info: of the prepared dataset.
        features: what a network that was trained elsewhere makes of the examples; None: it is not asked.

    Returns:
        None of them where the kind has none, or the task brings its own.
    """
    kind = info.spec.kind
    found = [_offered(kind, "baseline", _none_of)(info)]
    if features is not None:
        found.append(_offered(kind, "features_baseline", _none_of)(info, features))
    return [each for each in found if each is not None]


def beside_answers(info: "DatasetInfo", splits: "Sequence[Split] | None" = None) -> dict[str, Any]:
    """What a task is given beside a network's answers on the test split.

    Args:
        info: of the prepared dataset.
        splits: training, validation and test, from which simple models may learn; None: nothing that takes time.

    Returns:
        Name to value, of those that the task's ``evaluate`` may take by name.
    """
    found: dict[str, Any] = _offered(info.spec.kind, "beside_answers", _nothing)(info, splits)
    return found


def properties(split: "Split", spec: "Spec", origins: "Origins") -> "list[Property]":
    """What the examples of a split differ in besides their labels, for errors may differ by it.

    Args:
        split: examples of a prepared dataset.
        spec: of the dataset.
        origins: where these examples come from, in the order of the split.

    Returns:
        What the kind knows, such as the size of an image; the length where lengths differ, the group where there are
        groups.
    """
    import numpy as np

    from saccade.evaluate.about_data.slices import Property

    found: list[Property] = list(_offered(spec.kind, "properties", _none)(split, spec, origins))
    if spec.has_lengths:
        import torch

        from saccade.batching.length_buckets import stored_lengths

        unit = "columns" if spec.layout == "image" else spec.unit or "steps"
        found.append(Property("length", stored_lengths(torch.from_numpy(split.examples)).numpy(), unit))
    if len(origins.groups):
        found.append(Property("group", np.array(origins.groups)))
    return found


def draw_mistakes(
    folder: Path,
    probabilities_NK: "np.ndarray",
    test: "Split",
    spec: "Spec",
    thresholds: Sequence[float] = (),
    names: Sequence[str] = (),
) -> None:
    """Show the examples that a classifier was wrong about, the surest first.

    Args:
        folder: gets mistakes.csv, and mistakes.png where the kind has a way to draw its examples.
        probabilities_NK: float32, the network's answers in the order of the test split.
        test: the test split.
        spec: of the dataset.
        thresholds: probability from which an example has each class, where it may have several; none elsewhere. A kind
            whose ``draw_mistakes`` takes none shows nothing of such.
        names: what each example of the test split is found by, such as its file; none: its row. A kind whose
            ``draw_mistakes`` takes none shows rows.
    """
    draw = _offered(spec.kind, "draw_mistakes", _nothing)
    taken = inspect.signature(draw).parameters
    named = {"names": names} if len(names) and "names" in taken else {}
    if not thresholds:
        draw(folder, probabilities_NK, test, spec, **named)
    elif "thresholds" in taken:
        draw(folder, probabilities_NK, test, spec, thresholds=thresholds, **named)

    if not (folder / "mistakes.csv").exists():
        from saccade.kinds.mistakes import write_mistakes

        write_mistakes(folder / "mistakes.csv", probabilities_NK, test, spec, thresholds, names)


def draw_examples(
    path: Path, examples: "np.ndarray", captions: Sequence[tuple[str, str, str]], title: str, spec: "Spec"
) -> bool:
    """Draw some examples side by side, where the kind has a way to.

    Args:
        path: the PNG to write.
        examples: as a split holds them, such as uint8 (n, H, W, C).
        captions: three lines above each.
        title: lines above all.
        spec: of the dataset.

    Returns:
        Whether it was drawn.
    """
    draw = _offered(spec.kind, "draw_examples", None)
    if draw is not None:
        draw(path, examples, captions, title)
    return draw is not None


def excerpts(examples: "np.ndarray", spec: "Spec") -> list[str]:
    """The beginning of each example as text, for a cell of a table; none of a kind whose examples are no text.

    Args:
        examples: as a split holds them, such as int32 (n, T).
        spec: of the dataset.

    Returns:
        n texts, or none.
    """
    return list(_offered(spec.kind, "excerpts", _none)(examples, spec))


# --- new examples -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NewExample:
    """An example that a trained network is asked about.

    Attributes:
        name: text for the first column of a table.
        place: what says which one it is in JSON.
        array: the example as the network takes it, one row of a split; or what is wrong with it, a text that goes on
            after the example's name.
    """

    name: str
    place: Mapping[str, Any]
    array: "np.ndarray | UserError"


@dataclass
class NewExamples:
    """Examples that a trained network is asked about, read while it answers.

    Attributes:
        title: title of the table's first column.
        names: names that may come, for the width of that column.
        batches: the examples, some at a time.
        total: how many there are.
        batch_size: examples that are best answered at once; None: as many as ``evaluate:`` says.
        warnings: lines that are complete once all batches were read: what was cut off or passed over.
        files: files that they are read from, relative to ``Reading.here``.
        columns: keys that an example's ``place`` may have, in the order of a table's columns, and their types.
        pick: function from numbers of examples, from 0 and rising, to these examples, which does not read the others;
            None: the kind has none, and all are read.
    """

    title: str
    names: Iterable[str]
    batches: Iterable[Sequence[NewExample]]
    total: int
    batch_size: int | None = None
    warnings: list[str] = field(default_factory=list)
    files: Sequence[str] = ()
    columns: Mapping[str, type] = field(default_factory=lambda: {"path": str})
    pick: Callable[[Sequence[int]], Iterable[Sequence[NewExample]]] | None = None

    def picked(self, numbers: Sequence[int]) -> Iterable[Sequence[NewExample]]:
        """Some of the examples, batch by batch.

        Args:
            numbers: numbers of examples, from 0 and rising.

        Returns:
            These examples in order; others are read only where the kind cannot pass over them.
        """
        if len(numbers) == self.total:
            return self.batches
        return self._among_all(numbers) if self.pick is None else self.pick(numbers)

    def _among_all(self, numbers: Sequence[int]) -> Iterator[Sequence[NewExample]]:
        wanted, first = set(numbers), 0
        for batch in self.batches:
            found = [one for number, one in enumerate(batch, start=first) if number in wanted]
            first += len(batch)
            if found:
                yield found


@dataclass(frozen=True)
class Reading:
    """What is to be read for a trained network, and how files of its dataset are read.

    Attributes:
        run: name of the run, for messages.
        spec: what the network takes.
        paths: files, folders and patterns, relative to ``here``.
        texts: texts themselves.
        here: folder that paths are relative to.
        source: arguments of the dataset's source: columns, encoding.
        preprocess: ``preprocess:`` of the dataset.
        holds: what a file of the source holds, ``NEW_EXAMPLES`` of it, where that is several examples; empty: one.
    """

    run: str
    spec: "Spec"
    paths: Sequence[str] = ()
    texts: Sequence[str] = ()
    here: Path = Path()
    source: Mapping[str, Any] = field(default_factory=dict)
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    holds: str = ""


def inputs_of(spec: "Spec") -> tuple[str, ...]:
    """What the command line may give of new examples: "PATH", "--text"; nothing where none can be read."""
    is_offered = hasattr(registry.module("kinds", spec.kind), "read_new")
    return tuple(_offered(spec.kind, "INPUTS", ("PATH",))) if is_offered else ()


def how_to_give(spec: "Spec", run: str) -> str:
    """What to do where nothing, or the wrong thing, was given to predict."""
    return str(_offered(spec.kind, "GIVE", "give files: `saccade predict {run} PATH...`")).format(run=run)


def array_type(spec: "Spec") -> str:
    """What an array of new examples holds, as NumPy calls it: float32, or ``NEW_ARRAYS`` of the kind; str for texts."""
    return str(_offered(spec.kind, "NEW_ARRAYS", "float32"))


def from_array(spec: "Spec", examples: "np.ndarray") -> "np.ndarray":
    """New examples that somebody gives as an array, as they would lie in data/prepared.

    Args:
        spec: what the network takes.
        examples: any type of number, (N, *spec.shape).

    Returns:
        Array of ``array_type``.

    Raises:
        ValueError: a value is none that such examples have.
    """
    found: np.ndarray = _offered(spec.kind, "from_array", _finite_numbers)(spec, examples)
    return found


def from_bytes(spec: "Spec", content: bytes) -> "np.ndarray":
    """One new example of the bytes of a file, as it would lie in data/prepared.

    Args:
        spec: what the network takes.
        content: bytes of the file.

    Returns:
        Array of ``array_type``, ``spec.shape``.

    Raises:
        UserError: the bytes are no such file, or examples of the kind are no files.
    """
    read = _offered(spec.kind, "from_bytes", None)
    if read is None:
        raise UserError(f"{spec.plural} must be given as arrays or texts, not as the bytes of a file")
    found: np.ndarray = read(spec, content)
    return found


def read_new(reading: Reading) -> NewExamples:
    """Read new examples as the network takes them.

    Args:
        reading: what, and for which network.

    Returns:
        The examples; they are read while they are asked for.

    Raises:
        UserError: there is nothing to read, or the kind reads no new examples.
    """
    read = _offered(reading.spec.kind, "read_new", None)
    if read is None:
        raise UserError(
            f"{reading.run} takes {reading.spec.plural}, of which no new ones are read from files: give arrays to "
            "saccade.load(...).outputs()"
        )
    found: NewExamples = read(reading)
    return found


def measures_of_new(reading: Reading, examples: Sequence[NewExample]) -> "dict[str, np.ndarray]":
    """What was known of new examples before they were prepared, as origins.csv has it of a dataset's own.

    Args:
        reading: where they are from.
        examples: examples that could be read.

    Returns:
        Name of a measure, such as height, to float (N,); empty where the kind knows none.
    """
    found: dict[str, Any] = _offered(reading.spec.kind, "measures_of_new", _nothing)(reading, examples)
    return found


# --- what a kind leaves out -------------------------------------------------------------------------------------------


def _offered(kind: str, name: str, default: Any) -> Any:
    return getattr(registry.module("kinds", kind), name, default)


def _none(*arguments: Any) -> Iterable[Any]:
    return ()


def _none_of(*arguments: Any) -> None:
    return None


def _finite_numbers(spec: "Spec", examples: "np.ndarray") -> "np.ndarray":
    import numpy as np

    real = examples
    if spec.is_padded:  # behind the end of a series nothing but NaN follows
        is_nan_NT = np.isnan(examples).all(axis=2)
        real = examples[~np.logical_and.accumulate(is_nan_NT[:, ::-1], axis=1)[:, ::-1]]
    if not np.isfinite(real).all():
        raise ValueError(f"{spec.plural} must hold finite numbers: fill in what is missing")
    return examples.astype(np.float32)


def _nothing(*arguments: Any) -> dict[str, Any]:
    return {}
