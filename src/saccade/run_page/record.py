"""Where the run comes from: its data, its settings, how it is made again, and what can be checked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from saccade.core.messages import pluralise
from saccade.display.page import Code, Line, Name
from saccade.evaluate.intervals import accuracy_interval
from saccade.run_page.blocks import Block, Cell, DataTable, Link, Number, RunSection, Verbatim

_SMALL_TEST = 100  # examples; below, an interval spans several per cent whatever was measured
_TOLD = ("versions", "processor", "device", "data", "answers_sha256", "beside_baseline")  # of evaluated.json, elsewhere
_UNEQUAL = 3  # largest class by the smallest


@dataclass(frozen=True)
class Setting:
    """A value of params.yaml beside its default.

    Attributes:
        key: such as "train.epochs".
        value: value of the run, as YAML writes it.
        default: default, likewise; empty where there is none.
    """

    key: str
    value: str
    default: str = ""


@dataclass(frozen=True)
class Surroundings:
    """What the application knows of a run beside the files in its folder.

    Attributes:
        task: name of the task.
        counts: number of examples, by split.
        class_counts: number of training examples of each class, by the class's name; empty without classes.
        test_class_counts: likewise of the test split.
        findings: what the checks of the dataset found, as findings.json holds it.
        dataset_page: address of the page of the dataset, relative to the run's; empty: there is none.
        settings: values that differ from their defaults; None: it is not known which do.
        version: version of saccade that evaluated.
        date: moment of the evaluation, in ISO 8601.
        verdict: words of ``difference_in_words`` on the main metric and the better baseline; empty: none.
    """

    task: str
    counts: Mapping[str, int] = field(default_factory=dict)
    class_counts: Mapping[str, int] = field(default_factory=dict)
    test_class_counts: Mapping[str, int] = field(default_factory=dict)
    findings: Sequence[Mapping[str, Any]] = ()
    dataset_page: str = ""
    settings: Sequence[Setting] | None = None
    version: str = ""
    date: str = ""
    verdict: str = ""


def data_section(trained: Mapping[str, Any], around: Surroundings) -> RunSection | None:
    """What the data hold, and what there is to warn of.

    Args:
        trained: what run.json says.
        around: what the application knows.

    Returns:
        None where nothing is known of the data.
    """
    if not around.counts:
        return None
    warnings = list(_warnings(around))
    rows: list[list[Cell]] = [[split, Number(count, f"{count:,}")] for split, count in around.counts.items()]
    blocks: list[Block] = [DataTable("Examples of each split", ["split", "examples"], rows)]
    if around.findings:
        found: list[list[Cell]] = [
            [str(one["title"]), Name(str(one["result"])), "fine" if one["is_fine"] else "look"]
            for one in around.findings
        ]
        blocks.append(DataTable("Checked when the dataset was prepared", ["checked", "found", "verdict"], found))
        warnings += [
            (f"{one['title']}: ", Name(str(one["result"])), ".") for one in around.findings if not one["is_fine"]
        ]
    if around.dataset_page:
        blocks.append(DataTable("Beside this page", ["dataset", "page"], [_page_of(trained, around)]))
    result = pluralise(len(warnings), "warning") if warnings else "nothing to warn of"
    return RunSection("data", "The data", result, is_fine=not warnings, lines=warnings, blocks=blocks)


def _page_of(trained: Mapping[str, Any], around: Surroundings) -> list[Cell]:
    return [Name(str(trained["dataset"])), Link(around.dataset_page, "what preprocess found and shows")]


def _warnings(around: Surroundings) -> Iterator[Line]:
    test = around.counts.get("test", 0)
    if 0 < test < _SMALL_TEST:
        examples = f"{test} test example{'s' * (test != 1)}"
        wide = f"the 95 % interval of an accuracy of 0.9 is {_width(test):.2f} wide"
        yield (f"{examples} say little: {wide if around.test_class_counts else 'single ones decide every figure'}.",)
    absent = [name for name, count in around.test_class_counts.items() if not count]
    if absent:
        shown = [part for name in absent[:5] for part in (", ", Name(name))]
        yield ("Without a test example: ", *shown[1:], " and others." if len(absent) > 5 else ".")
    counts = {name: count for name, count in around.class_counts.items() if count}
    if counts and max(counts.values()) > _UNEQUAL * min(counts.values()):
        rarest, commonest = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
        told = f" has {counts[rarest]:,} training examples, "
        yield (
            Name(rarest),
            told,
            Name(commonest),
            f" {counts[commonest]:,}: accuracy speaks for common classes alone.",
        )


def settings_section(around: Surroundings) -> RunSection | None:
    """The values of params.yaml that differ from their defaults.

    Args:
        around: what the application knows.

    Returns:
        None where it is not known which do.
    """
    if around.settings is None:
        return None
    rows: list[list[Cell]] = [
        [Code(setting.key), Name(setting.value), Name(setting.default) if setting.default else "has none"]
        for setting in around.settings
    ]
    table = DataTable("Values of params.yaml that differ from their defaults", ["key", "value", "default"], rows)
    return RunSection("settings", "What was set", blocks=[table])


def rebuild_section(trained: Mapping[str, Any]) -> RunSection:
    """The commands that make the run again, and that check it.

    Args:
        trained: what run.json says.

    Returns:
        The section.
    """
    run, tags = str(trained["run"]), trained.get("record", {}).get("tags", {})
    commit, is_dirty = tags.get("mlflow.source.git.commit"), tags.get("saccade.git_dirty") == "true"
    commands = [f"git checkout {commit}", "make env"] if commit else []
    commands += [f"dvc repro evaluate@{run}", f"saccade verify {run}"]
    lines: list[Line] = [("In a clone of the project; the last command compares what comes out with this record.",)]
    if commit and is_dirty:
        changed = tags.get("saccade.git_diff", "none")
        lines.append(
            (f"The tree had uncommitted changes ({changed} of the run's code): the commit alone is not enough.",)
        )
    if not commit:
        lines.append(("The project was in no git repository, so that no commit names its code.",))
    return RunSection(
        "again", "How to make it again", lines=lines, blocks=[Verbatim("Commands", Name("\n".join(commands)))]
    )


def record_section(trained: Mapping[str, Any], evaluated: Mapping[str, Any], around: Surroundings) -> RunSection:
    """Digests, versions and the machine.

    Args:
        trained: what run.json says.
        evaluated: what evaluated.json says; empty where it is not there.
        around: what the application knows.

    Returns:
        The section.
    """
    tags = trained.get("record", {}).get("tags", {})
    made = {
        "trained on": trained.get("device"),
        "threads": tags.get("saccade.threads"),
        "processes": tags.get("saccade.processes"),
        "seconds of training": trained.get("train_elapsed_s"),
        "examples a second": trained.get("examples_per_s"),
        "torch": tags.get("saccade.torch"),
        "python": tags.get("saccade.python"),
        "evaluated": around.date,
        "evaluated on": evaluated.get("processor") or evaluated.get("device"),
    }
    for name, version in {"saccade": around.version, **evaluated.get("versions", {})}.items():
        if name not in made:
            made[name] = version
        elif version != made[name]:
            made[f"{name} at evaluation"] = version
    ids = {
        "weights": trained.get("weights_sha256"),
        "identity": trained.get("identity"),
        "run": trained.get("run_uid"),
        "MLflow run": trained.get("mlflow_run_id"),
        "commit": tags.get("mlflow.source.git.commit"),
        "MLflow experiment": trained.get("record", {}).get("experiment"),
        **{f"data: {name}": digest for name, digest in trained.get("data", {}).items()},
        **{f"data: {name}": digest for name, digest in evaluated.get("data", {}).items()},
        "answers on test": evaluated.get("answers_sha256"),
    }
    blocks: list[Block] = [
        DataTable("Machine and versions", ["what", "value"], _known(made)),
        DataTable("Digests (SHA-256) and names", ["of", "value"], _known(ids)),
    ]
    others = {key: value for key, value in evaluated.items() if key not in (*_TOLD, *trained)}
    if rows := _known(_flat(others)):
        blocks.append(DataTable("The record that saccade verify checks", ["of", "value"], rows, is_folded=True))
    return RunSection("record", "Digests, versions, hardware", blocks=blocks)


def _known(values: Mapping[str, Any]) -> list[list[Cell]]:
    return [
        [Name(name), Code(str(value).replace("`", "'"))] for name, value in values.items() if value not in (None, "")
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{prefix}{name}".replace("_", " ")
        flat |= _flat(value, f"{key}: ") if isinstance(value, Mapping) else {key: value}
    return {key: value for key, value in flat.items() if isinstance(value, str | int | float)}


def _width(count: int) -> float:
    low, high = accuracy_interval(round(0.9 * count), count)
    return high - low
