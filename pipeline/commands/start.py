"""``saccade start PATH``: look at files, say what they are, and write the dataset and the run that suit them.

What the files may be, each source says (``recognise`` in saccade/datasets/); what suits the examples, their kind does
(``recommend`` in saccade/kinds/). A reading is chosen, the split decided, and both are written.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ruamel.yaml.error import YAMLError

from pipeline.commands.add import insert, read, values, write
from pipeline.commands.decided_entries import entry_lines, resources_of_this_machine, task_for
from pipeline.commands.start_reading import Ask, Decision, Question, choose, settle
from pipeline.console import say
from pipeline.params.cross_checks import name_problem
from pipeline.params.load import load_params
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.core.messages import printable
from saccade.recognition.look import Look, look_at

_NO_NAMES = ("datasets", "null", "true", "false", "yes", "no", "on", "off")  # of runs, or words that YAML reads


def start(
    file: Path,
    place: Path,
    name: str | None,
    *,
    minutes: float,
    ask: Ask | None,
    takes_first: bool,
    stated: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Look at a folder, an archive or a file, and write a dataset and a run for it, both called the same.

    Args:
        file: params.yaml.
        place: the folder, archive or file, absolute.
        name: name of the dataset and of the run; None: made of the path.
        minutes: minutes that the training may take.
        ask: function that asks the one question there may be; None: nobody can be asked.
        takes_first: whether the first answer is taken without a question.
        stated: arguments of the source that the user states.

    Raises:
        UserError: nothing that a source reads is there, it could be read in two ways and nobody can be asked, or the
            name is taken.
    """
    params, text = load_params(file), read(file)
    name = name or name_of(place)
    _refuse_name(name, values(text), file)
    look = look_at(place, _written(place))
    say(f"{look.place}: {look.in_words()}")
    question = Question(look.place, ask, takes_first)
    choice = choose(look, question, stated)
    for line in choice.reading.seen:
        say(f"  {line}")
    say(f"  read as {printable(choice.reading.meaning)}")
    for line in choice.reading.odd:
        say(f"  note: {line}")
    decision = settle(choice, question, seed=params.seed, resources=resources_of_this_machine(minutes))
    for line in decision.notes:
        say(f"  note: {line}")
    write(file, _with_entries(text, name, decision))
    say(f"decided: {_summary(decision)}")
    for key, reason in decision.reasons.items():
        say(f"  {key}: {printable(reason)}")
    say(f"added datasets.{name} and runs.{name} to {file}; every line there may be changed. Next:")
    say(f"  saccade repro evaluate@{name}")
    say(f"  saccade predict {name} {_new_example(decision.form, look)}")


def stated_arguments(texts: Sequence[str]) -> dict[str, Any]:
    """What ``--set KEY=VALUE`` says.

    >>> stated_arguments(["day_first=true", "missing_values=[-200]"])
    {'day_first': True, 'missing_values': [-200]}

    Args:
        texts: each a key, an equals sign and a value as YAML writes it.

    Returns:
        Keys and values.

    Raises:
        UserError: one has no equals sign, or its value is no YAML.
    """
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UserError(f"--set ({text}) must be KEY=VALUE, such as day_first=true")
        try:
            found[key.strip()] = values(f"value: {value}")["value"]
        except YAMLError as error:
            raise UserError(
                f"--set ({text}): the value must be as params.yaml would have it; put a text that holds braces, "
                f"brackets, # or : into quotation marks of its own, such as --set \"{key}='{value}'\""
            ) from error
    return found


# --- names ------------------------------------------------------------------------------------------------------------


def name_of(place: Path) -> str:
    """A name for a dataset and a run, made of a path: its last part, less what no name may hold.

    >>> name_of(Path("/data/Caf\\u00e9 photos (2).tar.gz")), name_of(Path("/data/2023"))
    ('cafe-photos-2', 'data-2023')
    """
    last = re.sub(r"(?i)(\.tar)?\.[a-z][a-z0-9]{0,7}(\.gz)?$", "", place.name) or place.name
    plain = unicodedata.normalize("NFKD", last).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")
    return f"data-{words}".rstrip("-") if not words or words.isdigit() or words in _NO_NAMES else words


def _refuse_name(name: str, whole: Mapping[str, Any], file: Path) -> None:
    for section in ("datasets", "runs"):
        if wrong := name_problem(section, name):
            raise UserError(f"--name: {wrong}")
        if name in whole[section]:
            raise UserError(f"{section} of {file} has {name!r} already: give another name with --name")


def _written(place: Path) -> str:
    """The path as params.yaml names it: from the project where it lies in there, else from the home or the root."""
    for base, before in ((Path.cwd(), ""), (Path.home(), "~/")):
        if place.is_relative_to(base) and place != base:
            return before + place.relative_to(base).as_posix()
    return place.as_posix()


# --- what is written and said -----------------------------------------------------------------------------------------


def _with_entries(text: str, name: str, decision: Decision) -> str:
    """The text of params.yaml with the dataset and the run."""
    found, reading = decision.found, decision.choice.reading
    dataset = {
        "source": decision.choice.source_block,
        "split": dict(decision.split),
        "preprocess": _short(decision.form, found.preprocess, reading.preprocess),
        "augment": dict(found.augment),
    }
    run = {
        "dataset": name,
        "task": {"name": task_for(registry.labels_of_source(decision.choice.source, reading.arguments))},
        "model": dict(found.model),
        "train": dict(found.train),
        "evaluate": dict(found.evaluate),
    }
    text = insert(text, "datasets", entry_lines(name, dataset, decision.reasons, reading.meaning))
    return insert(text, "runs", entry_lines(name, run, decision.reasons, _summary(decision)))


def _summary(decision: Decision) -> str:
    minutes = decision.found.minutes
    if minutes is None:
        return decision.found.summary
    about = "a minute or less" if minutes <= 1 else f"{minutes:.0f} minutes"
    return f"{decision.found.summary}, about {about} of training"


def _short(form: str, found: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """What was decided, less what is the default anyway."""
    known = registry.keyword_arguments("kinds", form, "prepare")
    return {
        key: value for key, value in found.items() if key in asked or known[key].required or value != known[key].default
    }


def _new_example(form: str, look: Look) -> str:
    """What may be given to ``saccade predict``."""
    if form == "tokens/long_texts":
        return '--prompt "..."'
    if form == "tokens/labelled_texts":
        return '--text "..."'
    return look.place if form == "series/series_to_forecast" and look.is_file else "FILES"
