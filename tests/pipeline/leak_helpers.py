"""Twenty marked secrets in a project, in places where people have them, and the search for their marks."""

import hashlib
import http.client
import http.server
import io
import os
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from small_runs import params_text, run_entry

from pipeline.privacy.stage_code import code_patterns

# Where each secret is. "Environment" and "server" ones are used on the way; all others only lie there.
PLACES = (
    "environment: a token that nobody reads",
    "environment: AWS_SECRET_ACCESS_KEY",
    "environment: password of a source's url",
    "environment: signed query of a source's url",
    "environment: a source's mirror, whole",
    "environment: password in MLFLOW_TRACKING_URI",
    "environment: address with password in the message of an exception",
    "environment: token in the message of an exception",
    "file: .env",
    "file: a notebook with outputs",
    "file: a customer's texts in a code folder",
    "file: .env inside the library that models carry",
    "file: id_rsa.pem",
    "file: an AWS key in changed code of the stage",
    "file: a private key in changed code of the stage",
    "git: diff of a tracked file that no stage lists",
    "git: a staged new file",
    "git: password of a remote",
    "git: a changed submodule, and a nested repository",
    "link: to a folder outside",
    "dvc: password of a remote",
)
_SUFFIX = "Zq7Lx9Wd2Rk5"


def mark(place: str) -> str:
    """The secret of a place: 18 characters that occur nowhere else."""
    return f"LEAK{PLACES.index(place):02d}{_SUFFIX}"


def marks_in(content: bytes) -> set[str]:
    """The places whose secrets a content holds."""
    return {place for place in PLACES if mark(place).encode() in content}


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def pictures() -> bytes:
    """A zip of 60 pictures of 20 x 20 pixels in two classes."""
    random, content = np.random.default_rng(0), io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for number in range(60):
            pixels = random.integers(0, 128, (20, 20), dtype=np.uint8) + 127 * (number % 2)
            picture = io.BytesIO()
            Image.fromarray(pixels.astype(np.uint8)).save(picture, "png")
            archive.writestr(f"{('cat', 'dog')[number % 2]}/{number}.png", picture.getvalue())
    return content.getvalue()


_BREAKS = '''"""A model that breaks, and tells more than it should."""

import os

from torch import nn

from saccade.spec import Spec

ACCEPTS = ("image",)


def build(spec: Spec) -> nn.Sequential:
    """Break."""
    token, home = os.environ["BACKEND_TOKEN"], os.path.expanduser("~")
    raise RuntimeError(f"no answer from {os.environ['BACKEND']}, asked with {token}; see {home}/backend.log")
'''


def write_params(root: Path, address: str, archive: bytes) -> None:
    """params.yaml with two datasets whose addresses name their credentials, and two runs; the second one breaks."""
    digest = f"sha256: {hashlib.sha256(archive).hexdigest()}, size: {len(archive)}"
    url = f"http://$PETS_USER:$PETS_PASSWORD@{address}/pets.zip?$PETS_QUERY"
    source = f'{{name: image_folder, url: "{url}", {digest}}}'
    mirrored = f'{{name: image_folder, url: "http://127.0.0.1:9/pets.zip", {digest}, mirror: "$PETS_MIRROR"}}'
    datasets = [
        f"  {name}:\n    source: {where}\n    split: {{}}\n    preprocess: {{size: [20, 20], channels: 1}}\n"
        "    augment: {views: 0}\n"
        for name, where in (("pets", source), ("mirrored", mirrored))
    ]
    train = "{epochs: 1, batch_size: 16, optimizer: {name: sgd, lr: 0.01}}"
    runs = [
        run_entry("works", train, dataset="pets"),
        run_entry("breaks", train, dataset="pets", model="{name: breaking}"),
    ]
    (root / "params.yaml").write_text(params_text(runs, datasets=datasets), encoding="utf-8")


def plant(root: Path, address: str, archive: bytes) -> set[Path]:
    """Commit a project and plant the secrets that lie in files; those files."""
    write_params(root, address, archive)
    (root / "src/saccade/models/breaking.py").write_text(_BREAKS, encoding="utf-8")
    (root / "notes.md").write_text("nothing yet\n", encoding="utf-8")
    inner, outside = root.parent / f"{root.name}-inner", root.parent / f"{root.name}-outside"
    for folder in (inner, root / "nested"):
        folder.mkdir()
        (folder / "inner.py").write_text("x = 1\n", encoding="utf-8")
        git(folder, "init", "--quiet")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", "inner")
    git(root, "submodule", "add", "--quiet", str(inner), "src/saccade/inner")
    git(root, "add", "--", ".", ":(exclude)nested")
    git(root, "commit", "--quiet", "-m", "a project")

    patterns = [pattern for pattern in code_patterns_in(root) if "pipeline/" in pattern]
    listed = subprocess.run(["git", "ls-files", "--", *patterns], cwd=root, capture_output=True, text=True, check=True)
    with_aws_key, with_private_key = [root / name for name in listed.stdout.split() if "__init__" not in name][:2]
    outside.mkdir()
    texts = {
        root / ".env": f"TOKEN={mark('file: .env')}\n",
        root / "analysis.ipynb": f'{{"outputs": ["{mark("file: a notebook with outputs")}"]}}\n',
        with_private_key.with_name("customers.txt"): mark("file: a customer's texts in a code folder") + "\n",
        root / "src/saccade/.env": mark("file: .env inside the library that models carry") + "\n",
        root / "id_rsa.pem": f"-----BEGIN RSA PRIVATE KEY-----\n{mark('file: id_rsa.pem')}\n",
        with_aws_key: with_aws_key.read_text(encoding="utf-8")
        + f'\n# AWS_KEY = "{"AKIA"}IOSFODNN7EXAMPLE"  {mark("file: an AWS key in changed code of the stage")}\n',
        with_private_key: with_private_key.read_text(encoding="utf-8")
        + f"\n# -----BEGIN {'RSA'} PRIVATE KEY-----\n"
        + f"# {mark('file: a private key in changed code of the stage')}\n",
        root / "notes.md": mark("git: diff of a tracked file that no stage lists") + "\n",
        root / "staged.py": f"x = '{mark('git: a staged new file')}'\n",
        root / "src/saccade/inner/inner.py": f"x = '{mark('git: a changed submodule, and a nested repository')}'\n",
        root / "nested/inner.py": f"x = '{mark('git: a changed submodule, and a nested repository')}'\n",
        outside / "private.py": f"x = '{mark('link: to a folder outside')}'\n",
    }
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    (root / "photos").symlink_to(outside)
    (with_private_key.parent / "linked").symlink_to(outside)
    (root / "dangling.py").symlink_to("nowhere.py")
    git(root, "add", "staged.py")
    git(root, "remote", "add", "origin", f"https://ann:{mark('git: password of a remote')}@git.example.org/a.git")
    (root / ".dvc").mkdir(exist_ok=True)
    local = root / ".dvc/config.local"
    local.write_text(
        f"['remote \"a\"']\n    url = s3://a\n    secret_access_key = {mark('dvc: password of a remote')}\n"
    )
    return {*texts, local}


def code_patterns_in(root: Path) -> list[str]:
    here = Path.cwd()
    os.chdir(root)
    try:
        return code_patterns("train", {"item.model.name": "lenet5"})
    finally:
        os.chdir(here)


def environment(address: str, home: Path) -> dict[str, str]:
    """The variables that hold the other secrets, all but the tracking server's."""
    return {
        "HOME": str(home),
        "BILLING_TOKEN": mark("environment: a token that nobody reads"),
        "AWS_SECRET_ACCESS_KEY": mark("environment: AWS_SECRET_ACCESS_KEY"),
        "PETS_USER": "ann",
        "PETS_PASSWORD": mark("environment: password of a source's url"),
        "PETS_QUERY": f"sig={mark('environment: signed query of a source' + chr(39) + 's url')}",
        "PETS_MIRROR": f"http://ann:{mark('environment: a source' + chr(39) + 's mirror, whole')}@{address}/mirror",
        "BACKEND": f"https://ann:{mark('environment: address with password in the message of an exception')}@db/a",
        "BACKEND_TOKEN": mark("environment: token in the message of an exception"),
    }


def found_in_files(root: Path, planted: set[Path], *, skip: tuple[str, ...] = (".git",)) -> dict[str, set[str]]:
    """File to the places whose secrets it holds, of every file that is not a planted one. Links are not followed."""
    found = {}
    for parent, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in skip]
        for path in (Path(parent, name) for name in names):
            if path not in planted and path.is_file() and not path.is_symlink():
                marks = marks_in(path.read_bytes() + os.fsencode(path.name))
                if marks:
                    found[str(path)] = marks
    return found


class Recording(http.server.ThreadingHTTPServer):
    """A server on loopback that keeps every request: it serves an archive, or passes all on to another server."""

    daemon_threads = True

    def __init__(self, archive: bytes = b"", passes_on_to: int | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.archive, self.passes_on_to = archive, passes_on_to
        self.requests: list[bytes] = []
        self.credentials: list[bytes] = []  # what is meant for the server, and nobody else

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Recording
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name != "Authorization"}
        self.server.credentials.append((self.headers.get("Authorization", "") + " " + self.path).encode())
        kept = f"{self.command} {'' if self.server.archive else self.path} {headers}\n".encode()
        self.server.requests.append(kept + body)
        status, content, answered = 200, self.server.archive, {}
        if self.server.passes_on_to is not None:
            upstream = http.client.HTTPConnection("127.0.0.1", self.server.passes_on_to, timeout=120)
            dropped = ("Host", "Transfer-Encoding", "Content-Length", "Connection", "Accept-Encoding")
            sent = {name: value for name, value in headers.items() if name not in dropped}
            upstream.request(self.command, self.path, body, sent)
            response = upstream.getresponse()
            status, content = response.status, response.read()
            answered = {"Content-Type": response.headers.get("Content-Type", "application/json")}
            upstream.close()
        self.send_response(status)
        for name, value in {**answered, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names that http.server looks for

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def recording(archive: bytes = b"", passes_on_to: int | None = None) -> Iterator[Recording]:
    """A running server."""
    with Recording(archive, passes_on_to) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
