"""Downloads against a real server that misbehaves in every way we know of."""

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from saccade.core.errors import UserError
from saccade.io.downloads import RemoteFile, fetch_file

CONTENT = bytes(range(251)) * 40  # 10,040 bytes whose parts all differ
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK: dict[str, Any] = {"backoff_s": 0.01}
IMPATIENT: dict[str, Any] = {"backoff_s": 0.01, "read_timeout_s": 0.4}  # where the server falls silent

Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        with self.server.guard:
            self.server.requests.append((self.path, dict(self.headers)))
            behaviours = self.server.behaviours[self.path.partition("?")[0]]
            behaviour = behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]  # the last one stays
        self.close_connection = True
        with contextlib.suppress(ConnectionError):
            behaviour(self)

    def answer(self, status: int, body: bytes = b"", length: int | None = None, **headers: str) -> None:
        """Send a whole answer; ``length`` announces another one than the body's, negative none at all."""
        self.send_response(status)
        self.send_header("Connection", "close")
        length = len(body) if length is None else length
        if length >= 0:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviours: dict[str, list[Behaviour]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.guard = threading.Lock()
        self.closing = threading.Event()

    def serve(self, path: str, *behaviours: Behaviour) -> str:
        """Answer the requests for ``path`` with one behaviour after the other; returns its URL."""
        self.behaviours[path] = list(behaviours)
        return f"http://127.0.0.1:{self.server_port}{path}"

    @property
    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.requests]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):  # a proxy of the machine would not know our server
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.closing.set()
        running.shutdown()
        thread.join()


def whole(handler: Handler) -> None:
    handler.answer(200, CONTENT)


def with_ranges(handler: Handler) -> None:
    requested = handler.headers.get("Range")
    if requested is None:
        whole(handler)
        return
    start = int(requested.removeprefix("bytes=").removesuffix("-"))
    total = len(CONTENT)
    handler.answer(206, CONTENT[start:], Content_Range=f"bytes {start}-{total - 1}/{total}")


def cut_after(count: int) -> Behaviour:
    return lambda handler: handler.answer(200, CONTENT[:count], length=len(CONTENT))


def status(code: int, **headers: str) -> Behaviour:
    return lambda handler: handler.answer(code, b"no", **headers)


def altered(handler: Handler) -> None:
    handler.answer(200, b"\xff" + CONTENT[1:])


def hang(handler: Handler) -> None:
    handler.server.closing.wait(5)


def remote(*addresses: str, content: bytes = CONTENT) -> RemoteFile:
    return RemoteFile("numbers.bin", hashlib.sha256(content).hexdigest(), len(content), addresses)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- what works


def test_a_download_arrives_whole_and_leaves_nothing_else(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    folder = tmp_path / "new" / "raw"

    path = fetch_file(remote(server.serve("/a", whole)), folder, progress=lambda *call: seen.append(call), **QUICK)

    assert path == folder / "numbers.bin" and path.read_bytes() == CONTENT
    assert names_in(folder) == ["numbers.bin"]
    assert seen[-1] == ("numbers.bin", len(CONTENT), len(CONTENT))
    assert server.requests[0][1]["Accept-Encoding"] == "identity"


def test_a_file_that_is_right_is_left_alone(server: Server, tmp_path: Path) -> None:
    file = remote(server.serve("/a", whole))
    path = fetch_file(file, tmp_path, **QUICK)
    before = [(place.stat().st_ino, place.stat().st_mtime_ns) for place in (path, tmp_path)]
    fetch_file(file, tmp_path, **QUICK)
    after = [(place.stat().st_ino, place.stat().st_mtime_ns) for place in (path, tmp_path)]
    assert len(server.requests) == 1
    assert after == before  # not even a lock is made: the folder may be read-only


@pytest.mark.parametrize("wrong", [b"short", b"\xff" + CONTENT[1:]], ids=["another size", "the same size"])
def test_a_file_that_is_wrong_is_replaced(server: Server, tmp_path: Path, wrong: bytes) -> None:
    (tmp_path / "numbers.bin").write_bytes(wrong)
    assert fetch_file(remote(server.serve("/a", whole)), tmp_path, **QUICK).read_bytes() == CONTENT


def test_leftovers_beside_a_right_file_are_removed(tmp_path: Path) -> None:
    for name in ("numbers.bin.part", ".numbers.bin.lock"):
        (tmp_path / "numbers.bin").write_bytes(CONTENT)
        (tmp_path / name).write_bytes(b"left")
        fetch_file(remote("http://127.0.0.1:1/never-asked"), tmp_path)
        assert names_in(tmp_path) == ["numbers.bin"]


def test_an_empty_file_can_be_fetched(server: Server, tmp_path: Path) -> None:
    address = server.serve("/a", lambda handler: handler.answer(200, b""))
    assert fetch_file(remote(address, content=b""), tmp_path, **QUICK).read_bytes() == b""


def test_a_redirect_is_followed_with_the_range(server: Server, tmp_path: Path) -> None:
    there = server.serve("/there", cut_after(4000), with_ranges)
    here = server.serve("/here", status(302, Location=there))
    assert fetch_file(remote(here), tmp_path, **QUICK).read_bytes() == CONTENT
    assert [path for path, _ in server.requests] == ["/here", "/there", "/here", "/there"]
    assert server.ranges[3] == "bytes=4000-"


def test_a_proxy_of_the_environment_is_used(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.serve("", whole))
    monkeypatch.setenv("no_proxy", "")
    server.serve("http://data.invalid/a", whole)
    fetch_file(remote("http://data.invalid/a"), tmp_path, **QUICK)
    assert server.requests[0][0] == "http://data.invalid/a"


# --- what is tried again


@pytest.mark.parametrize("code", [408, 429, 500, 503])
def test_a_passing_refusal_is_retried(server: Server, tmp_path: Path, code: int) -> None:
    address = server.serve("/a", status(code), whole)
    assert fetch_file(remote(address), tmp_path, **QUICK).read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_retry_after_is_waited_for(server: Server, tmp_path: Path) -> None:
    address = server.serve("/a", status(503, Retry_After="1"), whole)
    started_at = time.monotonic()
    fetch_file(remote(address), tmp_path, **QUICK)
    assert time.monotonic() - started_at >= 1


def test_pauses_double(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("saccade.io.downloads.time.sleep", pauses.append)
    with pytest.raises(UserError, match=r"503 Service Unavailable, 4 attempts"):
        fetch_file(remote(server.serve("/a", status(503))), tmp_path, **{**QUICK, "backoff_s": 3.0})
    assert len(pauses) == 3
    for pause, full in zip(pauses, (3, 6, 12), strict=True):
        assert full / 2 <= pause <= full


@pytest.mark.parametrize("code", [403, 404])
def test_a_refusal_for_good_moves_on_to_the_next_address(server: Server, tmp_path: Path, code: int) -> None:
    first, second = server.serve("/first", status(code)), server.serve("/second", whole)
    assert fetch_file(remote(first, second), tmp_path, **QUICK).read_bytes() == CONTENT
    assert [path for path, _ in server.requests] == ["/first", "/second"]


def test_what_was_cut_short_is_resumed(server: Server, tmp_path: Path) -> None:
    address = server.serve("/a", cut_after(4000), with_ranges)
    assert fetch_file(remote(address), tmp_path, **QUICK).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=4000-"]


def test_what_was_cut_short_is_resumed_by_the_next_call_and_at_another_address(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cut short after 4000 of 10040 bytes(.|\n)*4000 of 10040 bytes are kept"):
        fetch_file(remote(server.serve("/a", cut_after(4000))), tmp_path, attempts=1, **QUICK)
    assert names_in(tmp_path) == ["numbers.bin.part"]

    assert fetch_file(remote(server.serve("/b", with_ranges)), tmp_path, **QUICK).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=4000-"]
    assert names_in(tmp_path) == ["numbers.bin"]


def test_a_body_without_announced_length_that_ends_early_is_resumed(server: Server, tmp_path: Path) -> None:
    address = server.serve("/a", lambda handler: handler.answer(200, CONTENT[:4000], length=-1), with_ranges)
    assert fetch_file(remote(address), tmp_path, **QUICK).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=4000-"]


def test_a_server_that_ignores_ranges_starts_over(server: Server, tmp_path: Path) -> None:
    address = server.serve("/a", cut_after(4000), whole)
    assert fetch_file(remote(address), tmp_path, **QUICK).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=4000-"]


def test_a_server_that_resumes_elsewhere_is_asked_for_everything(server: Server, tmp_path: Path) -> None:
    def elsewhere(handler: Handler) -> None:
        handler.answer(206, CONTENT[100:], Content_Range=f"bytes 100-{len(CONTENT) - 1}/{len(CONTENT)}")

    address = server.serve("/a", cut_after(4000), elsewhere, whole)
    assert fetch_file(remote(address), tmp_path, **QUICK).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=4000-", None]


def test_a_range_that_cannot_be_satisfied_starts_over(server: Server, tmp_path: Path) -> None:
    (tmp_path / "numbers.bin.part").write_bytes(b"some")
    address = server.serve("/a", status(416), whole)
    assert fetch_file(remote(address), tmp_path, **QUICK).read_bytes() == CONTENT
    assert server.ranges == ["bytes=4-", None]


@pytest.mark.parametrize(
    ("part", "ranges"),
    [
        pytest.param(b"wrong", ["bytes=5-", None], id="wrong beginning"),
        pytest.param(b"x" * len(CONTENT), [None], id="wrong and complete"),
        pytest.param(CONTENT + b"x", [None], id="too long"),
        pytest.param(CONTENT, [], id="right and complete"),
    ],
)
def test_what_an_earlier_try_left_is_judged_by_the_digest(
    server: Server, tmp_path: Path, part: bytes, ranges: list[str | None]
) -> None:
    (tmp_path / "numbers.bin.part").write_bytes(part)
    assert fetch_file(remote(server.serve("/a", with_ranges)), tmp_path, **QUICK).read_bytes() == CONTENT
    assert server.ranges == ranges
    assert names_in(tmp_path) == ["numbers.bin"]


def test_progress_starts_the_count_of_attempts_anew(server: Server, tmp_path: Path) -> None:
    content = os.urandom(5 * 2**20)

    def one_more_mebibyte(handler: Handler) -> None:
        start = int(handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        code, headers = (206, {"Content_Range": f"bytes {start}-{len(content) - 1}/{len(content)}"})
        handler.answer(code, content[start : start + 2**20], length=len(content) - start, **headers)

    address = server.serve("/a", one_more_mebibyte)
    path = fetch_file(remote(address, content=content), tmp_path, attempts=2, **QUICK)
    assert path.read_bytes() == content
    assert len(server.requests) == 5


def test_starting_over_again_and_again_is_no_progress(server: Server, tmp_path: Path) -> None:
    content = os.urandom(3 * 2**20)
    address = server.serve("/a", lambda handler: handler.answer(200, content[: 2**20 + 5], length=len(content)))
    with pytest.raises(UserError, match=r"cut short after 1048581 of 3145728 bytes, 3 attempts"):
        fetch_file(remote(address, content=content), tmp_path, attempts=3, **QUICK)
    assert len(server.requests) == 3


# --- what fails, and how it reads


def test_every_address_is_listed_with_its_reason(server: Server, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        addresses = (
            server.serve("/gone", status(404)),
            server.serve("/forbidden", status(403)),
            server.serve("/busy", status(503)),
            f"http://127.0.0.1:{unused.getsockname()[1]}/closed",
            server.serve("/silent", hang),
        )
        with pytest.raises(UserError) as caught:
            fetch_file(remote(*addresses), tmp_path, attempts=2, **IMPATIENT)
    first_line, remedy = str(caught.value).split("\n")
    reasons = (
        "404 Not Found",
        "403 Forbidden",
        "503 Service Unavailable, 2 attempts",
        "no connection: Connection refused, 2 attempts",
        "timed out: no answer within 0.4 s, 2 attempts",
    )
    listed = "; ".join(f"{address} ({reason})" for address, reason in zip(addresses, reasons, strict=True))
    assert first_line == f"numbers.bin could not be fetched: {listed}."
    assert "`mirror:`" in remedy
    assert names_in(tmp_path) == []


def test_altered_bytes_are_refused_and_not_kept(server: Server, tmp_path: Path) -> None:
    found = hashlib.sha256(b"\xff" + CONTENT[1:]).hexdigest()
    address = server.serve("/a", altered)
    with pytest.raises(UserError, match=rf"numbers\.bin .*SHA-256 must be {SHA256}, but is {found}\)") as caught:
        fetch_file(remote(address), tmp_path, **QUICK)
    assert "mirror" in str(caught.value)
    assert len(server.requests) == 1  # asking again would bring the same
    assert names_in(tmp_path) == []


def test_altered_bytes_at_one_address_leave_the_next(server: Server, tmp_path: Path) -> None:
    file = remote(server.serve("/a", altered), server.serve("/b", whole))
    assert fetch_file(file, tmp_path, **QUICK).read_bytes() == CONTENT


def test_another_announced_length_is_refused_before_the_body(server: Server, tmp_path: Path) -> None:
    address = server.serve("/a", lambda handler: handler.answer(200, CONTENT[:-1]))
    with pytest.raises(UserError, match=r"holds 10039 bytes, must be 10040\)"):
        fetch_file(remote(address), tmp_path, **QUICK)
    assert names_in(tmp_path) == []


def test_another_total_in_a_range_is_refused(server: Server, tmp_path: Path) -> None:
    (tmp_path / "numbers.bin.part").write_bytes(CONTENT[:9])
    address = server.serve("/a", lambda h: h.answer(206, CONTENT[9:], Content_Range="bytes 9-10039/10050"))
    with pytest.raises(UserError, match=r"holds 10050 bytes, must be 10040\)"):
        fetch_file(remote(address), tmp_path, **QUICK)


def test_more_bytes_than_there_should_be_stop_the_download(server: Server, tmp_path: Path) -> None:
    written: list[int] = []

    def endless(handler: Handler) -> None:
        handler.answer(200, b"", length=-1)
        while not handler.server.closing.is_set():
            written.append(handler.wfile.write(bytes(2**16)))

    with pytest.raises(UserError, match="sent more than the 10040 bytes it must be"):
        fetch_file(remote(server.serve("/a", endless)), tmp_path, **QUICK)
    assert sum(written) < 100 * 2**20
    assert names_in(tmp_path) == []


def test_a_web_page_in_place_of_the_file_is_called_one(server: Server, tmp_path: Path) -> None:
    page = server.serve("/a", lambda handler: handler.answer(200, b"<html>", Content_Type="text/html; charset=utf-8"))
    with pytest.raises(UserError, match=r"holds 6 bytes, must be 10040; it is a web page"):
        fetch_file(remote(page), tmp_path, **QUICK)


def test_a_body_that_stops_coming_is_given_up(server: Server, tmp_path: Path) -> None:
    def stall(handler: Handler) -> None:
        handler.answer(200, CONTENT[:4000], length=len(CONTENT))
        hang(handler)

    with pytest.raises(UserError, match=r"cut short after 4000 of 10040 bytes, silent for 0.4 s\)"):
        fetch_file(remote(server.serve("/a", stall)), tmp_path, attempts=1, **IMPATIENT)


def test_a_body_that_only_drips_is_given_up(server: Server, tmp_path: Path) -> None:
    def drip(handler: Handler) -> None:
        handler.answer(200, b"", length=len(CONTENT))
        for value in CONTENT:
            handler.wfile.write(bytes([value]))
            if handler.server.closing.wait(0.05):
                return

    started_at = time.monotonic()
    with pytest.raises(UserError, match=r"too slow: \d+ bytes in \d+\.\d s, under 1024 a second\)"):
        fetch_file(remote(server.serve("/a", drip)), tmp_path, attempts=1, slow_after_s=0.3, **QUICK)
    assert time.monotonic() - started_at < 60  # the whole body would take 500 s
    assert CONTENT.startswith((tmp_path / "numbers.bin.part").read_bytes())


def test_redirects_without_end_are_given_up(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"/a \(redirected without end\)"):
        fetch_file(remote(server.serve("/a", status(302, Location="/a"))), tmp_path, **QUICK)


def test_a_redirect_to_another_kind_of_address_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a usable address: InvalidSchema"):
        fetch_file(remote(server.serve("/a", status(302, Location="ftp://127.0.0.1/a"))), tmp_path, **QUICK)


@pytest.mark.parametrize("obstacle", ["folder", "target"])
def test_a_place_that_cannot_be_written_is_named(server: Server, tmp_path: Path, obstacle: str) -> None:
    folder = tmp_path / "raw"
    if obstacle == "folder":
        folder.write_text("a file")
    else:
        (folder / "numbers.bin").mkdir(parents=True)
    with pytest.raises(
        UserError, match=r"numbers\.bin could not be stored: .*raw.*(exists|directory)(.|\n)*10040 bytes"
    ):
        fetch_file(remote(server.serve("/a", whole)), folder, **QUICK)


def test_a_full_disk_is_named(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("saccade.io.downloads.os.fsync", full)
    with pytest.raises(UserError, match=r"No space left on device\.\n.*10040 bytes free"):
        fetch_file(remote(server.serve("/a", whole)), tmp_path, **QUICK)


# --- several at once


def test_two_threads_fetch_once(server: Server, tmp_path: Path) -> None:
    other_waits = threading.Event()

    def wait_for_the_other(handler: Handler) -> None:
        other_waits.wait(20)
        whole(handler)

    file = remote(server.serve("/a", wait_for_the_other))

    def watch(what: str, done: int, total: int | None) -> None:
        if what == "numbers.bin (another process is fetching it)":
            other_waits.set()

    def fetch(_: int) -> bytes:
        return fetch_file(file, tmp_path, progress=watch, **QUICK).read_bytes()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(fetch, range(2))) == [CONTENT, CONTENT]
    assert other_waits.is_set()
    assert len(server.requests) == 1
    assert names_in(tmp_path) == ["numbers.bin"]


def test_processes_take_turns_even_when_those_before_them_fail(server: Server, tmp_path: Path) -> None:
    parallel, most_parallel = [0], [0]

    def watched(handler: Handler) -> None:
        with handler.server.guard:
            parallel[0] += 1
            most_parallel[0] = max(most_parallel[0], parallel[0])
        time.sleep(0.1)
        with handler.server.guard:
            parallel[0] -= 1
        status(404)(handler)

    address = server.serve("/a", watched)
    code = (
        "import sys; from pathlib import Path; from saccade.io.downloads import *\n"
        f"file = RemoteFile('numbers.bin', '{SHA256}', {len(CONTENT)}, (sys.argv[1],))\n"
        "try: fetch_file(file, Path(sys.argv[2]))\n"
        "except ValueError as error: print(error)"
    )
    command = [sys.executable, "-c", code, address, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
        for _ in range(4)
    ]
    for process in processes:
        assert "404 Not Found" in process.communicate(timeout=30)[0]
    assert len(server.requests) == 4
    assert most_parallel == [1]
    assert names_in(tmp_path) == []


# --- mirrors


def test_a_local_mirror_is_copied_and_nothing_else_is_asked(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "numbers.bin").write_bytes(CONTENT)
    seen: list[tuple[str, int, int | None]] = []
    file = remote(server.serve("/a", whole))

    path = fetch_file(file, tmp_path / "raw", mirror="~/mirror", progress=lambda *call: seen.append(call))

    assert path.read_bytes() == CONTENT
    assert seen == [("numbers.bin", len(CONTENT), len(CONTENT))]
    assert server.requests == []
    assert names_in(tmp_path / "raw") == ["numbers.bin"]


def test_a_mirror_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"mirror \(.*/nowhere\) must hold numbers\.bin, but there is no such folder"):
        fetch_file(remote("http://127.0.0.1:1/a"), tmp_path, mirror=str(tmp_path / "nowhere"))


def test_a_mirror_folder_without_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must hold numbers\.bin, but it holds no such file"):
        fetch_file(remote("http://127.0.0.1:1/a"), tmp_path / "raw", mirror=str(tmp_path))


def test_a_truncated_mirror_names_both_byte_counts(tmp_path: Path) -> None:
    (tmp_path / "numbers.bin").write_bytes(CONTENT[:4000])
    with pytest.raises(UserError, match=r"numbers\.bin must be 10040 bytes long, but is 4000"):
        fetch_file(remote("http://127.0.0.1:1/a"), tmp_path / "raw", mirror=str(tmp_path))


def test_an_altered_mirror_names_both_digests_and_leaves_the_target(tmp_path: Path) -> None:
    (tmp_path / "numbers.bin").write_bytes(b"\xff" + CONTENT[1:])
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "numbers.bin").write_bytes(b"earlier")
    found = hashlib.sha256(b"\xff" + CONTENT[1:]).hexdigest()
    with pytest.raises(UserError, match=rf"numbers\.bin must have SHA-256 {SHA256}, but has {found}\.\n.*`mirror`"):
        fetch_file(remote("http://127.0.0.1:1/a"), tmp_path / "raw", mirror=str(tmp_path))
    assert names_in(tmp_path / "raw") == ["numbers.bin"]
    assert (tmp_path / "raw" / "numbers.bin").read_bytes() == b"earlier"


@pytest.mark.parametrize("end", ["", "/"])
def test_a_mirror_url_is_asked_for_the_name(server: Server, tmp_path: Path, end: str) -> None:
    server.serve("/data/numbers.bin", whole)
    mirror = server.serve(f"/data{end}?token=secret", status(404))
    fetch_file(remote(server.serve("/a", whole)), tmp_path, mirror=mirror, **QUICK)
    assert [path for path, _ in server.requests] == ["/data/numbers.bin?token=secret"]


def test_a_failing_mirror_url_is_the_only_one_asked_and_keeps_its_secrets(server: Server, tmp_path: Path) -> None:
    server.serve("/data/numbers.bin", status(404))
    mirror = f"http://somebody:password@127.0.0.1:{server.server_port}/data?token=secret"
    with pytest.raises(UserError, match=r"/data/numbers\.bin \(404 Not Found\)\.\nCorrect mirror \(") as caught:
        fetch_file(remote(server.serve("/a", whole)), tmp_path, mirror=mirror, **QUICK)
    assert [path for path, _ in server.requests] == ["/data/numbers.bin?token=secret"]
    assert "password" not in str(caught.value) and "secret" not in str(caught.value)


@pytest.mark.parametrize("mirror", ["ftp://host/data", "http://", "http://[::1", "~nobody-of-this-name/data"])
def test_a_mirror_of_another_kind_is_refused(tmp_path: Path, mirror: str) -> None:
    with pytest.raises(UserError, match=r"mirror \(.*\) must be a folder or an http\(s\) URL"):
        fetch_file(remote("http://127.0.0.1:1/a"), tmp_path, mirror=mirror)


def test_importing_the_module_does_not_import_requests() -> None:
    code = "import sys, saccade.io.downloads; print({'requests', 'urllib3', 'filelock'} & set(sys.modules))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert result.stdout.strip() == "set()"
