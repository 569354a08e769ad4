"""Requests that arrive together are answered together; too many are told to come again; a signal loses none."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
from served_networks import picture, running, served_of

from pipeline.serving.batching import Batcher, join
from pipeline.serving.limits import Limits, RefusedError
from pipeline.serving.server import open_port
from saccade.core.errors import UserError


class Counting:
    """A network that doubles numbers, and notes how many it got at once; it waits until it is let go."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.goes_on = threading.Event()

    def __call__(self, stored: np.ndarray) -> np.ndarray:
        self.sizes.append(len(stored))
        assert self.goes_on.wait(10)
        if (stored == 13).any():
            raise ZeroDivisionError
        return stored * 2


def asked(rows: list[list[float]], *, most: int = 4, max_waiting: int = 100) -> tuple[list[int], list[Any]]:
    """A request, and others while it is answered; the sizes of the batches, and the answers or errors."""
    network = Counting()

    async def ask() -> list[Any]:
        batcher = Batcher(network, most=most, max_waiting=max_waiting)
        requests = []
        for row in rows:
            requests.append(asyncio.ensure_future(batcher.answer(np.array(row, np.float32)[:, None])))
            while not network.sizes:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        network.goes_on.set()
        found = await asyncio.gather(*requests, return_exceptions=True)
        assert batcher.num_waiting == 0
        batcher.close()
        return found

    return network.sizes, asyncio.run(ask())


def test_what_arrives_while_the_network_is_at_work_is_answered_together() -> None:
    sizes, found = asked([[1], [2], [3, 4], [5], [6]])
    assert sizes == [1, 4, 1]
    assert [answers[:, 0].tolist() for answers in found] == [[2], [4], [6, 8], [10], [12]]


@pytest.mark.parametrize("in_thread", [False, True])
def test_what_has_arrived_already_is_answered_together(in_thread: bool) -> None:
    network = Counting()
    network.goes_on.set()

    async def ask() -> list[Any]:
        batcher = Batcher(network, most=4, max_waiting=9)
        batcher.in_thread = in_thread
        work = asyncio.ensure_future(batcher.run(lambda: network.sizes.append(-1)))
        requests = [batcher.answer(np.array(row, np.float32)[:, None]) for row in ([1], [2, 3], [13], [4, 5])]
        found = await asyncio.gather(*requests, return_exceptions=True)
        await work
        batcher.close()
        return found

    found = asyncio.run(ask())
    assert network.sizes == [-1, 4, 2]  # other work with the network is not done beside a batch
    assert all(isinstance(one, ZeroDivisionError) for one in found[:3]) and found[3].tolist() == [[8], [10]]


def test_with_batches_of_one_each_is_answered_by_itself() -> None:
    sizes, found = asked([[1], [2], [3, 4], [5]], most=1)
    assert sizes == [1, 1, 2, 1] and len(found) == 4


def test_of_too_many_that_wait_the_last_are_refused() -> None:
    _, found = asked([[1], [2], [3, 4], [5]], max_waiting=2)
    assert [isinstance(one, RefusedError) for one in found] == [False, False, True, False]
    assert (found[2].status, found[2].headers) == (429, {"Retry-After": "1"})


def test_an_error_reaches_all_of_its_batch_and_none_of_the_next() -> None:
    sizes, found = asked([[1], [2, 13], [3, 4], [5]])
    assert sizes == [1, 4, 1]
    assert [isinstance(one, ZeroDivisionError) for one in found] == [False, True, True, False]


def test_who_is_gone_is_not_answered() -> None:
    network = Counting()

    async def ask() -> None:
        batcher = Batcher(network, most=4, max_waiting=9)
        requests = []
        for n in (1, 2, 1):
            requests.append(asyncio.ensure_future(batcher.answer(np.ones((n, 1), np.float32))))
            while not network.sizes:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        requests[1].cancel()
        network.goes_on.set()
        await requests[2]
        batcher.close()

    asyncio.run(ask())
    assert network.sizes == [1, 1]


def test_texts_of_several_lengths_are_joined_with_padding_behind() -> None:
    several = [np.array([[3, 4]], np.int32), np.array([[5, 6, 7], [8, 0, 0]], np.int32)]
    np.testing.assert_array_equal(join(several), [[3, 4, 0], [5, 6, 7], [8, 0, 0]])


def test_twenty_clients_get_the_answers_that_each_gets_alone() -> None:
    files = [picture(seed) for seed in range(20)]
    with running(served_of("pictures")) as client:
        alone = [client.post_files([content])[2]["answers"][0] for content in files]
        with ThreadPoolExecutor(20) as clients:
            together = list(clients.map(lambda content: client.post_files([content])[2]["answers"][0], files))
        _, _, metrics = client.ask("GET", "/metrics")
    for one, other in zip(alone, together, strict=True):
        assert one["label"] == other["label"]
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=2e-6)
    assert (
        "saccade_inputs_total 40.0" in metrics
        and 'saccade_requests_total{path="/predict",status="200"} 40.0' in metrics
    )


def test_more_requests_than_may_be_at_once_are_told_to_come_again() -> None:
    served, network = served_of("pictures"), Counting()
    answers_of = served.network.answers_of

    def slow(stored: np.ndarray, batch_size: int = 512) -> np.ndarray:
        assert network.goes_on.wait(10)
        return answers_of(stored)

    served.network.answers_of = slow  # type: ignore[method-assign]
    with running(served, Limits(requests=2)) as client, ThreadPoolExecutor(2) as clients:
        first = [clients.submit(client.post_files, [picture()]) for _ in range(2)]
        while client.service.gate.requests < 2:
            time.sleep(0.005)
        status, headers, body = client.post_files([picture()])
        assert client.ask("GET", "/health")[0] == 200
        network.goes_on.set()
        assert [one.result()[0] for one in first] == [200, 200]
    assert (status, headers["Retry-After"]) == (429, "1") and body["error"].startswith("2 requests are being answered")


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    served = served_of("pictures")
    answers_of = served.network.answers_of
    served.network.answers_of = lambda stored, batch_size: time.sleep(0.4) or answers_of(stored)  # type: ignore
    with running(served, Limits(answer_s=0.1)) as client:
        status, _, body = client.post_files([picture()])
    assert status == 504 and body["error"].startswith("there was no answer within 0.1 seconds")


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=rf"--port \({port}\) must be free, but another program listens on it"):
            open_port("127.0.0.1", port)


def test_a_host_of_another_machine_is_refused() -> None:
    with pytest.raises(UserError, match=r"--host \(192.0.2.7\) must be an address of this machine"):
        open_port("192.0.2.7", 0)


_SERVE = """
import sys
sys.path[:0] = sys.argv[1:]
import time
import numpy as np
from pipeline.serving.app import build_app
from pipeline.serving.limits import Limits
from pipeline.serving.served import Served
from pipeline.serving.server import Server, open_port
from saccade.bundle.config import NetworkConfig
from saccade.data.spec import Spec

class Network:
    spec = Spec("image", (2, 2, 1), ("a", "b"))
    config = NetworkConfig("mlp", {}, spec, "classify", [0.5], [0.5], "none")

    def answers_of(self, stored, batch_size):
        time.sleep(1)
        return np.full((len(stored), 2), 0.5, np.float32)

taken = open_port("127.0.0.1", 0)
app = build_app(Served(Network(), "slow", "0" * 64))
Server(app, Limits(), lambda: print(taken.getsockname()[1], flush=True)).run([taken])
assert "torch" not in sys.modules
print("ended", app.state.service.num_answered, flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_lets_what_was_accepted_be_answered(number: signal.Signals) -> None:
    root = Path(__file__).parents[3]
    folders = [str(root), str(root / "src"), str(root / "tests" / "helpers")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _SERVE, *folders]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        body = json.dumps({"arrays": [[[[1], [2]], [[3], [4]]]]}).encode()
        head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        connections = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(6)]
        for connection in connections[:5]:
            connection.sendall(head.encode() + b"\r\n\r\n" + body)
        connections[5].sendall(head.encode() + b"\r\n\r\n" + body[:20])  # in the middle of its body
        while b"saccade_open_requests 6.0" not in urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20).read():
            time.sleep(0.02)
        process.send_signal(number)
        time.sleep(0.1)
        connections[5].sendall(body[20:])
        answers = [connection.makefile("rb").read() for connection in connections]
        assert all(answer.startswith(b"HTTP/1.1 200 OK") for answer in answers)
        assert all(json.loads(answer.partition(b"\r\n\r\n")[2])["answers"] for answer in answers)
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        assert process.wait(20) == 0
        assert process.stdout.read() == "ended 6\n"
    finally:
        process.kill()
        process.wait()
