"""``saccade register RUN``: makes the model of a run a version of a registered model, if it is fit to be one."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.console import say, warn
from pipeline.model_registry.champion import Comparison, compare_with_version, in_words
from pipeline.model_registry.commit import CodeState, code_state, refusal
from pipeline.model_registry.evidence import RECORD, Evidence, bundle_sha256, evidence_in, evidence_of_run, write_record
from pipeline.model_registry.model_card import CardSubject, description, model_card
from pipeline.model_registry.reference import check_alias, check_model_name
from pipeline.model_registry.versions import (
    BUNDLE_TAG,
    CHAMPION,
    COMMIT_TAG,
    DIRTY_TAG,
    IDENTITY_TAG,
    METRIC_TAG,
    RUN_TAG,
    RUN_UID_TAG,
    WEIGHTS_TAG,
    Registry,
    Version,
    in_one_line,
)
from pipeline.runs.journal import Journal
from pipeline.runs.run_store import journal_folder, restore_journal
from pipeline.stages.evaluate.in_words import interval_text, numbers_of
from pipeline.tracking.log_model import LEFT_OUT_TAG
from pipeline.tracking.mlflow_store import load_mlflow, tracking_uri, why_not_installed, why_unreachable
from pipeline.tracking.replay import MlflowReplay
from saccade.core.errors import UserError
from saccade.core.files import replacing_file
from saccade.io.credentials import mask
from saccade.run_page.headline import number_text, numbers

CARD = "model_card.md"


@dataclass(frozen=True)
class RegisterOptions:
    """How a run is registered.

    Attributes:
        name: name of the registered model; empty: that of the run.
        aliases: aliases that the version gets.
        allow_dirty: whether a tree may differ from its commit.
        force: whether a champion may be better, or measured on another test set.
    """

    name: str = ""
    aliases: Sequence[str] = ()
    allow_dirty: bool = False
    force: bool = False


def register(run: str, options: RegisterOptions) -> None:
    """Register the model of a run, with its metrics, its card and what it got on each test example.

    Args:
        run: key in ``runs:``.
        options: how.

    Raises:
        UserError: the run is not evaluated as it is, the tree differs from its commit, a champion is better, or the
            registry does not answer.
    """
    name = options.name or run
    check_model_name(name)
    for alias in options.aliases:
        check_alias(alias)
    evidence, config = evidence_of_run(run)
    code = code_state(run, evidence.trained, config.model, config.task)
    if code.problem and not options.allow_dirty:
        raise UserError(refusal(code))
    registry = _registry()
    versions = registry.versions(name)
    same = next((v for v in versions if v.tags.get(WEIGHTS_TAG) == evidence.trained["weights_sha256"]), None)
    if same is None or {*options.aliases} - {*same.aliases}:
        _compare(registry, versions, same, evidence, options)
    if same is not None:
        say(f"{same} has these weights already: nothing is added{_registered_as(same, run)}")
    subject = CardSubject(name, evidence, config, code)
    card = model_card(subject)
    with replacing_file(paths.report(run) / CARD) as partial:
        partial.write_text(card, encoding="utf-8")
    version = same or _add(registry, run, subject, card)
    for alias in options.aliases:
        _set_alias(registry, versions, version, alias)
    if same is None:
        asked = f"@{options.aliases[0]}" if options.aliases else f"/{version.number}"
        say(f"card: {paths.report(run) / CARD}; use it: saccade predict models:/{name}{asked} PATH...")


def _registry() -> Registry:
    """The registry of the tracking store, which is made where it is local and new."""
    uri = tracking_uri(paths.home())
    if reason := why_not_installed() or why_unreachable(uri):
        raise UserError(
            f"{mask(uri)} must answer to register a run: {reason}. Start the server, or name another with "
            "MLFLOW_TRACKING_URI"
        )
    load_mlflow()
    with in_one_line(uri):
        from mlflow import MlflowClient

        return Registry(uri, MlflowClient(tracking_uri=uri))


def _registered_as(version: Version, run: str) -> str:
    other = version.tags.get(RUN_TAG, run)
    return "" if other == run else f" (they came from {other})"


def _compare(
    registry: Registry, versions: Sequence[Version], same: Version | None, evidence: Evidence, options: RegisterOptions
) -> None:
    """Refuse a run that is worse beyond chance than what is in use, or cannot be compared with it."""
    rivals = [v for v in versions if v is not same and {CHAMPION, *options.aliases} & {*v.aliases}]
    for rival in rivals:
        alias = next(alias for alias in (*options.aliases, CHAMPION) if alias in rival.aliases)
        comparison = _comparison(registry, rival, evidence)
        beside = f"{evidence.run} beside the {alias}, {rival}"
        said = in_words(comparison)
        if comparison.test is None and not options.force:
            raise UserError(f"{beside}: cannot be compared, for {said}. --force registers it all the same")
        if comparison.is_worse and not options.force:
            raise UserError(f"{beside}: {said}. --force registers it all the same")
        tell = warn if comparison.test is None or comparison.is_worse else say
        tell(f"{beside}: {said}" if comparison.test else f"{beside}: not compared, for {said}")


def _comparison(registry: Registry, rival: Version, evidence: Evidence) -> Comparison:
    with tempfile.TemporaryDirectory() as folder:
        record = registry.download(rival, RECORD, Path(folder))
        return compare_with_version(evidence, evidence_in(record) if record else None)


def _add(registry: Registry, run: str, subject: CardSubject, card: str) -> Version:
    """Send the run where it is pending, and register its logged model with all that belongs to it."""
    evidence = subject.evidence
    replay = MlflowReplay(_journal(run, evidence), registry.uri)
    with in_one_line(registry.uri):
        mlflow_run_id, model_id = replay.push_model(paths.model(run))
        if model_id is None:
            left_out = registry.client.get_run(mlflow_run_id).data.tags.get(LEFT_OUT_TAG)
            raise UserError(f"{run} has no model at {registry.shown} that could be registered: {left_out}")
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / RECORD
        record.mkdir()
        write_record(record, evidence)
        (Path(folder) / CARD).write_text(card, encoding="utf-8")
        registry.upload(model_id, Path(folder))
    tags = _tags(run, evidence, subject.code)
    number = registry.add(subject.name, model_id, mlflow_run_id, tags, description(subject))
    main = evidence.metric
    interval = interval_text(evidence.measured, main)
    say(
        f"registered {run} as {subject.name} version {number} at {registry.shown}: test {main} "
        f"{number_text(evidence.measured[main])}{f' (95 %: {interval})' if interval else ''}"
    )
    return Version(subject.name, number, (), tags, 0)


def _journal(run: str, evidence: Evidence) -> Path:
    """The journal of the run, which is written again where it was trained and evaluated elsewhere."""
    report = paths.report(run)
    journal = Journal(journal_folder(evidence.trained))
    restore_journal(journal, evidence.trained, paths.model(run), report / "history.csv")
    if not any(event["event"] == "evaluation" for event in journal.events()):
        journal.evaluation(numbers_of(evidence.measured))
    return journal.folder


def _tags(run: str, evidence: Evidence, code: CodeState) -> Mapping[str, str]:
    trained: Mapping[str, Any] = evidence.trained
    tags = {
        RUN_TAG: run,
        IDENTITY_TAG: trained["identity"],
        WEIGHTS_TAG: trained["weights_sha256"],
        BUNDLE_TAG: bundle_sha256(paths.model(run)),
        RUN_UID_TAG: trained["run_uid"],
        COMMIT_TAG: code.commit or "none",
        METRIC_TAG: evidence.metric,
        DIRTY_TAG: str(bool(code.problem)).lower(),
    }
    tags |= {f"test_{name}": number_text(value) for name, value in numbers(evidence.measured).items()}
    return tags


def _set_alias(registry: Registry, versions: Sequence[Version], version: Version, alias: str) -> None:
    if alias in version.aliases:
        say(f"{version} is {alias} already")
        return
    before = next((each for each in versions if alias in each.aliases), None)
    registry.set_alias(version, alias)
    say(f"{version} is {alias} now" + (f"; it was version {before.number}" if before else ""))
