"""``saccade clean``: what lies in the project that no run of params.yaml needs, how large it is, and its removal.

.saccade/runs       trainings, finished or stopped (pipeline/runs/run_store.py)
.saccade/folds      trees that an interrupted `saccade repeat --folds` left
.saccade/baselines  results of baselines: small, and minutes to compute again
.saccade/embeddings what frozen layers made of images: minutes to compute again
data/prepared, data/augmented   of datasets that params.yaml does not name any more; the latter holds stored views
.dvc/cache          what neither the workspace, nor a commit, nor an experiment refers to: what ``dvc gc`` removes

Bytes as published (data/raw), bundles (models) and reports are results or cannot always be had again: they stay.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.console import pluralise, say, warn
from pipeline.params.load import Params
from pipeline.runs.journal import Journal
from pipeline.tracking.mlflow_store import tracking_uri
from pipeline.tracking.replay import upload_progress
from pipeline.tracking.status import stage_lock

_IN_USE = "in use"
_OBJECT = re.compile(rb"\b[0-9a-f]{32}(?:\.dir)?\b")
_IDENTITY = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
_LEFT_BY_US = "left by a `saccade clean` that was stopped"


@dataclass(frozen=True)
class Item:
    """Something that takes space.

    Attributes:
        place: folder or file.
        size: in bytes.
        what: for people.
        kept: why it stays, None where nothing needs it.
        identity: of a training, the folder that other processes lock; else empty.
    """

    place: Path
    size: int
    what: str
    kept: str | None = None
    identity: str = ""


def clean(params: Params, *, removes: bool, includes_needed: bool) -> None:
    """Print what takes space and what of it nobody needs; remove that if asked to.

    Args:
        params: the whole file; what its runs need is kept.
        removes: remove it, else only print.
        includes_needed: count as not needed, too, what the runs of params.yaml need and can make again, and trainings
            that the tracking server does not have yet. What another process works on stays in any case.
    """
    items = [*_trainings(params), *_folds(), *_baselines(), *_embeddings(), *_data(params), *_remains()]
    if includes_needed:
        items = [item if item.kept == _IN_USE else replace(item, kept=None) for item in items]
    for item in items:
        place = _IDENTITY.sub(r"\1...", str(item.place))
        say(f"  {_readable(item.size):>9}  {place}: {item.what}" + (f"; kept: {item.kept}" if item.kept else ""))
    unneeded = [item for item in items if item.kept is None]
    if removes:
        unneeded = [item for item in unneeded if _remove(item)]  # what is in the workspace, first: DVC keeps that
    num_objects, cache_size = _dvc_cache(removes=removes)
    if num_objects:
        say(f"  {_readable(cache_size):>9}  .dvc/cache: {pluralise(num_objects, 'object')} that no commit needs")
    total = sum(item.size for item in unneeded) + cache_size
    if not unneeded and not num_objects:
        say("nothing to free" if not items else "nothing to free: all of it is needed")
    elif removes:
        say(f"freed {_readable(total)}")
    else:
        say(f"{_readable(total)} can be freed; nothing has been removed: `saccade clean --yes` does that")


# --- what there is ----------------------------------------------------------------------------------------------------


def _trainings(params: Params) -> Iterator[Item]:
    """Folders of ``.saccade/runs``, the newest first."""
    identities, run_uids = _published(params)
    uri, seen = tracking_uri(paths.home()), set[str]()
    folders = [path for path in (paths.home() / ".saccade" / "runs").glob("*") if path.is_dir()]
    for folder in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True):
        state = Journal(folder).state()
        run = state.run or "no run"
        is_finished = (folder / "results" / "run.json").exists() or bool(state.members)
        is_newest = run not in seen
        seen.add(run)
        kept = None
        if _is_locked(folder):
            kept = _IN_USE
        elif folder.name in identities or state.run_uid in run_uids:
            kept = "a result in reports/ is of it"
        elif state.run_uid is not None and upload_progress(folder, uri)[1] != sum(1 for _ in Journal(folder).events()):
            kept = "MLflow does not have it yet; `saccade sync` sends it"
        elif not is_finished and is_newest and (name := _run_of(run, params)):
            kept = f"stopped; `saccade train {name}` goes on with it if nothing else has changed"
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(folder.stat().st_mtime))
        what = f"{run}, {'trained' if is_finished else 'begun'} {when}"
        yield Item(folder.relative_to(paths.home()), _size(folder), what, kept, folder.name)


def _published(params: Params) -> tuple[set[str], set[str]]:
    """Identities and run_uids that the reports of params.yaml's runs name, members, seeds and folds among them."""
    identities, run_uids = set[str](), set[str]()
    for run in params.runs:
        for name in ("run.json", "repeat.json", "folds.json"):
            path = paths.report(run) / name
            if path.exists():
                for found in _dicts(json.loads(path.read_text(encoding="utf-8"))):
                    identities.update({found["identity"]} if "identity" in found else ())
                    run_uids.update({found["run_uid"]} if "run_uid" in found else ())
    return identities, run_uids


def _dicts(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _dicts(inner)


def _run_of(name: str, params: Params) -> str | None:
    """The run of params.yaml that a training was begun for: itself, a seed or a fold of it."""
    return next((one for one in (name, re.sub(r"(\.seed\d+|-fold\d+)$", "", name)) if one in params.runs), None)


def _folds() -> Iterator[Item]:
    for tree in sorted((paths.home() / ".saccade" / "folds").glob("*")):
        if tree.is_dir():
            kept = _IN_USE if _is_held(Path(f"{tree}.lock")) else None
            yield Item(tree.relative_to(paths.home()), _size(tree), "prepared folds that an interruption left", kept)


def _baselines() -> Iterator[Item]:
    folder = paths.home() / paths.baseline_store()
    if folder.is_dir():
        what = f"results of {pluralise(len(list(folder.glob('*.json'))), 'baseline')}"
        yield Item(folder.relative_to(paths.home()), _size(folder), what, "small, and slow to compute again")


def _embeddings() -> Iterator[Item]:
    for folder in sorted((paths.home() / paths.embeddings_store()).glob("*")):
        what = "what frozen layers made of images, for trainings of the head alone"
        yield Item(folder.relative_to(paths.home()), _size(folder), what)


def _data(params: Params) -> Iterator[Item]:
    for place, what in (("data/prepared", "arrays"), ("data/augmented", "stored views")):
        for folder in sorted(path for path in (paths.home() / place).glob("*") if path.is_dir()):
            is_named = folder.name in params.datasets
            what_of = f"{what} of {folder.name}" + ("" if is_named else ", which params.yaml does not name")
            kept = f"{folder.name} is in params.yaml" if is_named else None
            yield Item(folder.relative_to(paths.home()), _size(folder), what_of, kept)


def _remains() -> Iterator[Item]:
    for path in sorted((paths.home() / ".saccade").glob("removing-*")):
        yield Item(path.relative_to(paths.home()), _size(path), _LEFT_BY_US)


def _dvc_cache(*, removes: bool) -> tuple[int, int]:
    """Objects of the project's own DVC cache that nothing refers to, and their bytes; removed if asked to.

    ``dvc gc --all-commits --all-experiments`` finds the same, at a quarter of a second a commit. This reads all
    versions of dvc.lock from git at once, those of experiments, stashes and the reflog among them.
    """
    cache = paths.home() / ".dvc" / "cache" / "files" / "md5"  # one elsewhere may be other projects', too
    if not cache.is_dir():
        return 0, 0
    used = _used_objects(cache)
    if used is None:
        warn("warning: DVC's cache is left alone: git does not say what earlier commits need")
        return 0, 0
    unused = [path for path in cache.glob("*/*") if path.parent.name + path.name not in used]
    size = sum(path.lstat().st_size for path in unused)
    if removes and unused:
        from dvc.exceptions import DvcException
        from dvc.repo import Repo

        try:
            with Repo(os.fspath(paths.home())) as repo, repo.lock:  # no stage runs meanwhile
                for path in unused:
                    path.unlink()
        except DvcException as error:
            warn(f"warning: DVC's cache is left alone: {error}")
            return 0, 0
    return len(unused), size


def _used_objects(cache: Path) -> set[str] | None:
    """Names of all objects that the workspace, or anything that git knows, refers to; None where git does not say."""
    root = paths.home()
    texts = [path.read_bytes() for path in (root / "dvc.lock", *root.glob("*.dvc")) if path.is_file()]
    listing = ["rev-list", "--all", "--reflog", "--objects", "--", "dvc.lock", ":(glob)**/*.dvc"]
    try:
        listed = subprocess.run(["git", *listing], cwd=root, capture_output=True, check=True).stdout
        names = [line.split(b" ")[0] for line in listed.splitlines() if b" " in line]  # commits have no path
        asked = subprocess.run(
            ["git", "cat-file", "--batch"], cwd=root, input=b"\n".join(names), capture_output=True, check=True
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    used = {name.decode() for name in _OBJECT.findall(b"\n".join([*texts, asked.stdout]))}
    for name in [name for name in used if name.endswith(".dir")]:
        path = cache / name[:2] / name[2:]
        if path.is_file():
            used.update(entry["md5"] for entry in json.loads(path.read_bytes()))
    return used


# --- removal, sizes, locks --------------------------------------------------------------------------------------------


def _remove(item: Item) -> bool:
    """Remove a file or folder; False where another process has begun to use it.

    It is moved out of its place first: killed in between, what is left is not taken for a training.
    """
    place = paths.home() / item.place
    with contextlib.ExitStack() as locks:
        if item.identity:
            lock = _taken(stage_lock(place))
            if lock is None:
                say(f"  {item.place} is in use now: left")
                return False
            locks.enter_context(lock)
        aside = place
        if item.what != _LEFT_BY_US:
            aside = paths.home() / ".saccade" / f"removing-{uuid.uuid4().hex[:12]}"
            aside.parent.mkdir(exist_ok=True)
            place.rename(aside)
    if aside.is_dir() and not aside.is_symlink():
        shutil.rmtree(aside)
    else:
        aside.unlink()
    return True


def _taken(lock: Any) -> Any:
    from filelock import Timeout

    try:
        return lock.acquire(blocking=False)
    except Timeout:
        return None


def _is_locked(folder: Path) -> bool:
    return _is_held(folder / "lock")


def _is_held(path: Path) -> bool:
    """Whether a process holds the lock; nothing is created."""
    if not path.exists():
        return False
    from filelock import FileLock

    lock = _taken(FileLock(path))
    if lock is None:
        return True
    lock.lock.release()
    return False


def _size(path: Path) -> int:
    """Bytes of all files below; links are not followed."""
    inside = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    return sum(one.lstat().st_size for one in inside if one.is_symlink() or one.is_file())


def _readable(size: int) -> str:
    """Bytes for people.

    >>> _readable(812), _readable(12_345_678)
    ('812 B', '12.3 MB')
    """
    for unit, bytes_of_it in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= bytes_of_it:
            return f"{size / bytes_of_it:.1f} {unit}"
    return f"{size} B"
