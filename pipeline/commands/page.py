"""``saccade page FILE.onnx FOLDER``: a page that runs an exported file in the browser."""

from pathlib import Path

from pipeline.browser_page.folder import write_page
from pipeline.browser_page.runtime import find_runtime
from pipeline.console import say
from saccade.predict.onnx_file import open_onnx


def page(file: Path, folder: Path, runtime: Path | None) -> None:
    """Write the folder of a page and say how it is looked at.

    Args:
        file: an exported network about pictures.
        folder: folder to write.
        runtime: folder of onnxruntime-web; None: node_modules here or in a folder above.

    Raises:
        UserError: the file, the folder or onnxruntime-web cannot be used.
    """
    found = find_runtime(runtime, Path.cwd())
    size = write_page(open_onnx(file), folder, found)
    say(f"written: {folder}, {size / 1e6:.1f} MB with onnxruntime-web {found.version}")
    say(f"to see it: `python -m http.server --bind 127.0.0.1 --directory {folder} 8080`, then http://127.0.0.1:8080")
