"""The card of a registered model, in Markdown: what is known of the run; what a person alone knows is "not stated"."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline import paths
from pipeline.model_registry.commit import CodeState
from pipeline.model_registry.evidence import Evidence
from pipeline.model_registry.versions import MAX_DESCRIPTION
from pipeline.schema.defaults import settings_off_default
from pipeline.schema.renamed import recorded_with_new_names
from pipeline.stages.evaluate.in_words import (
    calibration_lines,
    interval_text,
    missing_values_in_words,
    verdict_on_baseline,
)
from saccade.bundle.bundle import NetworkConfig
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.core.messages import pluralise
from saccade.data.prepared import read_dataset_info
from saccade.data.spec import RESERVED, Spec
from saccade.display.page import Cell, Code, Line, Name, Page, Section, Table
from saccade.evaluate.about_data.slices import read_slices, worse_in_words
from saccade.evaluate.shortfall import BASELINES, ERRORS
from saccade.io.credentials import mask
from saccade.report.rendering import to_markdown
from saccade.run_page.headline import number_text, numbers, others_of, sentence, words
from saccade.run_page.record import Surroundings, data_section

NOT_STATED = "not stated"

_MAX_NAMES = 20  # classes or targets that are named
_MAX_SETTINGS = 30
_ROOM_FOR_LEFT = 250  # characters of the line that names what is left out
_SPLITS = {"training": "training", "validation": "validation", "test": "test"}
_FITS = {"stretch": "stretched to it", "crop": "cropped to its proportions", "pad": "padded to its proportions"}


@dataclass(frozen=True)
class CardSubject:
    """What a card is about.

    Attributes:
        name: name of the registered model.
        evidence: what is known of its run.
        config: config of its network.
        code: commit that holds what made it.
    """

    name: str
    evidence: Evidence
    config: NetworkConfig
    code: CodeState

    @property
    def params(self) -> Mapping[str, Any]:
        """Every resolved parameter of the run, flat keys under their names of today, without credentials."""
        recorded = recorded_with_new_names(self.evidence.trained.get("record", {}).get("params", {}))
        masked: Mapping[str, Any] = json.loads(mask(json.dumps(recorded)))
        return masked


def model_card(subject: CardSubject) -> str:
    """Write the card.

    Args:
        subject: what it is about.

    Returns:
        Markdown, whole.
    """
    return to_markdown(_page(subject, _sections(subject)), None)


def description(subject: CardSubject) -> str:
    """The card as the description of a version: sections for which there is no room are left out, and named.

    Args:
        subject: what it is about.

    Returns:
        Markdown of at most ``MAX_DESCRIPTION`` characters.
    """
    text, kept, left = "", list[Section](), list[str]()
    for section in [None, *_sections(subject)]:
        tried = [*kept, section] if section else kept
        whole = to_markdown(_page(subject, tried), None)
        if len(whole) + _ROOM_FOR_LEFT <= MAX_DESCRIPTION:
            text, kept = whole, tried
        elif section:
            left.append(section.title)
    more = f"\n{', '.join(left)}: in model_card.md, among the files of the model.\n" if left else ""
    return text + more


def _page(subject: CardSubject, sections: Sequence[Section]) -> Page:
    evidence, measured = subject.evidence, subject.evidence.measured
    main = evidence.metric
    interval = interval_text(measured, main)
    value = number_text(measured[main]) + (f" (95 %: {interval})" if interval else "")
    trained = evidence.trained
    lead: Line = (
        f"{trained['model']} on ",
        Name(str(trained["dataset"])),
        f" ({subject.config.task}), {trained['parameters']:,} parameters.",
    )
    examples = pluralise(int(evidence.evaluated["examples"]), "example")
    facts = [(f"test {words(main)}", value), ("measured on", examples), ("run", Name(evidence.run).escaped)]
    facts.append(("weights (SHA-256)", str(trained["weights_sha256"])))
    return Page(Name(subject.name), lead, [(what, _plain(text)) for what, text in facts], sections, "model card")


def _sections(subject: CardSubject) -> list[Section]:
    found = [
        _use(subject),
        _metrics(subject),
        _calibration(subject),
        _limits(subject),
        _data(subject),
        _training(subject),
        _verify(subject),
        _rebuild(subject),
        _digests(subject),
    ]
    return [section for section in found if section.lines or section.blocks]


# --- what it is for ---------------------------------------------------------------------------------------------------


def _use(subject: CardSubject) -> Section:
    rows: list[list[Cell]] = [
        ["task", subject.config.task],
        ["takes", Name(_takes(subject.config.spec))],
        ["answers with", Name(_answers(subject.config))],
        ["intended users and uses", NOT_STATED],
        ["uses that it is not meant for", NOT_STATED],
        ["people whom its errors concern", NOT_STATED],
        ["licence of the model", NOT_STATED],
    ]
    return Section("use", "Intended use", blocks=[Table(["what", "known"], rows)])


def _takes(spec: Spec) -> str:
    if spec.layout == "image":
        height, width, channels = spec.shape
        fit = "" if spec.fit not in _FITS else f"; pictures of another size are {_FITS[spec.fit]}"
        return f"images of {height} x {width} pixels, {pluralise(channels, 'channel')}{fit}"
    if spec.layout == "tokens":
        what = "characters" if spec.unit == "characters" else "words"
        return f"texts of up to {spec.shape[0]:,} {what}; {len(spec.vocabulary):,} tokens are known"
    if spec.layout == "series":
        steps, measured = spec.shape
        of_what = f": {_named(spec.features)}" if spec.features else ""
        apart = f", {spec.step} apart" if spec.step else ""
        most = "up to " if spec.is_padded else ""
        return (
            f"{spec.plural} of {most}{pluralise(steps, 'step')}{apart}, {pluralise(measured, 'number')} a step{of_what}"
        )
    return f"{spec.plural} of {pluralise(spec.shape[0], 'number')}"


def _answers(config: NetworkConfig) -> str:
    spec = config.spec
    if spec.output == "per_token":
        return "how probable each token is to come next, with which it goes on with a text"
    if spec.output == "transcript":
        return f"the text of a line, of {len(spec.vocabulary) - len(RESERVED):,} characters, and how sure it is"
    if spec.multilabel:
        return f"any of {len(spec.classes):,} classes, or none, and the probability of each: {_named(spec.classes)}"
    if spec.classes:
        return f"one of {len(spec.classes):,} classes, and the probability of each: {_named(spec.classes)}"
    if spec.horizon:
        return f"the next {pluralise(spec.horizon, 'step')}: {_named(spec.targets)}"
    return f"{pluralise(len(spec.targets), 'number')}: {_named(spec.targets)}"


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_NAMES:,} more" if len(names) > _MAX_NAMES else ""
    return f"{', '.join(names[:_MAX_NAMES])}{more}"


# --- how good it is ---------------------------------------------------------------------------------------------------


def _metrics(subject: CardSubject) -> Section:
    measured, main = subject.evidence.measured, subject.evidence.metric
    values = numbers(measured)
    rows: list[list[Cell]] = []
    for name, value in values.items():
        if any(name.startswith(prefix) and name.removeprefix(prefix) in values for prefix in BASELINES):
            continue
        beside = measured.get(f"baseline_{name}")
        baseline = number_text(beside) if isinstance(beside, int | float) else ""
        rows.append([words(name), number_text(value), interval_text(measured, name), baseline])
    better = "the lower, the better" if main in ERRORS else "the higher, the better"
    lines: list[Line] = [(f"On the test split, which training did not see. {sentence(words(main))}: {better}.",)]
    lines += [(line,) for line in _beside_baselines(subject)]
    lines += [(Name(sentence(line)), ".") for line in missing_values_in_words(measured)]
    return Section(
        "metrics", "Metrics", lines=lines, blocks=[Table(["metric", "value", "95 % interval", "baseline"], rows)]
    )


def _beside_baselines(subject: CardSubject) -> Iterator[str]:
    evidence = subject.evidence
    others = list(others_of(evidence.measured, evidence.metric))
    if not others:
        yield "No baseline was measured."
        return
    paired = evidence.evaluated.get("beside_baseline") or {}
    verdict = verdict_on_baseline(evidence.measured, evidence.metric, paired.get("verdict"))
    chance = f" ({paired['method']}, p = {paired['p']:.2g})" if isinstance(paired.get("p"), int | float) else ""
    beaten = ", ".join(f"{name} {number_text(value)}" for name, _, value in others)
    yield f"Simple models on the same examples: {beaten}." + (
        f" The run beside the better: {verdict}{chance}." if verdict else ""
    )


def _calibration(subject: CardSubject) -> Section:
    measured, config = subject.evidence.measured, subject.config
    lines: list[Line] = [(Name(sentence(line)), ".") for line in calibration_lines(measured)]
    if config.thresholds:
        lines.append(
            (f"Each class has a threshold of its own, chosen on the validation split: {_range(config.thresholds)}.",)
        )
    if isinstance(measured.get("band_coverage"), int | float):
        lines.append((f"The band around a forecast held {measured['band_coverage']:.1%} of what came.",))
    if not lines:
        what = "probabilities" if config.spec.classes or config.spec.output == "per_token" else "numbers"
        lines.append((f"Not measured: the {what} are given as the network answers.",))
    return Section("calibration", "Calibration", lines=lines)


def _range(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.4f}" if low == high else f"{low:.4f} to {high:.4f}"


def _limits(subject: CardSubject) -> Section:
    """What the checks of the dataset found, and where the run errs more; not what nobody looked for."""
    evidence = subject.evidence
    around = _around(subject)
    if around is None:
        lines: list[Line] = [("The checks of the dataset are not here, or are of other data.",)]
        blocks = []
    else:
        section = data_section(evidence.trained, around)
        lines = list(section.lines) if section else []
        found: list[list[Cell]] = [
            [str(one["title"]), Name(str(one["result"])), "" if one["is_fine"] else "look"] for one in around.findings
        ]
        blocks = [Table(["checked in the data", "found", ""], found)] if found else []
    slices = read_slices(evidence.folder / "evaluation" / "slices.csv")
    worse = worse_in_words(
        slices, is_share=bool(subject.config.spec.classes or subject.config.spec.output == "transcript")
    )
    lines += [(Name(sentence(line)), ".") for line in worse]
    if slices and not worse:
        looked = ", ".join(dict.fromkeys(each.by for each in slices))
        lines.append(
            (Name(f"By {looked}, no part of the test split has a higher error than the rest, beyond chance"), ".")
        )
    lines.append(("Nobody has looked for other limits, such as how it does on data from elsewhere.",))
    return Section("limits", "Limits", lines=lines, blocks=blocks)


def _around(subject: CardSubject) -> Surroundings | None:
    """The page of the dataset, where it is of the data that the run was measured on."""
    trained, dataset = subject.evidence.trained, str(subject.evidence.trained["dataset"])
    findings = paths.dataset_report(dataset) / "findings.json"
    try:
        info = read_dataset_info(paths.prepared(dataset))
    except UserError:
        return None
    arrays = {name: entry["sha256"] for name, entry in info.arrays.items()}
    recorded = {**trained["data"], **subject.evidence.evaluated["data"]}
    if not findings.exists() or any(arrays[name] != recorded.get(name, arrays[name]) for name in arrays):
        return None
    classes = info.spec.classes
    return Surroundings(
        task=subject.config.task,
        counts=info.counts,
        class_counts=dict(zip(classes, info.class_counts.get("train", ()), strict=False)),
        test_class_counts=dict(zip(classes, info.class_counts.get("test", ()), strict=False)),
        findings=json.loads(findings.read_text(encoding="utf-8")),
    )


# --- where it comes from ----------------------------------------------------------------------------------------------


def _data(subject: CardSubject) -> Section:
    trained, params = subject.evidence.trained, subject.params
    source = {
        key.removeprefix("dataset.source."): value for key, value in params.items() if key.startswith("dataset.source.")
    }
    rows: list[list[Cell]] = [["dataset", Name(str(trained["dataset"]))]]
    rows += [[f"source: {key}", Name(_shown(value))] for key, value in source.items() if value is not None]
    for record in trained.get("record", {}).get("datasets", ()):
        count = record.get("profile", {}).get("examples")
        if record["context"] in _SPLITS and isinstance(count, int):
            rows.append([f"{_SPLITS[record['context']]} examples", f"{count:,}"])
    for key in ("test", "validation", "order", "group_by", "fold", "folds", "train_fraction", "seed"):
        value = params.get(f"dataset.split.{key}")
        if value is not None and (key, value) != ("train_fraction", 1.0):
            rows.append([f"split: {key}", Name(_shown(value))])
    licence = registry.licence_of_source(str(source.get("name", "")))
    rows.append(["licence of the data", licence or NOT_STATED])
    rows.append(["how the data were gathered", NOT_STATED])
    return Section("data", "Data", blocks=[Table(["what", "known"], rows)])


def _training(subject: CardSubject) -> Section:
    trained, params = subject.evidence.trained, subject.params
    kept = trained.get("kept_epoch")
    epochs = f"{pluralise(int(trained['epochs']), 'epoch')}" + (f", of which epoch {kept} is kept" if kept else "")
    took = f", {trained['train_elapsed_s']:,.1f} s on {trained['device']}" if "train_elapsed_s" in trained else ""
    members = len(trained.get("members", ()))
    several = f" Of {members} networks that answer together." if members else ""
    changed = list(settings_off_default(params)) if params else []
    rows: list[list[Cell]] = [
        [Code(key), Name(value)]
        for key, value, _ in changed
        if key.startswith(("model.", "train.", "dataset.augment.", "task."))
    ]
    blocks = [Table(["set in params.yaml", "value"], rows[:_MAX_SETTINGS])] if rows else []
    lines: list[Line] = [(Name(f"{epochs}{took}"), f".{several} What is not listed is as by default (docs/params.md).")]
    if len(rows) > _MAX_SETTINGS:
        lines.append((f"{len(rows) - _MAX_SETTINGS} more are in the run's params.json.",))
    return Section("training", "Training", lines=lines, blocks=blocks)


def _verify(subject: CardSubject) -> Section:
    rows: list[list[Cell]] = [
        [
            Code(f"saccade verify {subject.evidence.run}"),
            "in the project: data, params, code, weights, answers on the test split",
        ],
        [
            Code(f"saccade predict models:/{subject.name}@ALIAS PATH"),
            "anywhere: checks the digest of the weights, and answers",
        ],
    ]
    return Section("verify", "How to verify", blocks=[Table(["command", "what it does"], rows)])


def _rebuild(subject: CardSubject) -> Section:
    run, code = subject.evidence.run, subject.code
    lines: list[Line] = [("In a clone of the project, in this order:",)]
    commands = ["make env", f"dvc repro evaluate@{run}", f"saccade verify {run}"]
    if code.commit:
        commands.insert(0, f"git checkout {code.commit}")
    if code.problem:
        lines.insert(0, (Name(f"Registered with --allow-dirty: {code.problem}"), "."))
    return Section(
        "rebuild", "How to rebuild", lines=lines, blocks=[Table(["command"], [[Code(line)] for line in commands])]
    )


def _digests(subject: CardSubject) -> Section:
    evidence = subject.evidence
    trained, evaluated = evidence.trained, evidence.evaluated
    found = {
        "weights": trained["weights_sha256"],
        "identity": trained.get("identity"),
        "run": trained.get("run_uid"),
        **{
            f"data: {name}": digest for name, digest in {**trained.get("data", {}), **evaluated.get("data", {})}.items()
        },
        "answers on the test split": evaluated.get("answers_sha256"),
        **{f"version: {name}": version for name, version in trained.get("versions", {}).items()},
    }
    rows: list[list[Cell]] = [[Name(what), Name(str(value))] for what, value in found.items() if value]
    return Section("digests", "Digests (SHA-256) and versions", blocks=[Table(["of", "value"], rows)])


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plain(text: str) -> str:
    return text.replace("|", "\\|")
