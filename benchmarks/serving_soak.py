"""Minutes of mixed requests, 2 % of them bad: no 5xx, memory that does not grow, and a clean end in the middle of it.

    python benchmarks/serving_soak.py models/lenet5-digits data/prepared/digits [--minutes 10] [--rate 40]

Good requests are pictures as files and in base64, one to eight, small and large, and arrays; bad ones are damaged, too
large, of the wrong kind, slow, or break off. At the end SIGTERM comes while requests are under way: all that were sent
whole must be answered, and the server must end with 0. Exits with 1 where something is not so.
"""

import argparse
import asyncio
import base64
import collections
import contextlib
import io
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image
from serving import _SERVER, ROOT, form_request, free_port

_MAX_GROWTH = 0.10
_CLIENTS = 12
_BAD_SHARE = 0.02
_WARM_SHARE = 0.1  # of the time, after which memory is looked at for the first time


def _json(value: Any, path: str = "/predict") -> bytes:
    body = json.dumps(value).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def pictures(stored: np.ndarray) -> list[bytes]:
    """PNG and JPEG, as they are and enlarged up to 40 times."""
    made = []
    for place, pixels in enumerate(stored[:40]):
        image = Image.fromarray(pixels.squeeze())
        file = io.BytesIO()
        image.resize([side * (1, 1, 1, 4, 40)[place % 5] for side in image.size]).save(file, ("PNG", "JPEG")[place % 2])
        made.append(file.getvalue())
    return made


def good_requests(stored: np.ndarray) -> list[bytes]:
    files = pictures(stored)
    encoded = [base64.b64encode(content).decode() for content in files]
    arrays = [_json({"arrays": stored[place : place + 3].tolist()}) for place in range(5)]
    several = [_json({"images": encoded[place : place + 8]}) for place in range(0, 40, 8)]
    return [*map(form_request, files), *(_json({"images": [one]}) for one in encoded), *arrays, *several]


def bad_requests(stored: np.ndarray) -> list[bytes]:
    file = pictures(stored)[1]
    large = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 200000000\r\n\r\n"
    return [
        *(form_request(file[: len(file) // 2]), form_request(b""), form_request(b"\x89PNG\r\n\x1a\n" + bytes(100))),
        *(_json({"image": "x"}), _json([]), _json({"images": ["/etc/passwd"]}), _json({"arrays": [[1, [2]]]})),
        *(_json({"images": ["eA=="] * 300}), _json({}, "/nothing"), large, b"nonsense\r\n\r\n"),
        _json({"arrays": float("nan")}),
        _json({"arrays": [[1, 2]]})[:-6],
    ]


class Soak:
    """What the clients share.

    Args:
        port: port of the server.
        good: requests that must be answered.
        bad: requests that must be refused.
        rate: requests a second of all clients.
    """

    def __init__(self, port: int, good: list[bytes], bad: list[bytes], rate: float) -> None:
        self.port = port
        self.good, self.bad, self.rate = good, bad, rate
        self.statuses: collections.Counter[str] = collections.Counter()
        self.problems: list[str] = []
        self.has_signal = False

    async def client(self, number: int, end: float) -> None:
        chance = random.Random(number)
        while time.monotonic() < end and not self.has_signal:
            is_bad = chance.random() < _BAD_SHARE
            request = chance.choice(self.bad if is_bad else self.good)
            status = await self.ask(request, closes=is_bad)
            self.statuses[f"{'bad' if is_bad else 'good'}: {status}"] += 1
            if (status[0] != "4" if is_bad else status != "200") and not self.has_signal:
                self.problems.append(f"{'bad' if is_bad else 'good'} request {request[:120]!r} got {status}")
            await asyncio.sleep(chance.expovariate(self.rate / _CLIENTS))

    async def ask(self, request: bytes, *, closes: bool = False) -> str:
        """Send a request on a connection of its own; its status, or what went wrong."""
        writer = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(request)
            await writer.drain()
            if closes:
                writer.write_eof()
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
            return head.split()[1].decode()
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            return type(error).__name__
        finally:
            if writer is not None:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()


async def run(soak: Soak, process: subprocess.Popen[bytes], minutes: float) -> tuple[list[float], list[str]]:
    """Memory at ten times, MB, and what the requests that were under way at the end got."""
    began, memory = time.monotonic(), []
    end = began + 60 * minutes
    clients = [asyncio.ensure_future(soak.client(number, end)) for number in range(_CLIENTS)]
    server = psutil.Process(process.pid)
    for part in range(1, 11):
        share = _WARM_SHARE + (1 - _WARM_SHARE) * (part - 1) / 9
        await asyncio.sleep(max(0.0, began + share * 60 * minutes - 0.5 - time.monotonic()))
        memory.append(server.memory_info().rss / 2**20)
        minute, asked = (time.monotonic() - began) / 60, soak.statuses.total()
        print(f"  {minute:.1f} min: {memory[-1]:.0f} MB, {asked:,} requests", flush=True)
    await asyncio.gather(*clients)
    last = [asyncio.ensure_future(soak.ask(request)) for request in soak.good[:30]]
    await asyncio.sleep(0.15)
    soak.has_signal = True
    process.send_signal(signal.SIGTERM)
    return memory, await asyncio.gather(*last)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=40, help="requests a second")
    arguments = parser.parse_args()
    stored = np.load(arguments.data / "test.npy")
    port = free_port()
    code = _SERVER.format(root=str(ROOT), src=str(ROOT / "src"))
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-c", code, str(arguments.bundle.resolve()), str(port), "64"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            soak = Soak(port, good_requests(stored), bad_requests(stored), arguments.rate)
            while asyncio.run(soak.ask(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")) != "200":
                time.sleep(0.3)
            memory, last = asyncio.run(run(soak, process, arguments.minutes))
            code_of_end = process.wait(60)
        finally:
            process.kill()
            process.wait()
        log.seek(0)
        written = log.read().decode(errors="replace")
    growth = memory[-1] / memory[0] - 1
    print(dict(sorted(soak.statuses.items())))
    print(f"memory {memory[0]:.0f} to {memory[-1]:.0f} MB ({growth:+.1%})")
    print(f"at the end {dict(collections.Counter(last))}, exit {code_of_end}")
    print(*soak.problems[:20], written[-2000:], sep="\n")
    is_well = not soak.problems and growth <= _MAX_GROWTH and set(last) == {"200"} and code_of_end == 0 and not written
    print("all as it must be" if is_well else "NOT as it must be")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
