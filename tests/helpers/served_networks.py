"""Small networks with random weights behind a real server on loopback, and a client for it."""

import contextlib
import http.client
import io
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image

from pipeline.serving.app import Service, build_app
from pipeline.serving.limits import Limits
from pipeline.serving.served import Served
from pipeline.serving.server import Server, open_port
from saccade.bundle.bundle import NetworkConfig
from saccade.data.spec import Spec
from saccade.predict.predictor import Predictor

_VOCABULARY = ("<pad>", "<unknown>", *"abcdefgh ")
SPECS = {
    "pictures": ("lenet5", Spec("image", (32, 32, 1), tuple("0123456789"))),
    "colours": ("mlp", Spec("image", (5, 7, 3), ("sea", "sky", "sand"), multilabel=True)),
    "ages": ("mlp", Spec("image", (6, 6, 1), targets=("age", "height"))),
    "texts": ("lstm", Spec("tokens", (12,), ("no", "yes"), vocabulary=_VOCABULARY, unit="characters")),
    "series": ("lstm", Spec("series", (9, 2), ("up", "down", "flat"), features=("x", "y"), is_padded=True)),
    "sums": ("lstm", Spec("series", (4, 2), targets=("sum",))),
}


def predictor_of(name: str) -> Predictor:
    """A network of ``SPECS``; the same weights each time."""
    torch.manual_seed(3)
    model, spec = SPECS[name]
    channels = {"image": spec.shape[-1], "series": spec.shape[-1]}.get(spec.layout, 0)
    mean, std = ([0.4], [0.25]) if spec.layout == "image" else ([0.5], [2.0])
    config = NetworkConfig(
        *(model, {}, spec, "classify", mean * channels, std * channels, f"identity-of-{name}"),
        thresholds=[0.3, 0.8, 0.5] if spec.multilabel else [],
    )
    network = config.build_network()
    with torch.no_grad():
        for parameter in network.parameters():  # as sure as a trained one: answers differ between inputs
            parameter.mul_(2.5)
    return Predictor(config, network.eval(), torch.device("cpu"))


def served_of(name: str, **others: Any) -> Served:
    """A network of ``SPECS`` as it is served."""
    return replace(Served(predictor_of(name), name, "5" * 64), **others)


@dataclass
class Client:
    """A client of a running server.

    Attributes:
        port: its port.
        service: what its paths share.
        server: the server itself.
    """

    port: int
    service: Service
    server: Server

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], Any]:
        """Send a request on a connection of its own; status, headers, and the JSON or text of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        return response.status, response.headers, json.loads(content) if is_json else content.decode()

    def post(self, value: Any, path: str = "/predict") -> tuple[int, Mapping[str, str], Any]:
        """Send JSON."""
        return self.ask("POST", path, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def post_files(self, files: Sequence[bytes], path: str = "/predict") -> tuple[int, Mapping[str, str], Any]:
        """Send files of a form."""
        body, media = form_of(files)
        return self.ask("POST", path, body, {"Content-Type": media})


def form_of(files: Sequence[bytes]) -> tuple[bytes, str]:
    """A form with files, and its content type."""
    parts = [
        b'--fence\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + content + b"\r\n"
        for content in files
    ]
    return b"".join(parts) + b"--fence--\r\n", "multipart/form-data; boundary=fence"


@contextlib.contextmanager
def running(served: Served, limits: Limits | None = None) -> Iterator[Client]:
    """A server in a thread of this process, on a free port of loopback."""
    limits = limits or Limits()
    app, started = build_app(served, limits), threading.Event()
    server = Server(app, limits, started.set)
    with open_port("127.0.0.1", 0) as taken:
        thread = threading.Thread(target=server.run, args=([taken],), daemon=True)
        port = taken.getsockname()[1]
        thread.start()
        assert started.wait(20)
        try:
            yield Client(port, app.state.service, server)
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


def picture(seed: int = 0, sides: tuple[int, int] = (20, 30), form: str = "PNG", channels: int = 3) -> bytes:
    """The bytes of a picture of coarse noise."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 3, channels), dtype=np.uint8)
    rows, columns = (np.arange(side) * few // side for side, few in zip(sides, (4, 3), strict=True))
    pixels = blocks[rows][:, columns]
    file = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(file, form)
    return file.getvalue()
