"""Preparing: which file of a kind prepares a source's examples, what it is given, and what it gives back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saccade.core import registry
from saccade.core.errors import UserError
from saccade.core.progress import Progress, no_progress
from saccade.kinds.offers import none, offered

if TYPE_CHECKING:
    from saccade.data.prepared import DatasetInfo
    from saccade.display.page import Line, Section
    from saccade.prepare.split_settings import SplitSettings


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
    yield from offered(kind, "problems", none)(name, source, preprocess, split)
