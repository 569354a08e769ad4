"""How fast `saccade serve` answers, with and without batches, beside the bare network and `mlflow models serve`.

    python benchmarks/serving.py models/lstm-digits data/prepared/digits [--rounds 5] [--seconds 2] [--mlflow]
    python benchmarks/serving.py --resnet9 [--rounds 5]     # random weights: a network that takes longer

All sides take turns in each round, and ratios are taken within a round: their medians are printed. The client is one
process of sockets that sends ready-made bytes and parses next to nothing; ``client`` is what it reaches where a server
answers with a fixed text.
"""

import argparse
import asyncio
import contextlib
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
_FENCE = b"fence"
_SERVER = """
import sys
sys.path[:0] = [{root!r}, {src!r}]
from pathlib import Path
from pipeline.serving.app import build_app
from pipeline.serving.limits import Limits
from pipeline.serving.served import Served
from pipeline.serving.server import Server, open_port
from saccade.predict.predictor import load
served = Served(load(sys.argv[1]), Path(sys.argv[1]).name, "0" * 64)
limits = Limits(batch=int(sys.argv[3]))
app = build_app(served, limits)
app.state.service.warm_up()
taken = open_port("127.0.0.1", int(sys.argv[2]))
Server(app, limits).run([taken])
"""


def free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


@contextlib.contextmanager
def started(command: list[str], port: int, log: Path) -> Iterator[int]:
    """A server in a process of its own, until it answers."""
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if process.poll() is not None:
                raise SystemExit(f"the server ended: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)  # mlflow starts another process
        process.wait(30)


def form_request(content: bytes) -> bytes:
    body = (
        b"--" + _FENCE + b'\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        + content + b"\r\n--" + _FENCE + b"--\r\n"
    )  # fmt: skip
    return _post("/predict", "multipart/form-data; boundary=fence", body)


def mlflow_request(pixels_HWC: np.ndarray) -> bytes:
    return _post("/invocations", "application/json", json.dumps({"inputs": pixels_HWC[None].tolist()}).encode())


def _post(path: str, media: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def drive(port: int, requests: list[bytes], clients: int, seconds: float) -> tuple[float, list[float]]:
    """Requests a second, and how many seconds each took, of clients that each send one after the other."""
    durations: list[float] = []
    end = time.perf_counter() + seconds

    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        place = number
        while time.perf_counter() < end:
            began = time.perf_counter()
            writer.write(requests[place % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
            durations.append(time.perf_counter() - began)
            place += clients
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*map(one, range(clients)))
    return len(durations) / (time.perf_counter() - began), durations


async def one_client(first: int, second: int, requests: list[bytes], number: int) -> list[tuple[float, float]]:
    """Milliseconds of requests to two servers in turn, one after the other."""
    connections = [await asyncio.open_connection("127.0.0.1", port) for port in (first, second)]
    pairs = []
    for place in range(number):
        took = []
        for reader, writer in connections:
            began = time.perf_counter()
            writer.write(requests[place % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
            took.append((time.perf_counter() - began) * 1000)
        pairs.append((took[0], took[1]))
    return pairs


def bare(predictor: Any, stored: np.ndarray, size: int, seconds: float) -> float:
    """Examples a second of the network alone."""
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        start = count % (len(stored) - size + 1)
        predictor.answers_of(stored[start : start + size])
        count += size
    return count / (time.perf_counter() - began)


async def fixed_server(port: int) -> asyncio.Server:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n" + b"x" * 300

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
                writer.write(answer)

    return await asyncio.start_server(handle, "127.0.0.1", port)


async def client_limit(requests: list[bytes], seconds: float) -> float:
    """Requests a second that client and a fixed answer reach in one process together: the client alone is faster."""
    port = free_port()
    async with await fixed_server(port):
        return (await drive(port, requests, 32, seconds))[0]


def resnet9(folder: Path) -> Path:
    """A bundle of a ResNet-9 for CIFAR's size with random weights."""
    import torch

    from saccade.bundle.bundle import NetworkConfig, save
    from saccade.data.spec import Spec

    torch.manual_seed(0)
    spec = Spec("image", (32, 32, 3), tuple("0123456789"))
    config = NetworkConfig("resnet9", {}, spec, "classify", [0.5] * 3, [0.25] * 3, "random")
    folder.mkdir()
    save(folder, config, config.build_network())
    return folder


def measure(arguments: argparse.Namespace, bundle: Path, stored: np.ndarray, scratch: Path) -> None:
    from PIL import Image

    from saccade.predict.predictor import load

    predictor = load(bundle)
    files = []
    for pixels in stored[:64]:
        file = io.BytesIO()
        Image.fromarray(pixels.squeeze()).save(file, "PNG")
        files.append(form_request(file.getvalue()))
    code = _SERVER.format(root=str(ROOT), src=str(ROOT / "src"))
    sides: dict[str, Callable[[], float]] = {}
    latencies: dict[str, list[float]] = {}
    with contextlib.ExitStack() as servers:
        ports = {}
        for name, batch in (("batches", 64), ("one by one", 1)):
            port = free_port()
            command = [sys.executable, "-c", code, str(bundle), str(port), str(batch)]
            ports[name] = servers.enter_context(started(command, port, scratch / f"{batch}.log")), files
        if arguments.mlflow:
            port = free_port()
            command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(save_mlflow(bundle, scratch))]
            command += ["--env-manager", "local", "-p", str(port), "-h", "127.0.0.1", "-w", "1"]
            requests = [mlflow_request(pixels) for pixels in stored[:64]]
            ports["mlflow"] = servers.enter_context(started(command, port, scratch / "mlflow.log")), requests
        for size in (1, 32):
            sides[f"bare, {size}"] = lambda size=size: bare(predictor, stored, size, arguments.seconds)
        for name, (port, requests) in ports.items():
            for clients in (1, 8, 32):

                def side(port: int = port, requests: Any = requests, clients: int = clients, name: str = name) -> float:
                    rate, durations = asyncio.run(drive(port, requests, clients, arguments.seconds))
                    latencies.setdefault(f"{name}, {clients}", []).append(statistics.median(durations) * 1000)
                    return rate

                sides[f"{name}, {clients}"] = side
        pairs = asyncio.run(one_client(ports["batches"][0], ports["one by one"][0], files, arguments.requests))
        sides["client"] = lambda: asyncio.run(client_limit(files, arguments.seconds))
        for side in sides.values():
            side()  # warm
        latencies.clear()
        rounds = [{name: side() for name, side in sides.items()} for _ in range(arguments.rounds)]
    print(f"{bundle.name}, {arguments.rounds} rounds of {arguments.seconds:g} s, load {os.getloadavg()[0]:.1f}")
    for name in sides:
        rates = [one[name] for one in rounds]
        took = f", {statistics.median(latencies[name]):.2f} ms" if name in latencies else ""
        print(f"  {name:14} {statistics.median(rates):8.0f} /s ({min(rates):.0f} to {max(rates):.0f}){took}")

    middles = [statistics.median(side) for side in zip(*pairs, strict=True)]
    print(f"  one client, in turn: {middles[0]:.2f} ms with batches, {middles[1]:.2f} ms one by one")

    def ratio(title: str, value: Callable[[dict[str, float]], float]) -> None:
        values = [value(one) for one in rounds]
        print(f"  {title}: {statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")

    ratio("gain of the bare network from 1 to 32", lambda one: one["bare, 32"] / one["bare, 1"])
    ratio("gain of batches at 32 clients", lambda one: one["batches, 32"] / one["one by one, 32"])
    ratio(
        "their share",
        lambda one: one["batches, 32"] / one["one by one, 32"] / (one["bare, 32"] / one["bare, 1"]),
    )
    ratio("share of the bare network at 32 that arrives", lambda one: one["batches, 32"] / one["bare, 32"])
    for clients in (1, 8):
        ratio(
            f"with batches over without, {clients} clients",
            lambda one, clients=clients: one[f"batches, {clients}"] / one[f"one by one, {clients}"],
        )
    for clients in (1, 8, 32) if arguments.mlflow else ():
        ratio(
            f"batches over mlflow, {clients} clients",
            lambda one, clients=clients: one[f"batches, {clients}"] / one[f"mlflow, {clients}"],
        )


def save_mlflow(bundle: Path, scratch: Path) -> Path:
    """The MLflow model of a bundle, as a run logs it."""
    import mlflow
    from mlflow.models.signature import ModelSignature
    from mlflow.types.schema import Schema, TensorSpec

    from saccade.bundle.bundle import read_config

    spec = read_config(bundle).spec
    signature = ModelSignature(inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, *spec.shape))]))
    folder = scratch / "mlflow-model"
    mlflow.pyfunc.save_model(
        folder,
        python_model=str(ROOT / "pipeline" / "tracking" / "mlflow_model.py"),
        artifacts={"bundle": str(bundle)},
        code_paths=[str(ROOT / "src" / "saccade")],
        signature=signature,
        pip_requirements=["torch"],
    )
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path, nargs="?", help="folder of a bundle of images")
    parser.add_argument("data", type=Path, nargs="?", help="folder of its prepared dataset")
    parser.add_argument("--resnet9", action="store_true", help="a ResNet-9 of random weights in place of a bundle")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each side in a round")
    parser.add_argument("--requests", type=int, default=300, help="of one client to both sides in turn")
    parser.add_argument("--mlflow", action="store_true", help="also `mlflow models serve`")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if arguments.resnet9:
            stored = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), dtype=np.uint8)
            measure(arguments, resnet9(scratch / "resnet9"), stored, scratch)
        elif arguments.bundle is None or arguments.data is None:
            parser.error("name a bundle and its data, or give --resnet9")
        else:
            measure(arguments, arguments.bundle.resolve(), np.load(arguments.data / "test.npy"), scratch)


if __name__ == "__main__":
    main()
