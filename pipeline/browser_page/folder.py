"""The folder of a page: its template, the network, what is said of it, and onnxruntime-web, all of it local."""

import shutil
from pathlib import Path

from pipeline.browser_page.about import about_of
from pipeline.browser_page.runtime import FILES, PACKAGE, WebRuntime
from saccade.core.errors import UserError
from saccade.core.files import replacing_folder, write_json
from saccade.predict.onnx_file import OnnxFile

_TEMPLATE = Path(__file__).with_name("template")
_OURS = ("about.json", "model.onnx", "page.js")  # in every folder that was written here


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
        for name in FILES:
            shutil.copyfile(runtime.folder / "dist" / name, partial / name)
        write_json(partial / "about.json", {**about, "runtime": f"{PACKAGE} {runtime.version}"})
        return sum(path.stat().st_size for path in partial.iterdir())
