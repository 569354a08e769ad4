"""The model registry of an MLflow server: versions of a name, their aliases, tags, files. A failure is one line."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.model_registry.reference import ModelReference
from pipeline.tracking.mlflow_store import (
    load_mlflow,
    long_upload_timeout,
    sqlite_path,
    tracking_uri,
    why_not_installed,
    why_unreachable,
)
from pipeline.tracking.uploader import describe_failure
from saccade.core.errors import UserError
from saccade.io.credentials import mask

CHAMPION = "champion"
"""Alias of the version that is in use: what is worse beyond chance is not registered beside it."""

WEIGHTS_TAG = "saccade.weights_sha256"
BUNDLE_TAG = "saccade.bundle_sha256"
IDENTITY_TAG = "saccade.identity"
RUN_TAG = "saccade.run"
RUN_UID_TAG = "saccade.run_uid"
COMMIT_TAG = "saccade.git_commit"
DIRTY_TAG = "saccade.git_dirty"
METRIC_TAG = "saccade.metric"  # name of the task's main metric

MAX_DESCRIPTION = 5_000  # characters that MLflow's database keeps
_URI_VARIABLE = "MLFLOW_TRACKING_URI"
_MAX_SHOWN = 10  # names in a message
_MODEL_VERSIONS_TAG = "mlflow.modelVersions"  # of a logged model: MLflow's pages link it to its versions by this


@dataclass(frozen=True)
class Version:
    """A version of a registered model.

    Attributes:
        name: name of the registered model.
        number: number of the version, from 1.
        aliases: its aliases, sorted.
        tags: its tags.
        created_ms: when it was made, in milliseconds since 1970.
    """

    name: str
    number: int
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    created_ms: int

    def __str__(self) -> str:
        return f"{self.name} version {self.number}"


class Registry:
    """A model registry.

    Args:
        uri: address of the tracking store, which holds the registry too.
        client: an ``MlflowClient`` of it.

    Attributes:
        uri: address of the tracking store; it may hold a password: ``shown`` is for messages.
        client: an ``MlflowClient`` of it.
    """

    def __init__(self, uri: str, client: Any) -> None:
        self.uri = uri
        self.client = client

    @property
    def shown(self) -> str:
        """The address without a password."""
        return mask(self.uri)

    @classmethod
    def open(cls) -> "Registry":
        """The registry of the tracking store that runs are sent to.

        Returns:
            The registry.

        Raises:
            UserError: it does not answer, or is not there yet.
        """
        uri = tracking_uri(paths.home())
        if reason := why_not_installed() or why_unreachable(uri):
            raise UserError(
                f"the model registry {mask(uri)} cannot be asked: {reason}. Start the server, or name another with "
                "MLFLOW_TRACKING_URI"
            )
        database = sqlite_path(uri)
        if database is not None and not database.exists():
            raise UserError(
                f"{database} does not exist: no run was sent there yet, so that nothing is registered. `saccade "
                "register RUN` does both, or MLFLOW_TRACKING_URI names another registry"
            )
        load_mlflow()
        with in_one_line(uri):
            from mlflow import MlflowClient

            return cls(uri, MlflowClient(tracking_uri=uri))

    def names(self) -> list[str]:
        """Names of all registered models, sorted."""
        with in_one_line(self.uri):
            return sorted(model.name for model in _pages(self.client.search_registered_models))

    def find(self, reference: ModelReference) -> Version:
        """Find a version.

        Args:
            reference: its name, and its alias or number.

        Returns:
            The version.

        Raises:
            UserError: there is none, with what there is.
        """
        versions = self.versions(reference.name)
        if not versions:
            known = _listed(self.names())
            raise UserError(
                f"{reference}: {self.shown} has no registered model {reference.name!r} ({known}). `saccade register "
                f"RUN --name {reference.name}` makes one"
            )
        for version in versions:
            if version.number == reference.number or (reference.alias and reference.alias in version.aliases):
                return version
        numbers = ", ".join(str(version.number) for version in versions[:_MAX_SHOWN])
        if reference.number:
            raise UserError(f"{reference}: {reference.name} has no version {reference.number}; the latest: {numbers}")
        aliases = [f"{alias} is version {version.number}" for version in versions for alias in version.aliases]
        raise UserError(
            f"{reference}: no version of {reference.name} has the alias {reference.alias!r} (versions {numbers}; "
            f"{', '.join(aliases) or 'no aliases'}). `saccade register RUN --name {reference.name} --alias "
            f"{reference.alias}` sets it"
        )

    def versions(self, name: str) -> list[Version]:
        """All versions of a registered model, the latest first; none where there is no such model."""
        from mlflow.exceptions import MlflowException

        with in_one_line(self.uri):
            try:
                model = self.client.get_registered_model(name)
            except MlflowException as error:
                if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return []
                raise
            aliases: dict[int, list[str]] = {}
            for alias, number in model.aliases.items():
                aliases.setdefault(int(number), []).append(alias)
            quoted = name.replace("'", "''")
            found = [
                Version(
                    name,
                    int(each.version),
                    tuple(sorted(aliases.get(int(each.version), ()))),
                    dict(each.tags),
                    int(each.creation_timestamp or 0),
                )
                for each in _pages(self.client.search_model_versions, f"name = '{quoted}'")
            ]
        return sorted(found, key=lambda version: -version.number)

    def add(self, name: str, model_id: str, run_id: str, tags: Mapping[str, str], description: str) -> int:
        """Register a logged model as the next version of a name, which is made where it is new.

        Args:
            name: name of the registered model.
            model_id: id of the logged model.
            run_id: id of its MLflow run.
            tags: tags of the version.
            description: Markdown, ``MAX_DESCRIPTION`` characters at most.

        Returns:
            The number of the version.
        """
        from mlflow.exceptions import MlflowException

        with in_one_line(self.uri), _as_tracking_uri(self.uri):
            try:
                self.client.create_registered_model(name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            made = self.client.create_model_version(
                name, f"models:/{model_id}", run_id, tags=dict(tags), description=description, model_id=model_id
            )
            linked = json.loads(self.client.get_logged_model(model_id).tags.get(_MODEL_VERSIONS_TAG, "[]"))
            linked.append({"name": name, "version": int(made.version)})
            self.client.set_logged_model_tags(model_id, {_MODEL_VERSIONS_TAG: json.dumps(linked)})
        return int(made.version)

    def set_alias(self, version: Version, alias: str) -> None:
        """Give a version an alias, which another one loses."""
        with in_one_line(self.uri):
            self.client.set_registered_model_alias(version.name, alias, str(version.number))

    def upload(self, model_id: str, folder: Path) -> None:
        """Put the files of a folder beside those of a logged model."""
        with in_one_line(self.uri), long_upload_timeout():
            self.client.log_model_artifacts(model_id, str(folder))

    def download(self, version: Version, inside: str, into: Path) -> Path | None:
        """Fetch a folder of a version.

        Args:
            version: the version.
            inside: folder of its files, such as record.
            into: folder to write it into.

        Returns:
            The folder; None where the version has no such.
        """
        from mlflow.artifacts import download_artifacts, list_artifacts

        with in_one_line(self.uri), long_upload_timeout(), _as_tracking_uri(self.uri):
            whole = self.client.get_model_version_download_uri(version.name, str(version.number)).rstrip("/")
            address = f"{whole}/{inside}"
            if not list_artifacts(artifact_uri=address, tracking_uri=self.uri):
                return None
            return Path(download_artifacts(artifact_uri=address, dst_path=str(into), tracking_uri=self.uri))


@contextmanager
def in_one_line(uri: str) -> Iterator[None]:
    """Say in one line what a server or its files refused inside the block.

    Args:
        uri: address of the tracking store.

    Yields:
        Nothing.

    Raises:
        UserError: what was refused.
    """
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        raise UserError(f"{mask(uri)}: {why_unreachable(uri) or describe_failure(error)}") from error
    except OSError as error:  # requests' own are such, too
        raise UserError(f"{mask(uri)}: {why_unreachable(uri) or describe_failure(error)}") from error


@contextmanager
def _as_tracking_uri(uri: str) -> Iterator[None]:
    """MLflow's own, while it looks up a logged model: its SQL registry asks no client for the address."""
    import mlflow

    in_environment = os.environ.pop(_URI_VARIABLE, None)
    before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)
        os.environ.pop(_URI_VARIABLE, None)  # which MLflow sets, too
        if in_environment is not None:
            os.environ[_URI_VARIABLE] = in_environment


def _pages(search: Any, *arguments: Any) -> Iterator[Any]:
    page: Any = search(*arguments)
    yield from page
    while page.token:
        page = search(*arguments, page_token=page.token)
        yield from page


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_SHOWN} more" if len(names) > _MAX_SHOWN else ""
    return f"it has {', '.join(names[:_MAX_SHOWN])}{more}" if names else "it has none yet"
