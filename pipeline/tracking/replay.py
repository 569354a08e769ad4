"""The copy of a run's journal on an MLflow tracking server: made by replaying the journal, as often as one likes.

Whatever is already there is looked up and left out, so a replay after a replay adds nothing, wherever the one before
was interrupted. MLflow is imported on the first connection, not before.
"""

import json
import math
import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

from pipeline.privacy.redaction import redact_for_server
from pipeline.runs.journal import GIT_DIFF_TAG, Journal
from pipeline.tracking.log_model import COLUMN, find_model, log_model
from pipeline.tracking.mlflow_store import load_mlflow, long_upload_timeout, sqlite_path, why_not_installed
from pipeline.tracking.nested_runs import nest_members
from saccade.core.errors import UserError
from saccade.core.files import write_json
from saccade.io.credentials import mask

TREE = Path(__file__).resolve().parents[2]

RUN_UID_TAG = "saccade.run_uid"
END_REASON_TAG = "saccade.end_reason"
KEPT_EPOCH_TAG = "saccade.kept_epoch"

# What the metrics of epochs begin with that say how training went, and not what came of it
_HEALTH = "training/"
_OF_HEALTH = ("gradient_", "update_ratio_", "weight_norm", "dead_share", "learning_rate", "elapsed_s", "examples_per_s")

# MLflow's limits
_MAX_KEY_CHARACTERS = 250
_MAX_PARAM_CHARACTERS = 6_000
_MAX_TAG_CHARACTERS = 8_000
_MAX_DIGEST_CHARACTERS = 36
_MAX_PARAMS_PER_CALL = 100
_MAX_METRICS_PER_CALL = 1_000
_MAX_FLOAT = 1.7976931348623157e308  # what its SQL store keeps for an infinity

_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}  # the UI opens on training runs, not on GenAI


def replay(journal_folder: Path, uri: str) -> str:
    """Bring the MLflow run of a journal up to date with it; create the run if it is not there.

    Args:
        journal_folder: ``.saccade/runs/<identity>``.
        uri: the tracking store.

    Returns:
        The MLflow run's id.

    Raises:
        UserError: the experiment was deleted there.
    """
    return MlflowReplay(journal_folder, uri).push()


def warm_up(uri: str) -> None:
    """Do now what the first ``push`` would wait for: import MLflow, open a local store that is there.

    A server is not asked, and nothing is created: whoever starts us may yet find that there is nothing to copy.
    """
    if why_not_installed():
        return
    with suppress(Exception):  # what fails here fails again when it is needed, and is told then
        load_mlflow()
        from mlflow import MlflowClient, pyfunc  # noqa: F401 - pyfunc is for later

        database = sqlite_path(uri)
        if database and database.exists():
            with _store_lock(uri):
                MlflowClient(tracking_uri=uri).search_experiments(max_results=1)


def upload_progress(journal_folder: Path, uri: str) -> tuple[str | None, int]:
    """What ``replica.json`` remembers: the MLflow run's id and how many events are there already."""
    try:
        record = json.loads((journal_folder / "replica.json").read_text(encoding="utf-8"))[mask(uri)]
        return record["mlflow_run_id"], record["lines"]
    except (FileNotFoundError, ValueError, KeyError):
        return None, 0  # it only saves work: without it the server is asked


class MlflowReplay:
    """One journal's copy on one store. ``push`` sends what is new; after an exception it may be called again."""

    def __init__(
        self,
        journal_folder: Path,
        uri: str,
        *,
        announce: Callable[[str], None] = lambda step: None,
        library: Path = TREE / "src" / "saccade",
    ) -> None:
        """Prepare; nothing is imported or sent yet.

        Args:
            journal_folder: ``.saccade/runs/<identity>``.
            uri: the tracking store.
            announce: callback that is given the name of each step before it is taken.
            library: the package folder that a logged model carries, so that it can be loaded anywhere.
        """
        self.folder, self.uri = journal_folder, uri
        self.journal = Journal(journal_folder)
        self._announce, self._library = announce, library
        self._run: Any = None  # as it was when we connected
        self._done = 0
        self._model_epoch: int | None = None
        self._model_id: str | None = None
        self._remote: dict[str, dict[int, tuple[int, float]]] = {}  # metric -> step -> its latest (timestamp, value)

    def push(self) -> str:
        """Send the events that the store does not have, and return the MLflow run's id."""
        from filelock import FileLock

        try:
            with FileLock(self.folder / "replica.lock", timeout=30):  # two senders at once would create two runs
                return self._push()
        except BaseException:
            self._run = None  # what is there is unknown now: ask again
            raise

    def push_model(self, bundle: Path) -> tuple[str, str | None]:
        """Send what is new, and log the model in the form that is registered, where it is not there.

        Args:
            bundle: the run's bundle.

        Returns:
            The MLflow run's id, and the model's; None where that is left out for a secret in the code.
        """
        from filelock import FileLock

        run_id = self.push()
        self._model_epoch = self._model_epoch or 0
        with FileLock(self.folder / "replica.lock", timeout=30), long_upload_timeout():
            self._model_id = log_model(self._client, self._run, bundle, self._library, self._model_epoch, form=COLUMN)
            if self._model_id:
                self._link_metrics_to_model()
        return run_id, self._model_id

    def _push(self) -> str:
        is_new_connection = self._run is None
        if is_new_connection:
            self._connect()
        new = list(self.journal.events(skip=self._done))
        by_kind: dict[str, list[dict[str, Any]]] = {}
        for event in new:
            by_kind.setdefault(event["event"], []).append(event)

        for event in by_kind.get("start", []):
            self._describe(event)
        last_of_epoch = {event["epoch"]: event for event in by_kind.get("epoch", [])}
        self._log_metrics(
            (_metric_name(key), value, event["at_ms"], epoch)
            for epoch, event in sorted(last_of_epoch.items())
            for key, value in event["metrics"].items()
        )
        if is_new_connection or by_kind.keys() & {"member", "evaluation"}:
            self._push_members()
        for event in by_kind.get("bundle", [])[-1:]:
            self._upload_bundle(event)
        for event in by_kind.get("evaluation", [])[-1:]:
            self._upload_evaluation(event)
        for event in by_kind.get("explanation", [])[-1:]:
            self._upload_folder(self.folder / event["folder_name"], "explanations")
        if self._model_id and ("bundle" in by_kind or "evaluation" in by_kind):
            self._link_metrics_to_model()
        for event in [event for event in new if event["event"] in ("resume", "end")][-1:]:
            self._set_status(event)
        if new:
            self._done += len(new)
            self._remember()
        return self._run.info.run_id

    # the connection

    def _connect(self) -> None:
        load_mlflow()
        from mlflow import MlflowClient

        self._announce("connect")
        start = next(self.journal.events(), None)
        if start is None:
            raise ValueError(f"{self.journal.path} has no events yet")
        with _store_lock(self.uri):
            self._client = MlflowClient(tracking_uri=self.uri)
            experiment_id = self._find_or_create_experiment(start["experiment"])
        known_id, self._done = upload_progress(self.folder, self.uri)
        self._run = self._known_run(known_id, start["run_uid"]) if known_id else None
        if self._run is None:
            self._done = 0
            self._run = self._find_or_create_run(experiment_id, start)
        self._remote = {}
        self._model_id, self._model_epoch = None, None
        if self._done:  # the bundle may be among the events that are there already
            bundles = [event for event in self.journal.events() if event["event"] == "bundle"]
            if bundles:
                self._model_epoch = self._epoch_of(bundles[-1])
                self._model_id = find_model(self._client, self._run)[0]

    def _find_or_create_experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            database = sqlite_path(self.uri)
            place = database and database.absolute().parent / "mlartifacts" / re.sub(r"[^\w.-]+", "-", name)
            try:
                location = place.as_uri() if place else None
                return self._client.create_experiment(name, artifact_location=location, tags=_EXPERIMENT_TAGS)
            except MlflowException:
                experiment = self._client.get_experiment_by_name(name)  # another run was quicker
                if experiment is None:
                    raise
        if experiment.lifecycle_stage == "deleted":
            raise UserError(
                f"tracking.experiment ({name}) was deleted in MLflow; bring it back with "
                f"`mlflow experiments restore --experiment-id {experiment.experiment_id}`, or choose another name"
            )
        return experiment.experiment_id

    def _known_run(self, run_id: str, run_uid: str) -> Any:
        from mlflow.exceptions import MlflowException

        try:
            run = self._client.get_run(run_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None  # another store under the same address
            raise
        is_ours = run.info.lifecycle_stage == "active" and run.data.tags.get(RUN_UID_TAG) == run_uid
        return run if is_ours else None

    def _find_run(self, experiment_id: str, run_uid: str) -> Any:
        wanted = f"tags.`{RUN_UID_TAG}` = '{run_uid}'"
        found = self._client.search_runs(
            [experiment_id], wanted, max_results=1, order_by=["attributes.start_time ASC", "attributes.run_id ASC"]
        )
        return self._client.get_run(found[0].info.run_id) if found else None  # the search leaves out inputs and outputs

    def _find_or_create_run(self, experiment_id: str, start: dict[str, Any]) -> Any:
        return self._find_run(experiment_id, start["run_uid"]) or self._client.create_run(
            experiment_id, start_time=start["at_ms"], run_name=start["run"], tags={RUN_UID_TAG: start["run_uid"]}
        )

    def _remember(self) -> None:
        path = self.folder / "replica.json"
        try:
            records = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            records = {}
        records = {uri: record for uri, record in records.items() if mask(uri) == uri}  # earlier ones kept passwords
        records[mask(self.uri)] = {"mlflow_run_id": self._run.info.run_id, "lines": self._done}
        write_json(path, records)

    # one method per kind of event

    def _describe(self, event: dict[str, Any]) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag, Param, RunTag

        self._announce("params")
        run_id, there = self._run.info.run_id, self._run.data.params
        tags, texts = _as_sent_today(event)
        tags |= {RUN_UID_TAG: event["run_uid"], "saccade.identity": event["identity"]}
        params = {_key(name): mask(_param_text(value)) for name, value in event["params"].items()}
        for name, text in params.items():
            if there.get(name, text) != text:  # a param is written once; a change is told, and no reason to fail
                tags[_key(f"saccade.param_drift.{name}")] = text
        absent = [Param(name, text) for name, text in params.items() if name not in there]
        for some in _chunks([RunTag(_key(name), text[:_MAX_TAG_CHARACTERS]) for name, text in tags.items()]):
            self._client.log_batch(run_id, tags=some)
        for some in _chunks(absent):
            self._client.log_batch(run_id, params=some)

        inputs = self._run.inputs.dataset_inputs if self._run.inputs else []
        known = {(known.dataset.name, known.dataset.digest) for known in inputs}
        new = [
            DatasetInput(
                Dataset(
                    name=record["name"],
                    digest=record["digest"][:_MAX_DIGEST_CHARACTERS],
                    source_type="local",
                    source=json.dumps({"uri": record["source"]}),
                    profile=json.dumps({**record["profile"], "digest": record["digest"]}),
                ),
                tags=[InputTag("mlflow.data.context", record["context"])],
            )
            for record in event["datasets"]
            if (record["name"], record["digest"][:_MAX_DIGEST_CHARACTERS]) not in known
        ]
        if new:
            self._client.log_inputs(run_id, new)
        full_params = mask(json.dumps(event["params"], indent=2)) + "\n"  # the store shortens long values
        for path, text in {"params.json": full_params, **texts}.items():
            self._announce(path)
            self._client.log_text(run_id, text, path)
        if folder_name := event.get("folder_name"):  # journals of earlier versions have none
            self._upload_folder(self.folder / folder_name, "dataset")

    def _push_members(self) -> None:
        """Of an ensemble: send what is new of its members, and show their runs below this one."""
        members = self.journal.state().members.values()
        if not members:
            return
        for member in members:
            folder = self.folder.with_name(member["identity"])
            if Journal(folder).state().run_uid == member["run_uid"]:
                self._announce(f"member {member['number']}")
                MlflowReplay(folder, self.uri, announce=self._announce, library=self._library).push()
        size = int(next(self.journal.events())["params"]["train.ensemble"])
        run_uids = [member["run_uid"] for member in members]
        nest_members(
            self._client, self._run, size, run_uids, lambda uid: self._find_run(self._run.info.experiment_id, uid)
        )

    def _upload_bundle(self, event: dict[str, Any]) -> None:
        folder = self.folder / event["folder_name"]
        self._upload_folder(folder, "bundle")
        self._model_epoch = self._epoch_of(event)
        if self._model_epoch:  # an ensemble has none
            self._client.set_tag(self._run.info.run_id, KEPT_EPOCH_TAG, str(self._model_epoch))
        self._announce("model")
        with long_upload_timeout():
            self._model_id = log_model(self._client, self._run, folder, self._library, self._model_epoch)

    def _upload_evaluation(self, event: dict[str, Any]) -> None:
        step = self._model_epoch or 0
        self._log_metrics((f"test_{key}", value, event["at_ms"], step) for key, value in event["metrics"].items())
        if event["folder_name"]:
            self._upload_folder(self.folder / event["folder_name"], "evaluation")
        if page_name := event.get("page_name"):  # journals of earlier versions have none
            self._announce(page_name)
            with long_upload_timeout():
                self._client.log_artifact(self._run.info.run_id, str(self.folder / page_name))

    def _set_status(self, event: dict[str, Any]) -> None:
        run_id, reason = self._run.info.run_id, event.get("reason")
        self._announce("status")
        if reason:
            self._client.set_tag(run_id, END_REASON_TAG, redact_for_server(reason)[:_MAX_TAG_CHARACTERS])
        elif END_REASON_TAG in self._client.get_run(run_id).data.tags:
            self._client.delete_tag(run_id, END_REASON_TAG)
        if event["event"] == "resume":
            self._client.update_run(run_id, status="RUNNING")
        else:
            self._client.set_terminated(run_id, event["status"], end_time=event["at_ms"])

    # metrics, files, the model

    def _log_metrics(self, rows: Iterable[tuple[str, float, int, int]]) -> None:
        """Log (key, value, timestamp, step) rows; a value that its step has already is left out.

        A value is new when it differs from the latest one of its step. So an epoch that was trained again after a
        resume adds nothing where it came out the same, and MLflow shows the later value where it did not.
        """
        from mlflow.entities import Metric

        new: list[Any] = []
        for name, value, at_ms, step in rows:
            key = _key(name)
            before = self._history(key).get(step)
            if before is None or not _is_equal(before[1], value):
                new.append(Metric(key, value, at_ms, step))
        for some in _chunks(new, _MAX_METRICS_PER_CALL):
            self._announce("metrics")
            self._client.log_batch(self._run.info.run_id, metrics=some)
        for metric in new:
            self._remote[metric.key][metric.step] = (metric.timestamp, metric.value)

    def _history(self, key: str) -> dict[int, tuple[int, float]]:
        if key not in self._remote:
            history = self._remote[key] = {}
            if key in self._run.data.metrics:
                for metric in self._client.get_metric_history(self._run.info.run_id, key):
                    history[metric.step] = max(history.get(metric.step, (0, 0.0)), (metric.timestamp, metric.value))
        return self._remote[key]

    def _link_metrics_to_model(self) -> None:
        """Show the results of the model's own epoch, and the test metrics, beside the model."""
        from mlflow.entities import Metric

        assert self._model_epoch is not None
        shown: dict[str, tuple[int, float]] = {}  # of each the latest, for what was measured again has another value
        for metric in self._client.get_logged_model(self._model_id).metrics or []:
            shown[metric.key] = max(shown.get(metric.key, (0, 0.0)), (metric.timestamp, metric.value))
        new = []
        for key in sorted({*self._run.data.metrics, *self._remote}):
            if not key.startswith(_HEALTH) and self._model_epoch in self._history(key):
                at_ms, value = self._history(key)[self._model_epoch]
                if key in shown and _is_equal(shown[key][1], value):
                    continue
                new.append(Metric(key, value, at_ms, self._model_epoch, model_id=self._model_id))
        for some in _chunks(new, _MAX_METRICS_PER_CALL):
            self._client.log_batch(self._run.info.run_id, metrics=some)

    def _upload_folder(self, folder: Path, artifact_path: str) -> None:
        run_id = self._run.info.run_id
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            inside = path.relative_to(folder)
            self._announce(str(inside))
            with long_upload_timeout():
                self._client.log_artifact(run_id, str(path), Path(artifact_path, inside.parent).as_posix())

    def _epoch_of(self, bundle: dict[str, Any]) -> int:
        return bundle["epoch"] or max(self.journal.state().epochs, default=0)


def _as_sent_today(start: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Tags and texts of a journal's first event, less what earlier versions wrote and this one does not send.

    Their ``git.diff`` held every changed file of the tree, and the names of user and machine were always told.
    """
    tags, texts = dict(start["tags"]), dict(start["texts"])
    if GIT_DIFF_TAG not in tags:
        texts.pop("git.diff", None)
        tags = {name: text for name, text in tags.items() if name not in ("mlflow.user", "saccade.host")}
    if "params.yaml" in texts:
        texts["params.yaml"] = mask(texts["params.yaml"])
    return tags, texts


def _store_lock(uri: str) -> AbstractContextManager[Any]:
    """Let one process at a time make a SQLite store's tables and experiments; a server does so itself."""
    from filelock import FileLock

    database = sqlite_path(uri)
    if database is None:
        return nullcontext()
    database.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(database.with_name(f"{database.name}-init.lock"), timeout=60)


def _metric_name(name: str) -> str:
    """What MLflow calls a metric of the epochs: it sorts by name, and those of a run's health go behind the results.

    >>> _metric_name("gradient_norm"), _metric_name("train_loss")
    ('training/gradient_norm', 'train_loss')
    """
    return f"{_HEALTH}{name}" if name.startswith(_OF_HEALTH) else name


def _key(name: str) -> str:
    return re.sub(r"[^\w.\-/ :]", "_", name)[:_MAX_KEY_CHARACTERS]


def _param_text(value: Any) -> str:
    return (value if isinstance(value, str) else json.dumps(value))[:_MAX_PARAM_CHARACTERS]


def _chunks(rows: list[Any], size: int = _MAX_PARAMS_PER_CALL) -> Iterable[list[Any]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _is_equal(stored: float, value: float) -> bool:
    if math.isnan(stored) or math.isnan(value):
        return math.isnan(stored) and math.isnan(value)
    value = min(max(value, -_MAX_FLOAT), _MAX_FLOAT)
    stored = min(max(stored, -_MAX_FLOAT), _MAX_FLOAT)
    return math.isclose(stored, value, rel_tol=1e-12)  # a decimal on its way through JSON and SQL
