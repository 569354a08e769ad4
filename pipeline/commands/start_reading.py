"""How ``saccade start`` reads files: the surest source, one question at most, and what suits the examples."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.commands.add import flow
from pipeline.commands.start_split import decide_split
from pipeline.console import Progress, say
from pipeline.params.problems import nearest
from pipeline.schema.preprocess import form_of_source
from saccade import kinds
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.recognition.look import Look
from saccade.recognition.recognised import LIKELY, Recognised, Unusable
from saccade.recognition.samples import standing_for_more

Ask = Callable[[str, Sequence[str]], int]
"""``ask(question, answers)``: the place of the answer that was chosen, from 0."""

_LAYOUTS = (
    "pictures or texts with a folder a class, a table of pictures, texts or series beside the files that it names, a "
    "table whose rows are steps of time, or one long text"
)
# Files that people have, and no source reads: what to make of them.
_NOT_READ = {
    (
        ".wav",
        ".mp3",
        ".flac",
        ".ogg",
        ".m4a",
    ): "Sounds become pictures (spectrograms), a folder a class, or CSV files of "
    "their samples, which a table names; then start with these.",
    (
        ".mp4",
        ".avi",
        ".mov",
        ".mkv",
        ".webm",
    ): "Save frames of the films as pictures, a folder a class; then start with these.",
    (
        ".pdf",
        ".doc",
        ".docx",
        ".html",
        ".htm",
        ".xml",
    ): "Save the texts as .txt files, a folder a class, or in a table; then start with these.",
    (".pkl", ".pickle", ".pt", ".pth", ".joblib"): "Pickles can run code and are never opened: save arrays as .npz, "
    "tables as .csv; then start with these.",
    (".7z", ".rar"): "Unpack it, and start with the folder.",
}


@dataclass(frozen=True)
class Choice:
    """A source, and how it reads what was looked at."""

    source: str
    reading: Recognised

    @property
    def source_block(self) -> dict[str, Any]:
        """The block ``source:`` of the dataset."""
        return {"name": self.source, **self.reading.arguments}

    def with_arguments(self, arguments: Mapping[str, Any]) -> "Choice":
        """The same with further arguments of the source."""
        return Choice(self.source, replace(self.reading, arguments={**self.reading.arguments, **arguments}))


@dataclass(frozen=True)
class Decision:
    """What was decided for a choice.

    Attributes:
        choice: the source and its reading.
        form: form of its examples, such as "image/images".
        split: block of the dataset.
        found: what the kind recommends.
        reasons: reason for a value, by its dotted key.
        notes: lines of the source for people.
    """

    choice: Choice
    form: str
    split: Mapping[str, Any]
    found: kinds.Recommendation
    reasons: Mapping[str, str]
    notes: Sequence[str]


@dataclass
class Question:
    """The one question that may be asked.

    Attributes:
        place: what is asked about.
        ask: function that asks it; None: nobody can be asked.
        takes_first: whether the first answer is taken without asking.
        is_asked: whether it has been.
    """

    place: str
    ask: Ask | None
    takes_first: bool
    is_asked: bool = False

    def choose(self, question: str, answers: Sequence[str]) -> int:
        """The place of the answer, from 0; the first where the user wants no question.

        Args:
            question: the question, or what makes it necessary.
            answers: two or more.

        Returns:
            Its place.

        Raises:
            UserError: nobody can be asked, or a question was asked already.
        """
        if self.takes_first:
            say(f"  note: {question}; --yes takes the first: {answers[0]}; not {answers[1]}")
            return 0
        if self.ask is None or self.is_asked:
            listed = "".join(f"\n  {place}. {answer}" for place, answer in enumerate(answers, start=1))
            why = "this is a second question" if self.is_asked else "there is no terminal to ask on"
            raise UserError(f"{question}, and {why}: --yes takes the first, --set KEY=VALUE says which{listed}")
        self.is_asked = True
        return self.ask(question, answers)


# --- which source -----------------------------------------------------------------------------------------------------


def choose(look: Look, question: Question, stated: Mapping[str, Any]) -> Choice:
    """Ask all sources, and take the surest reading; of several as sure, what the user says.

    Args:
        look: what there is.
        question: the question that may be asked.
        stated: arguments of the source that the user states.

    Returns:
        The source and its arguments.

    Raises:
        UserError: no source reads what is there, with the reason of the one that comes nearest.
    """
    found, hindrances, unknown = [], [], {}
    for source in registry.names("datasets"):
        recognise = getattr(registry.module("datasets", source), "recognise", None)
        for reading in recognise(look) if recognise is not None else ():
            if isinstance(reading, Unusable):
                hindrances.append(reading)
            elif set(stated) <= _keys_of(source):
                found.append(Choice(source, reading).with_arguments(stated))
            else:
                unknown[source] = min(set(stated) - _keys_of(source))
    surest = max((choice.reading.sureness for choice in found), default=0)
    hindrance = max(hindrances, key=lambda each: each.sureness, default=None)
    if hindrance is not None and surest < LIKELY and hindrance.sureness > surest:
        raise UserError(hindrance.why)
    choices = [choice for choice in found if choice.reading.sureness == surest]
    if not choices and unknown:
        source, key = next(iter(unknown.items()))
        raise UserError(f"--set: {source} knows no {key!r}; {nearest(key, sorted(_keys_of(source)))}")
    if not choices:
        raise UserError(f"{look.place} ({look.in_words()}) is nothing that a source recognises. {_remedy(look)}")
    if len(choices) == 1:
        return choices[0]
    answers = [f"{choice.reading.meaning}   source: {flow(choice.source_block)}" for choice in choices]
    return choices[question.choose(f"{look.place} can be read in {len(choices)} ways", answers)]


def _keys_of(source: str) -> set[str]:
    """What params.yaml may say of a source."""
    return {key for function in ("fetch", "read") for key in registry.keyword_arguments("datasets", source, function)}


def _remedy(look: Look) -> str:
    """What to do with files that no source reads."""
    (suffix, _), *_ = look.suffixes.most_common(1)
    for suffixes, remedy in _NOT_READ.items():
        if suffix in suffixes:
            return remedy
    return f"It may be {_LAYOUTS}"


# --- what suits its examples ------------------------------------------------------------------------------------------


def settle(choice: Choice, question: Question, *, seed: int, resources: kinds.Resources) -> Decision:
    """Read the examples and decide; where reading stops with a question, find or ask for the answer.

    Args:
        choice: the source and its reading.
        question: the question that may be asked.
        seed: seed of the splits.
        resources: what a training may cost.

    Returns:
        What was decided, with the arguments that settle the question.

    Raises:
        UserError: the source, the split or the kind refuses the examples, whatever the answer.
    """
    try:
        return _decide(choice, seed, resources)
    except UserError as error:
        decisions, answers = [], []
        for extra in choice.reading.alternatives:
            is_asked = any(key in str(error) for key in extra)
            if not is_asked or set(extra) & set(choice.reading.arguments) or not set(extra) <= _keys_of(choice.source):
                continue
            try:
                decisions.append(_decide(choice.with_arguments(extra), seed, resources))
            except UserError:
                continue
            answers.append(flow(dict(extra)).strip("{}"))
        if not decisions:
            raise
        if len(decisions) == 1:
            say(f"  note: {error}. Read with {answers[0]}, for no other answer fits all rows")
            return decisions[0]
        return decisions[question.choose(str(error).rstrip("."), answers)]


def _decide(choice: Choice, seed: int, resources: kinds.Resources) -> Decision:
    reading, form = choice.reading, form_of_source(choice.source, choice.reading.arguments)
    with _examples(choice) as (examples, times):
        split = decide_split(examples, reading, seed)
        whole = standing_for_more(examples, times)
        found = kinds.recommend(form, whole, reading.preprocess, split.settings, resources)
        reasons = {**reading.reasons, **split.reasons, **found.reasons}
        return Decision(choice, form, split.block, found, reasons, tuple(examples.notes))


@contextmanager
def _examples(choice: Choice) -> Iterator[tuple[Any, int]]:
    """Examples of a reading, and how many times as many there are; what was fetched for them is gone afterwards."""
    if choice.reading.examples is not None:
        yield choice.reading.examples(), 1
        return
    module = registry.module("datasets", choice.source)
    arguments: Mapping[str, Any] = choice.reading.arguments
    home = paths.home() / ".saccade"
    home.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="start-", dir=home) as scratch:
        folder, times = Path(scratch, "raw"), 1
        folder.mkdir()
        if choice.reading.sample is not None:
            arguments, times = choice.reading.sample(Path(scratch).absolute())
        with Progress("bytes") as progress:
            registry.call_with_supported(module.fetch, folder, progress=progress, **arguments)
        yield registry.call_with_supported(module.read, folder, **arguments), times
