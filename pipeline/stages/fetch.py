"""``saccade fetch DATASET``: the source's bytes, as published, into data/raw/<dataset>."""

import shutil

from filelock import FileLock

from pipeline import paths
from pipeline.console import Progress, say
from pipeline.schema.named import NamedBlock
from pipeline.stages.local_sources import look_at, remember
from saccade.core import registry
from saccade.core.files import replacing_folder


def fetch(dataset: str, *, source: NamedBlock) -> None:
    """Fetch one dataset; an earlier copy stays until the new one is whole and checked.

    What was already downloaded is kept in ``.saccade/downloads`` until then, so a fetch that was stopped
    goes on where it was.
    """
    target = paths.raw(dataset)
    partial_downloads = paths.home() / ".saccade" / "downloads" / f"{dataset}-{source.name}"
    partial_downloads.mkdir(parents=True, exist_ok=True)
    module = registry.module("datasets", source.name)
    looks = look_at(source.arguments)  # before: what changes meanwhile is seen at the next check
    with FileLock(f"{partial_downloads}.lock"), Progress("bytes") as progress, replacing_folder(target) as folder:
        registry.call_with_supported(module.fetch, partial_downloads, progress=progress, **source.arguments)
        files = [path for path in partial_downloads.iterdir() if path.suffix not in (".lock", ".part")]
        size = sum(path.stat().st_size for path in files)
        for path in files:
            shutil.move(path, folder / path.name)  # data/ may be another disk
    remember(dataset, looks)
    say(f"fetched {dataset}: {', '.join(sorted(path.name for path in files))} ({size / 1e6:.1f} MB) in {target}")
