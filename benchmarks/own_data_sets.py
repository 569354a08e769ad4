"""Small sets of real data as people have them, each written once to a folder; for own_data.py.

Pictures lie in a folder a class (CIFAR-10 and others with a test part of their own below train/ and test/), texts in a
folder or a file a class, series in a CSV file; own_data_sources.py writes them. What cannot be had is skipped by name.

elpv-dataset, photographs of solar cells, is left out: its licence (CC BY-NC-SA 4.0) allows no commercial use.
"""

import hashlib
import json
import shutil
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import own_data_sources as sources
from own_data_sources import Place


@dataclass(frozen=True)
class OwnSet:
    """A set as a user would have it.

    Attributes:
        about: what it is, in a few words.
        form: image, tokens or series.
        make: what fills the folder.
        source: ``source:`` of params.yaml, less its path; ``{folder}`` stands for the set's folder.
        split: ``split:``, less its seed.
        preprocess: keys that the data ask for, where the settings do not say otherwise.
        before: name of the settings that the recipes had for such data.
        is_kept_out: whether it is not looked at while settings are chosen.
        is_resampled: whether each split has a training part (a series: an end) of its own.
        is_large: whether only ``--full`` takes it.
    """

    about: str
    form: str
    make: Callable[[Place], None]
    source: Mapping[str, Any] = field(default_factory=lambda: {"name": "image_folder", "path": "{folder}"})
    split: Mapping[str, Any] = field(default_factory=lambda: {"test": 0.15, "validation": 0.15})
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    before: str = "own-pictures"
    is_kept_out: bool = False
    is_resampled: bool = False
    is_large: bool = False


def written(name: str, one: OwnSet, split: int, shared: Path, work: Path) -> tuple[Path, str]:
    """A set's folder, which is made where it is not there yet, and a digest of what is in it.

    Raises:
        MissingDataError: what it is made of cannot be had.
    """
    split = split if one.is_resampled else 0
    folder = work / "sets" / name / (f"split{split}" if one.is_resampled else "all")
    stamp = folder.with_suffix(".json")
    if not stamp.exists():
        partial = folder.with_suffix(".part")
        for old in (folder, partial):
            shutil.rmtree(old, ignore_errors=True)
        partial.mkdir(parents=True)
        random = np.random.default_rng([zlib.crc32(name.encode()), split])
        one.make(Place(shared, work / "raw", partial, split, random))
        files = sorted(path for path in partial.rglob("*") if path.is_file())
        digest = hashlib.blake2b(digest_size=8)
        for path in files:
            digest.update(f"{path.relative_to(partial).as_posix()}\0".encode() + path.read_bytes())
        partial.rename(folder)
        stamp.write_text(json.dumps({"files": len(files), "digest": digest.hexdigest()}) + "\n", encoding="utf-8")
    return folder, json.loads(stamp.read_text(encoding="utf-8"))["digest"]


_GIVEN = {"test": "given", "validation": 0.15}
_BY_TIME = {"test": 0.2, "validation": 0.1, "order": "time"}
_SERIES = {"name": "series_table", "path": "{folder}/series.csv"}
_LINES = {"name": "text_folder", "path": "{folder}", "examples": "lines"}


SETS: dict[str, OwnSet] = {
    "faces": OwnSet(
        "40 people, 10 photographs each", "image", sources.write_faces, split={"test": 0.5, "validation": 0.1}
    ),
    "cifar-10": OwnSet(
        "things, 10 a class", "image", sources.cifar_writer([10] * 10, 100), split=_GIVEN, is_resampled=True
    ),
    "cifar-50": OwnSet(
        "things, 50 a class", "image", sources.cifar_writer([50] * 10, 100), split=_GIVEN, is_resampled=True
    ),
    "cifar-250": OwnSet(
        "things, 250 a class", "image", sources.cifar_writer([250] * 10, 200), split=_GIVEN, is_resampled=True
    ),
    "cifar-uneven": OwnSet(
        "things, 250 down to 8 a class",
        "image",
        sources.cifar_writer([round(250 * (8 / 250) ** (i / 9)) for i in range(10)], 100),
        split=_GIVEN,
        is_resampled=True,
    ),
    "mnist-25": OwnSet(
        "written digits, 25 a class",
        "image",
        sources.idx_writer(sources.mnist_files, 25, 100),
        split=_GIVEN,
        is_resampled=True,
    ),
    "digits": OwnSet("written digits of 8x8 pixels", "image", sources.write_digits),
    "defects": OwnSet("drawn plates with small, faint defects, 600 down to 30 a class", "image", sources.write_defects),
    "tiles": OwnSet(
        "drawn tiles with defects, 300 down to 12 a class",
        "image",
        sources.write_tiles,
        source={"name": "image_folder", "path": "{folder}", "class_from": "MT_{class}/Imgs/*"},
        split={"test": 0.15, "validation": 0.15, "group_by": "{group}_*.jpg"},
        is_kept_out=True,
    ),
    "spoken-digits": OwnSet(
        "spectrograms of spoken digits", "image", sources.write_spoken_digits, split=_GIVEN, is_kept_out=True
    ),
    "receipt-pictures": OwnSet(
        "lines of receipts by kind, as pictures",
        "image",
        sources.write_receipt_pictures,
        split={"test": 0.15, "validation": 0.15, "group_by": "{group}_*.jpg"},
        is_kept_out=True,
    ),
    "fashion-50": OwnSet(
        "clothes, 50 a class",
        "image",
        sources.idx_writer(sources.fashion_files, 50, 100),
        split=_GIVEN,
        is_resampled=True,
        is_kept_out=True,
    ),
    "fashion-full": OwnSet(
        "clothes, 6,000 a class",
        "image",
        sources.idx_writer(sources.fashion_files, None, None),
        split={"test": "given", "validation": 0.1, "allow_leakage": True},
        preprocess={"near_duplicates": False},
        is_kept_out=True,
        is_large=True,
    ),
    "names": OwnSet(
        "surnames of 18 languages, 400 down to 73 a class",
        "tokens",
        sources.write_surnames,
        source=_LINES,
        preprocess={"on_conflict": "keep"},
        before="names-lstm",
    ),
    "reviews": OwnSet(
        "film reviews, for or against",
        "tokens",
        sources.write_reviews,
        source={"name": "text_folder", "path": "{folder}"},
        preprocess={"on_conflict": "keep"},  # cut short, reviews may be the same
        before="reviews-lstm",
    ),
    "receipt-texts": OwnSet(
        "lines of receipts by kind, as texts",
        "tokens",
        sources.write_receipt_texts,
        source=_LINES,
        preprocess={"on_conflict": "keep"},
        before="names-lstm",
        is_kept_out=True,
    ),
    "sunspots": OwnSet(
        "spots of the sun, monthly from 1749",
        "series",
        sources.write_sunspots,
        source=_SERIES,
        split=_BY_TIME,
        preprocess={"window": 132, "horizon": 12},
        before="sunspots-lstm",
        is_resampled=True,
    ),
    "co2": OwnSet(
        "carbon dioxide on Mauna Loa, monthly from 1958",
        "series",
        sources.write_co2,
        source=_SERIES,
        split=_BY_TIME,
        preprocess={"window": 24, "horizon": 6},
        before="sunspots-lstm",
        is_resampled=True,
    ),
    "elnino": OwnSet(
        "temperature of the sea off Peru, monthly from 1950",
        "series",
        sources.write_elnino,
        source=_SERIES,
        split=_BY_TIME,
        preprocess={"window": 24, "horizon": 6},
        before="sunspots-lstm",
        is_resampled=True,
        is_kept_out=True,
    ),
}
QUICK = ("faces", "cifar-50", "defects", "names")
"""Four sets that settings may be chosen by."""
