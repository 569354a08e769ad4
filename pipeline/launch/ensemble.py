"""``train.ensemble: N``: N trainings of one run that differ in their seed, and a bundle in which all of them answer.

Member i, from 0, is the run with seed + i, kept in ``.saccade/runs/`` under the identity that a plain run with that
seed has: nothing is trained twice, and a larger N trains only the new ones. The ensemble has a store of its own beside
them, with a journal whose MLflow run is the parent of theirs.
"""

import csv
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import paths
from pipeline.console import pluralise, say
from pipeline.launch.processes import AfterTraining, train_in_processes
from pipeline.runs import provenance
from pipeline.runs.identity import identity_of
from pipeline.tracking.mlflow_store import tracking_uri
from pipeline.tracking.status import reporting_status, stage_lock
from pipeline.tracking.uploader import MlflowUploader, Outcome
from saccade.core.files import replacing_folder, write_json
from saccade.core.ranks import Rank

if TYPE_CHECKING:
    from pipeline.params.load import Params
    from pipeline.runs.run_store import RunStore
    from pipeline.stages.train.run import TrainingRun
    from pipeline.stages.train.training import Training
    from saccade.bundle.intervals import PredictionInterval
    from saccade.bundle.temperature import Temperature

_OF_A_MEMBER = (
    "run_uid",
    "mlflow_run_id",
    "identity",
    "weights_sha256",
    "epochs",
    "kept_epoch",
    "stopped_early",
    "train_elapsed_s",
)


def train_ensemble(params: "Params", name: str, *, fresh: bool, after_training: AfterTraining) -> None:
    """Train the members that are not trained yet, one after another, and publish them as one bundle.

    Args:
        params: the whole file.
        name: key in ``runs:``.
        fresh: train all of them anew.
        after_training: callback that is called at the end of each member's training.

    Raises:
        UserError: data are missing, or a member cannot be trained.
    """
    with MlflowUploader(tracking_uri(paths.home())) as uploader:  # imports MLflow while we import torch
        from pipeline.runs.run_store import RunStore, wait_for_lock
        from pipeline.stages.train.run import TrainingRun

        run = TrainingRun.of(params, name)
        count = run.block.ensemble
        first, members = stores_of_members(run, count)
        store = RunStore(identity_of({"members": [member.folder.name for member in members]}, {}, {}))
        with wait_for_lock(stage_lock(store.folder), f"{name}: another process is training the same; waiting for it"):
            if fresh or store.is_restored():
                store.set_aside()
            was_finished = store.is_finished()
            if not was_finished:
                _begin(run, first, store, uploader)
            with reporting_status(store.journal):
                for number, member in enumerate(members):
                    train_in_processes(params, name, number, fresh=fresh, after_training=after_training)
                    if not was_finished:
                        _note(store, number, member)
                if was_finished:
                    if all(_is_noted(store, number, member) for number, member in enumerate(members)):
                        store.publish(name, run.dataset, first.code)
                        say(f"{name}: all {pluralise(count, 'member')} were trained already: published again")
                        return
                    store.set_aside()  # of members that have been trained anew since
                    _begin(run, first, store, uploader)
                    for number, member in enumerate(members):
                        _note(store, number, member)
                weights_sha256 = _put_together(run, store, members)
                store.journal.bundle("bundle")
                store.journal.end("FINISHED")
                outcome = uploader.finish()
                _keep_results(run, store, members, weights_sha256, outcome)
                store.publish(name, run.dataset, first.code)
    seeds = f"seeds {run.seed} to {run.seed + count - 1}"
    say(f"trained {name}: an ensemble of {pluralise(count, 'member')}, {seeds}; their answers are averaged")
    if outcome.pending_reason:
        say(f"not yet in MLflow ({outcome.pending_reason}): `saccade sync` sends it later")


def stores_of_members(run: "TrainingRun", count: int) -> "tuple[Training, list[RunStore]]":
    """The stores in which the run with each of ``count`` seeds is kept, or is to be.

    Args:
        run: the run with the first of the seeds.
        count: number of seeds, from 1.

    Returns:
        The first one, which may begin, and the store of each.

    Raises:
        UserError: data or first weights are missing.
    """
    from pipeline.stages.train.training import Training

    me = Rank(world_size=run.block.processes, local_world_size=run.block.processes)
    trainings = [Training.prepare(run.member(number), me) for number in range(count)]
    return trainings[0], [training.store for training in trainings]


def _begin(run: "TrainingRun", first: "Training", store: "RunStore", uploader: MlflowUploader) -> None:
    """Write the first event of the journal, or that the ensemble goes on; what is recorded is the first member's."""
    if store.journal.state().run_uid is not None:
        store.journal.resume(from_epoch=0)
    else:
        from pipeline.stages.train import records

        store.begin(first.environment)
        params = records.logged_params(first) | {"train.ensemble": run.block.ensemble}
        tags, datasets = records.environment_tags(first), records.dataset_records(first)
        identity, kept = store.folder.name, store.keep_dataset_report(run.dataset)
        provenance.start_journal(store.journal, run.name, run.experiment, identity, params, tags, datasets, kept)
    uploader.follow(store.folder)


def _is_noted(store: "RunStore", number: int, member: "RunStore") -> bool:
    """Whether the journal names this training of the member, and not an earlier one."""
    noted = store.journal.state().members.get(number)
    return noted is not None and noted["run_uid"] == member.journal.state().run_uid


def _note(store: "RunStore", number: int, member: "RunStore") -> None:
    if not _is_noted(store, number, member):
        run_uid = member.journal.state().run_uid
        assert run_uid is not None, "it has been trained"
        store.journal.member(number, run_uid=run_uid, identity=member.folder.name)


def _put_together(run: "TrainingRun", store: "RunStore", members: Sequence["RunStore"]) -> str:
    """Write the bundle; returns what names its weights."""
    from saccade.bundle import bundle

    first = bundle.read_config(members[0].folder / "bundle")
    config = dataclasses.replace(first, identity=store.folder.name, members=len(members), interval=None, thresholds=[])
    config = dataclasses.replace(config, temperature=1.0, temperature_reason="")  # not the first member's
    with replacing_folder(store.folder / "bundle") as folder:
        weights_sha256 = bundle.save_ensemble(folder, config, [member.folder / "bundle" for member in members])
        if config.spec.horizon:
            bundle.write_config(folder, dataclasses.replace(config, interval=_interval(run, folder)))
        if config.spec.multilabel:
            bundle.write_config(folder, dataclasses.replace(config, thresholds=_thresholds(run, folder)))
        elif config.spec.classes:
            found = _temperature(run, folder)
            config = dataclasses.replace(config, temperature=found.value, temperature_reason=found.reason)
            bundle.write_config(folder, config)
    return weights_sha256


def _interval(run: "TrainingRun", bundle: Path) -> "PredictionInterval":
    """What the forecasts of all members together are off by on the validation split."""
    import torch

    from saccade.bundle.measured_interval import measure_interval
    from saccade.data.prepared import open_split
    from saccade.predict import predictor as prediction

    predictor = prediction.load(bundle, run.block.device)
    validation = open_split(paths.prepared(run.dataset), "validation")
    examples, targets = torch.from_numpy(validation.examples), torch.from_numpy(validation.labels)
    batch_size, device = run.block.batch_size, predictor.device
    return measure_interval(predictor.network, examples, targets, batch_size=batch_size, device=device)


def _thresholds(run: "TrainingRun", bundle: Path) -> list[float]:
    """The threshold of each class that does best for all members together on the validation split."""
    from saccade.data.prepared import open_split
    from saccade.data.thresholds import choose_thresholds
    from saccade.predict import predictor as prediction

    validation = open_split(paths.prepared(run.dataset), "validation")
    answers = prediction.load(bundle, run.block.device).answer_split(validation, run.block.batch_size)
    return choose_thresholds(answers, validation.labels)  # type: ignore[arg-type]


def _temperature(run: "TrainingRun", bundle: Path) -> "Temperature":
    """The temperature of all members together: averaged answers are less sure than each, and need one of their own."""
    import torch

    from saccade.bundle.temperature import measure_temperature
    from saccade.data.prepared import open_split
    from saccade.predict import predictor as prediction

    predictor = prediction.load(bundle, run.block.device)
    validation = open_split(paths.prepared(run.dataset), "validation")
    return measure_temperature(
        predictor.network,
        torch.from_numpy(validation.examples),
        validation.labels,
        device=predictor.device,
        have_lengths=predictor.spec.has_lengths,
    )


def _keep_results(
    run: "TrainingRun", store: "RunStore", members: Sequence["RunStore"], weights_sha256: str, outcome: Outcome
) -> None:
    """Put history.csv, other tables of the members and run.json in their place, whole."""
    trained = [json.loads((member.results / "run.json").read_text(encoding="utf-8")) for member in members]
    first = trained[0]
    results = {
        "run": run.name,
        "dataset": run.dataset,
        "model": run.model.name,
        "parameters": sum(each["parameters"] for each in trained),
        "trained_parameters": sum(each["trained_parameters"] for each in trained),
        "epochs": max(each["epochs"] for each in trained),
        "train_elapsed_s": round(sum(each["train_elapsed_s"] for each in trained), 3),
        "examples_per_s": round(sum(each["examples_per_s"] for each in trained) / len(trained), 1),
        "run_uid": store.journal.state().run_uid,
        "mlflow_run_id": None if outcome.pending_reason else outcome.mlflow_run_id,
        "identity": store.folder.name,
        "weights_sha256": weights_sha256,
        "device": first["device"],
        "data": first["data"],
        **{key: first[key] for key in ("code", "versions", "processor") if key in first},  # not of earlier versions
        "members": [
            {"seed": run.seed + number, "run": each["run"], **{key: each[key] for key in _OF_A_MEMBER}}
            for number, each in enumerate(trained)
        ],
    }
    with replacing_folder(store.results) as folder:
        for table in members[0].results.glob("*.csv"):
            _stack([member.results / table.name for member in members], folder / table.name)
        write_json(folder / "run.json", {**results, "record": store.record()})


def _stack(tables: Sequence[Path], target: Path) -> None:
    """Write the members' tables below each other, with a second column that says whose row it is."""
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, table in enumerate(tables):
            with table.open(newline="", encoding="utf-8") as own:
                for place, (first, *others) in enumerate(csv.reader(own)):
                    if place:
                        writer.writerow([first, number, *others])
                    elif number == 0:
                        writer.writerow([first, "member", *others])
