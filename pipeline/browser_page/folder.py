"""The folder of a page: its template, the network, what is said of it, and onnxruntime-web, all of it local."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from pipeline.browser_page.about import about_of
from saccade.core.errors import UserError
from saccade.core.files import replacing_folder, write_json
from saccade.predict.onnx_file import OnnxFile

PACKAGE = "onnxruntime-web"
_RUNTIME = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")  # in dist/: the CPU's form, one thread
_TEMPLATE = Path(__file__).with_name("template")
_OURS = ("about.json", "model.onnx", "page.js")  # in every folder that was written here


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
            f"above: `npm install {PACKAGE}`, or name its folder with --onnxruntime-web"
        )
    missing = [
        name for name in ("package.json", *(f"dist/{name}" for name in _RUNTIME)) if not (folder / name).is_file()
    ]
    if missing:
        raise UserError(f"{folder} must be the folder of {PACKAGE}, from 1.22 on, and has no {missing[0]}")
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    return WebRuntime(folder, str(package.get("version", "")))


def write_page(file: OnnxFile, folder: Path, runtime: WebRuntime) -> int:
    """Write the folder of a page, whole.

    Args:
        file: an exported network about pictures.
        folder: folder to write; one that is there must be empty or one of these pages.
        runtime: what runs the network in the browser.

    Returns:
        Its size in bytes.

    Raises:
        UserError: the network is about something else, or the folder holds something else.
    """
    about = about_of(file)
    holds = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if folder.is_file() or (holds and not holds.issuperset(_OURS)):
        raise UserError(f"{folder} must be a new folder or an earlier page, and is neither: name another one")
    with replacing_folder(folder) as partial:
        shutil.copytree(_TEMPLATE, partial, dirs_exist_ok=True)
        shutil.copyfile(file.path, partial / "model.onnx")
        for name in _RUNTIME:
            shutil.copyfile(runtime.folder / "dist" / name, partial / name)
        write_json(partial / "about.json", {**about, "runtime": f"{PACKAGE} {runtime.version}"})
        return sum(path.stat().st_size for path in partial.iterdir())
