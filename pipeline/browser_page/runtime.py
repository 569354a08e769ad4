"""onnxruntime-web, which runs a network in a browser: found where npm has installed it."""

import json
from dataclasses import dataclass
from pathlib import Path

from saccade.core.errors import UserError

PACKAGE = "onnxruntime-web"
FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")  # in dist/: the CPU's form


@dataclass(frozen=True)
class WebRuntime:
    """An installed onnxruntime-web.

    Attributes:
        folder: folder of the package, which npm made.
        version: its version.
    """

    folder: Path
    version: str


def find_runtime(given: Path | None, here: Path) -> WebRuntime:
    """Find onnxruntime-web, which npm installs and this project does not bring.

    Args:
        given: folder of the package; None: node_modules here or in a folder above.
        here: where the command was called.

    Returns:
        The package.

    Raises:
        UserError: it is not there, or lacks what the page loads.
    """
    beside = [above / "node_modules" / PACKAGE for above in (here, *here.parents)]
    folder = given or next((each for each in beside if each.is_dir()), None)
    if folder is None:
        raise UserError(
            f"{PACKAGE} must be installed for the page to run a network, and no node_modules/{PACKAGE} is here or "
            f"above: `npm install --no-save {PACKAGE}` here, or name its folder with --onnxruntime-web"
        )
    missing = [name for name in ("package.json", *(f"dist/{name}" for name in FILES)) if not (folder / name).is_file()]
    if missing:
        raise UserError(f"{folder} must be {PACKAGE} as npm installs it (1.30 was tried), and has no {missing[0]}")
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    return WebRuntime(folder, str(package.get("version", "")))
