"""What training reads of the training split: stored views, views made while it runs, or the images themselves."""

import hashlib
import json
from importlib import metadata
from pathlib import Path

import numpy as np

from saccade.core.files import read_json
from saccade.data.arrays import open_array
from saccade.data.prepared import VIEWS_FORMAT
from saccade.transforms.online_views import OnlineViews

_MAKERS = ("albumentations", "numpy", "opencv-python-headless")  # whose versions decide the pixels


def open_views(augmented: Path, prepared: Path) -> tuple[np.ndarray | OnlineViews, dict[str, str]]:
    """Open what training reads.

    Args:
        augmented: folder of the views, such as data/augmented/digits.
        prepared: folder of the prepared dataset, such as data/prepared/digits.

    Returns:
        Views (V, N, ...), memory-mapped, such as uint8 (V, N, H, W, C), the prepared examples themselves as the only
        view where there are none; or what makes views while training reads them. And the SHA-256 of what makes the
        views what they are, as {"views": ...}: of the bytes of stored ones; of the transforms, the seed, the code that
        applies them and the versions of its libraries for others; empty where there are none.

    Raises:
        UserError: ``saccade augment`` has not run.
    """
    make_with = f"saccade augment {augmented.name}"
    written = read_json(augmented / "augment.json", format_number=VIEWS_FORMAT, make_with=make_with)
    if written.get("mode") == "online":
        rules = {key: written[key] for key in ("transforms", "seed", "include_original")}
        rules |= {"is_padded": True} if written.get("is_padded") else {}
        code = written.get("code")  # not in those of earlier versions
        decides = json.dumps([rules, {name: _version(name) for name in _MAKERS}, code], sort_keys=True)
        return OnlineViews(prepared / "train.npy", **rules), {"views": hashlib.sha256(decides.encode()).hexdigest()}
    if written["views"] == 0:
        return open_array(prepared / "train.npy")[None], {}
    return open_array(augmented / "train.npy"), {"views": written["sha256"]}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not known"  # opencv comes under several names
