"""The MLflow runs of ensembles, in a real SQLite store: members below the largest one, whatever was sent when."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from tracking_helpers import fresh_store, refusing_server, start, write_bundle, write_evaluation

from pipeline.runs.journal import Journal
from pipeline.tracking.replay import replay
from pipeline.tracking.sync import sync

UIDS = ("u0", "u1", "u2")


def write_member(runs: Path, uid: str) -> Path:
    journal = start(runs / f"identity-{uid}", run_uid=uid, run=f"a.seed{uid[1:]}", datasets=[], texts={})
    journal.epoch(1, {"loss": 0.5})
    journal.end("FINISHED")
    return journal.folder


def write_ensemble(runs: Path, uids: tuple[str, ...], *, size: int | None = None) -> Path:
    """An ensemble of some of the members; ``size`` is how many it is to have."""
    size = size or len(uids)
    params = {"train.ensemble": size, "train.epochs": 3}
    journal = start(runs / f"of-{size}", run_uid=f"e{size}", run="a", params=params, datasets=[], texts={})
    for number, uid in enumerate(uids):
        journal.member(number, run_uid=uid, identity=f"identity-{uid}")
    journal.end("FINISHED")
    return journal.folder


def shown(uri: str) -> dict[str, Any]:
    """run_uid to the run_uid of its parent, None where it has none; and of ensembles what their tags say."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("saccade")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    uid_of = {run.info.run_id: run.data.tags["saccade.run_uid"] for run in runs}
    assert len(set(uid_of.values())) == len(runs), "a run is there twice"
    tags = {uid_of[run.info.run_id]: run.data.tags for run in runs}
    return {
        "parent": {uid: uid_of.get(found.get("mlflow.parentRunId", "")) for uid, found in tags.items()},
        "members": {uid: found["saccade.members"] for uid, found in tags.items() if "saccade.members" in found},
        "grown": {
            uid: uid_of[found["saccade.grown_into"]] for uid, found in tags.items() if "saccade.grown_into" in found
        },
    }


@pytest.mark.parametrize("order", list(itertools.permutations(["u0", "u1", "of-2", "of-3"]))[::5])
def test_members_are_below_the_largest_ensemble_in_whatever_order_they_are_sent(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    uri, runs = fresh_store(tmp_path), tmp_path / "runs"
    for uid in UIDS:
        write_member(runs, uid)
    ensembles = {"of-2": write_ensemble(runs, UIDS[:2]), "of-3": write_ensemble(runs, UIDS)}
    for name in (*order, *order):
        replay(ensembles.get(name, runs / f"identity-{name}"), uri)
    there = shown(uri)
    assert there["parent"] == {"u0": "e3", "u1": "e3", "u2": "e3", "e2": None, "e3": None}
    assert there["members"] == {"e2": "2", "e3": "3"}
    assert there["grown"] == {"e2": "e3"}


def test_an_ensemble_that_is_still_growing_takes_its_members_at_once(tmp_path: Path) -> None:
    uri, runs = fresh_store(tmp_path), tmp_path / "runs"
    for uid in UIDS:
        write_member(runs, uid)
    replay(write_ensemble(runs, UIDS[:2]), uri)
    replay(write_ensemble(runs, UIDS[:1], size=3), uri)
    assert shown(uri)["parent"] == {"u0": "e3", "u1": "e2", "e2": None, "e3": None}
    assert shown(uri)["grown"] == {"e2": "e3"}


def test_an_ensemble_brings_what_is_new_of_its_members(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    uri, runs = fresh_store(tmp_path), tmp_path / "runs"
    folders = [write_member(runs, uid) for uid in UIDS[:2]]
    ensemble = write_ensemble(runs, UIDS[:2])
    replay(ensemble, uri)
    for folder, accuracy in zip(folders, (0.5, 0.75), strict=True):
        write_evaluation(Journal(folder), accuracy)
    write_bundle(Journal(ensemble))
    write_evaluation(Journal(ensemble), 0.875)
    replay(ensemble, uri)
    runs_there = {run.data.tags["saccade.run_uid"]: run for run in MlflowClient(tracking_uri=uri).search_runs(["1"])}
    assert {uid: run.data.metrics["test_accuracy"] for uid, run in runs_there.items()} == {
        "u0": 0.5,
        "u1": 0.75,
        "e2": 0.875,
    }
    assert "saccade.kept_epoch" not in runs_there["e2"].data.tags  # it has no epochs
    assert len(MlflowClient(tracking_uri=uri).search_logged_models(["1"])) == 1


def test_a_member_that_was_trained_anew_since_is_left_alone(tmp_path: Path) -> None:
    uri, runs = fresh_store(tmp_path), tmp_path / "runs"
    ensemble = write_ensemble(runs, UIDS[:1], size=2)
    start(runs / "identity-u0", run_uid="another", run="a.seed0", datasets=[], texts={})
    replay(ensemble, uri)
    assert shown(uri)["parent"] == {"e2": None}


def test_a_parent_that_was_deleted_loses_its_members_to_a_smaller_one(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    uri, runs = fresh_store(tmp_path), tmp_path / "runs"
    for uid in UIDS:
        write_member(runs, uid)
    deleted = replay(write_ensemble(runs, UIDS), uri)
    MlflowClient(tracking_uri=uri).delete_run(deleted)
    replay(write_ensemble(runs, UIDS[:2]), uri)
    assert shown(uri)["parent"] == {"u0": "e2", "u1": "e2", "u2": None, "e2": None}


def test_sync_sends_members_first_and_then_shows_them_below_their_ensemble(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    write_ensemble(runs, UIDS)  # the oldest of them
    for uid in UIDS:
        write_member(runs, uid)
    with refusing_server() as dead:
        assert all(outcome.pending_reason for _, outcome in sync(runs, dead))
    uri = fresh_store(tmp_path)
    outcomes = sync(runs, uri)
    assert [run for run, _ in outcomes][-1] == "a" and not any(outcome.pending_reason for _, outcome in outcomes)
    assert shown(uri)["parent"] == {"u0": "e3", "u1": "e3", "u2": "e3", "e3": None}
    assert sync(runs, uri) == []
