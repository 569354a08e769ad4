"""New examples: files, arrays and bytes that a trained network is asked about."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saccade.core import registry
from saccade.core.errors import UserError
from saccade.kinds.offers import nothing, offered

if TYPE_CHECKING:
    import numpy as np

    from saccade.data.spec import Spec


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
    return tuple(offered(spec.kind, "INPUTS", ("PATH",))) if is_offered else ()


def how_to_give(spec: "Spec", run: str) -> str:
    """What to do where nothing, or the wrong thing, was given to predict."""
    return str(offered(spec.kind, "GIVE", "give files: `saccade predict {run} PATH...`")).format(run=run)


def array_type(spec: "Spec") -> str:
    """What an array of new examples holds, as NumPy calls it: float32, or ``NEW_ARRAYS`` of the kind; str for texts."""
    return str(offered(spec.kind, "NEW_ARRAYS", "float32"))


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
    found: np.ndarray = offered(spec.kind, "from_array", _finite_numbers)(spec, examples)
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
    read = offered(spec.kind, "from_bytes", None)
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
    read = offered(reading.spec.kind, "read_new", None)
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
    found: dict[str, Any] = offered(reading.spec.kind, "measures_of_new", nothing)(reading, examples)
    return found


def _finite_numbers(spec: "Spec", examples: "np.ndarray") -> "np.ndarray":
    import numpy as np

    real = examples
    if spec.is_padded:  # behind the end of a series nothing but NaN follows
        is_nan_NT = np.isnan(examples).all(axis=2)
        real = examples[~np.logical_and.accumulate(is_nan_NT[:, ::-1], axis=1)[:, ::-1]]
    if not np.isfinite(real).all():
        raise ValueError(f"{spec.plural} must hold finite numbers: fill in what is missing")
    return examples.astype(np.float32)
