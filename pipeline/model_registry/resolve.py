"""From what somebody names to the bundle that answers: a run, a registered model, or the folder of a bundle."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.model_registry.evidence import RECORD, bundle_sha256
from pipeline.model_registry.reference import SCHEME, is_run, parse_reference
from pipeline.model_registry.versions import BUNDLE_TAG, WEIGHTS_TAG, Registry, Version
from saccade.bundle.bundle import weights_sha256
from saccade.core.errors import UserError
from saccade.core.files import replacing_folder

_BUNDLE = "artifacts/bundle"  # in MLflow's folder of a model


@dataclass(frozen=True)
class FoundBundle:
    """A bundle and what lies beside it.

    Attributes:
        bundle: folder of the bundle.
        record: folder with run.json and metrics.json of its run, as far as they are known.
        version: the registered version; None of a run, or of a folder.
    """

    bundle: Path
    record: Path
    version: Version | None = None

    def recorded_run(self) -> Mapping[str, Any]:
        """What ``train`` wrote of the run; nothing where that is not known."""
        path = self.record / "run.json"
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}

    def recorded_params(self) -> Mapping[str, Any]:
        """Every resolved parameter of the run, flat keys; nothing where that is not known."""
        found: Mapping[str, Any] = self.recorded_run().get("record", {}).get("params", {})
        return found


def bundle_folder(reference: str, here: Path = Path()) -> Path:
    """The folder of the bundle that somebody names.

    Args:
        reference: a run that is trained, ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION``, or the folder of a bundle.
        here: folder that a path is relative to.

    Returns:
        Folder with bundle.json and the weights; of a registered model a copy, whose bytes were checked.

    Raises:
        UserError: there is none.
    """
    return find_bundle(reference, here).bundle


def find_bundle(reference: str, here: Path = Path()) -> FoundBundle:
    """As ``bundle_folder``, with what lies beside the bundle.

    Args:
        reference: as of ``bundle_folder``.
        here: folder that a path is relative to.

    Returns:
        The bundle, its record and its version.

    Raises:
        UserError: there is none.
    """
    if reference.startswith(SCHEME):
        return _of_version(reference)
    if is_run(reference):
        return FoundBundle(paths.model(reference), paths.report(reference))
    folder = here / reference
    if not (folder / "bundle.json").is_file():
        raise UserError(
            f"{reference} must be a run, a registered model ({SCHEME}NAME@ALIAS) or a folder with a bundle.json, such "
            "as models/RUN"
        )
    is_of_tree = folder.resolve() == paths.model(folder.name).resolve()
    return FoundBundle(folder, paths.report(folder.name) if is_of_tree else folder.parent / RECORD)


def _of_version(reference: str) -> FoundBundle:
    """A copy of the files of a version, which is fetched unless its bytes are here already."""
    wanted = parse_reference(reference)
    registry = Registry.open()
    version = registry.find(wanted)
    digests = tuple(version.tags.get(tag, "") for tag in (WEIGHTS_TAG, BUNDLE_TAG))
    if not all(digests):
        raise UserError(
            f"{version} was not registered by `saccade register`, and its tags hold no digests: "
            f"mlflow.pyfunc.load_model({reference!r}) opens it"
        )
    folder = paths.registered(hashlib.sha256("\n".join([version.name, *digests]).encode()).hexdigest())
    if not folder.exists() or _differing(folder / "bundle", digests):
        with replacing_folder(folder) as partial:
            _fetch(registry, version, partial)
            if wrong := _differing(partial / "bundle", digests):
                raise UserError(f"{version} at {registry.shown} {wrong}: it was changed there, and is not used")
    return FoundBundle(folder / "bundle", folder / RECORD, version)


def _fetch(registry: Registry, version: Version, into: Path) -> None:
    fetched = registry.download(version, _BUNDLE, into / "fetched")
    if fetched is None:
        raise UserError(f"{version} at {registry.shown} holds no bundle ({_BUNDLE}): register the run again")
    fetched.rename(into / "bundle")
    record = registry.download(version, RECORD, into / "fetched")
    if record is not None:
        record.rename(into / RECORD)
    shutil.rmtree(into / "fetched", ignore_errors=True)  # folders that the download has left empty


def _differing(bundle: Path, digests: tuple[str, ...]) -> str:
    """What of a bundle is not as its version says; empty where all is."""
    try:
        weights = weights_sha256(bundle)
    except UserError as error:
        return f"holds no whole bundle ({error})"
    if weights != digests[0]:
        return f"holds other weights than were registered ({weights[:12]}, not {digests[0][:12]})"
    if bundle_sha256(bundle) != digests[1]:
        return "holds another bundle.json than was registered"
    return ""
