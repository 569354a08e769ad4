"""Files from public addresses or from a mirror, whole and checked, or not there at all.

A download grows in ``<name>.part`` beside its place and is moved there once its SHA-256 is right. What was cut short
stays and is resumed, at any address: the digest, not the server, says whether the pieces belong together, so no ETag
needs to be kept. A ``.part`` that proves wrong is removed.
"""

import contextlib
import hashlib
import http.client
import os
import random
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from saccade.core.errors import UserError
from saccade.core.files import replacing_file, sha256_of_file
from saccade.core.progress import Progress, no_progress
from saccade.io.credentials import expand, mask

_CHUNK_BYTES = 2**16
_REAL_PROGRESS_BYTES = 2**20
_MAX_WAIT_S = 60.0


@dataclass(frozen=True)
class RemoteFile:
    """One published file, named by its content.

    Attributes:
        name: file name, without folders.
        sha256: digest of its bytes, 64 hexadecimal digits.
        size: length in bytes.
        addresses: full URLs that hold it, in order of preference; they may name environment variables as ``$NAME``.
    """

    name: str
    sha256: str
    size: int
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class _RetryPolicy:
    """When an address is given up; the fields are the arguments of ``fetch_file``."""

    attempts: int
    backoff_s: float
    connect_timeout_s: float
    read_timeout_s: float
    slow_bytes_per_s: float
    slow_after_s: float


class _RequestFailed(Exception):  # noqa: N818 - an outcome of one request, never shown as such
    """Why one request brought no file; ``retry`` when the same address may do better after ``wait_s``."""

    def __init__(self, reason: str, *, retry: bool = False, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.wait_s = wait_s


def fetch_file(
    file: RemoteFile,
    folder: Path,
    *,
    mirror: str | None = None,
    progress: Progress = no_progress,
    attempts: int = 4,
    backoff_s: float = 0.5,
    connect_timeout_s: float = 10.0,
    read_timeout_s: float = 30.0,
    slow_bytes_per_s: float = 1024.0,
    slow_after_s: float = 30.0,
) -> Path:
    """Bring ``file`` into ``folder``, from the first address that gives it with the right SHA-256.

    A file that is there and right is left alone; one that is there and wrong is replaced. Two processes that want the
    same file take turns, and the second finds it done. Proxies come from the environment, as everywhere in requests.

    Args:
        file: published file to fetch.
        folder: output folder, made when missing.
        mirror: a local folder or an http(s) URL that holds files of the same names; nothing else is asked then. It may
            name environment variables as ``$NAME``.
        progress: callback, called with the name, the bytes there and the size, as they arrive.
        attempts: consecutive failures that end an address; a failure after another 1 MiB counts as the first again.
        backoff_s: pause before the second attempt in seconds, doubled each time, up to a minute, half of it by chance.
        connect_timeout_s: seconds to wait for a connection.
        read_timeout_s: seconds to wait for the next bytes.
        slow_bytes_per_s: an address that gives less than this is given up ...
        slow_after_s: ... measured over spans of this many seconds.

    Returns:
        The file's path in ``folder``.

    Raises:
        UserError: no address gave the file, the mirror holds another one, an environment variable that an address names
            is not set, or ``folder`` cannot be written.
    """
    assert file.name == Path(file.name).name and file.addresses
    target, part, lock = folder / file.name, folder / f"{file.name}.part", folder / f".{file.name}.lock"
    policy = _RetryPolicy(attempts, backoff_s, connect_timeout_s, read_timeout_s, slow_bytes_per_s, slow_after_s)
    try:
        if not part.exists() and not lock.exists() and _is_right(target, file):
            return target
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(lock, file.name, progress):
            if not _is_right(target, file):
                if mirror is None:
                    addresses = {address: expand(address) for address in file.addresses}
                    _download(file, target, part, addresses, None, progress, policy)
                elif "://" in expand(mirror):
                    named = _address_in(mirror, file.name) if "://" in mirror else f"{mirror}/{file.name}"
                    addresses = {named: _address_in(expand(mirror), file.name)}
                    _download(file, target, part, addresses, mirror, progress, policy)
                else:
                    _copy(file, expand(mirror), target, progress)
            part.unlink(missing_ok=True)  # left by an earlier try that the file at hand makes needless
    except OSError as error:
        where, why = error.filename or target, error.strerror or error
        raise UserError(
            f"{file.name} could not be stored: {where}: {why}.\n"
            f"{folder} must be a folder that can be written, with {file.size} bytes free."
        ) from error
    return target


def _is_right(path: Path, file: RemoteFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size and sha256_of_file(path) == file.sha256


@contextlib.contextmanager
def _locked(lock_path: Path, name: str, progress: Progress) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(lock_path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress(f"{name} (another process is fetching it)", 0, None)
        lock.acquire()
    try:
        yield
    finally:
        # Removed while held, so that it does not end up among the data. Whoever waits on the removed file notices and
        # starts over: filelock does that from 3.21 on.
        lock_path.unlink(missing_ok=True)
        lock.release()


def _copy(file: RemoteFile, mirror: str, target: Path, progress: Progress) -> None:
    try:
        mirror_folder = Path(mirror).expanduser()
    except RuntimeError as error:  # "~somebody" who has no home
        raise UserError(f"mirror ({mirror}) must be a folder or an http(s) URL: {error}") from error
    source = mirror_folder / file.name
    remedy = "Put the published file there, or leave `mirror` out to fetch it from the publisher."
    if not source.is_file():
        missing = "it holds no such file" if mirror_folder.is_dir() else "there is no such folder"
        raise UserError(f"mirror ({mirror}) must hold {file.name}, but {missing}.\n{remedy}")
    if (size := source.stat().st_size) != file.size:
        raise UserError(f"{source} must be {file.size} bytes long, but is {size}.\n{remedy}")
    digest, done = hashlib.sha256(), 0
    with source.open("rb") as reader, replacing_file(target) as partial, partial.open("wb") as writer:
        while chunk := reader.read(16 * _CHUNK_BYTES):
            writer.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            progress(file.name, done, file.size)
        if digest.hexdigest() != file.sha256:  # raised inside: then nothing takes the target's place
            raise UserError(f"{source} must have SHA-256 {file.sha256}, but has {digest.hexdigest()}.\n{remedy}")


def _address_in(mirror: str, name: str) -> str:
    """The URL of ``name`` in ``mirror``; a query, such as an access token, stays behind it."""
    try:
        parts = urlsplit(mirror)
    except ValueError as error:
        raise UserError(f"mirror ({_without_secrets(mirror)}) must be a folder or an http(s) URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UserError(f"mirror ({_without_secrets(mirror)}) must be a folder or an http(s) URL.")
    return parts._replace(path=f"{parts.path.rstrip('/')}/{quote(name)}", fragment="").geturl()


def _without_secrets(address: str) -> str:
    """``address`` without password and query: either may hold a secret, and messages end up in logs."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return mask(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _download(
    file: RemoteFile,
    target: Path,
    part: Path,
    addresses: Mapping[str, str],
    mirror: str | None,
    progress: Progress,
    policy: _RetryPolicy,
) -> None:
    """Ask the addresses one after another; the keys are what messages may say of them."""
    import requests

    tried = []
    with requests.Session() as session:
        for named, address in addresses.items():
            try:
                _fetch_from(session, address, file, part, progress, policy)
            except _RequestFailed as failure:
                tried.append(f"{_without_secrets(named)} ({failure.reason})")
            else:
                part.replace(target)
                return
    message = f"{file.name} could not be fetched: {'; '.join(tried)}.\n"
    if mirror is None:
        message += "Check the network, or name a folder or http(s) URL that holds the file as the source's `mirror:`."
    else:
        message += f"Correct mirror ({_without_secrets(mirror)}), or leave it out to fetch from the publisher."
    if held := _size_of(part):
        message += f" {held} of {file.size} bytes are kept, and the next try goes on from there."
    raise UserError(message)


def _fetch_from(
    session: Any, address: str, file: RemoteFile, part: Path, progress: Progress, policy: _RetryPolicy
) -> None:
    """Fill ``part`` with the right bytes from one address, in as many requests as the policy allows."""
    failures, furthest = 0, _size_of(part)
    while True:
        try:
            resumed = _request(session, address, file, part, progress, policy)
            if (digest := sha256_of_file(part)) == file.sha256:
                return
            part.unlink()
            # After a resume the earlier bytes may be at fault, and this address deserves to be asked for all of them.
            raise _RequestFailed(f"SHA-256 must be {file.sha256}, but is {digest}", retry=resumed)
        except _RequestFailed as failure:
            # Counted by the furthest point reached: a server that always starts over and breaks off makes no progress.
            held = _size_of(part)
            failures = 1 if held - furthest >= _REAL_PROGRESS_BYTES else failures + 1
            furthest = max(furthest, held)
            if not failure.retry or failures >= policy.attempts:
                raise _RequestFailed(failure.reason + (f", {failures} attempts" if failures > 1 else "")) from failure
            # A generator of its own: the global one belongs to the user's seed.
            pause_s = policy.backoff_s * 2 ** (failures - 1) * random.SystemRandom().uniform(0.5, 1.0)
            time.sleep(min(max(pause_s, failure.wait_s), _MAX_WAIT_S))


def _size_of(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _request(
    session: Any, address: str, file: RemoteFile, part: Path, progress: Progress, policy: _RetryPolicy
) -> bool:
    """Bring ``part`` to the full size with one request; True when bytes of an earlier one are among them."""
    import requests
    import urllib3

    held = _size_of(part)
    if held >= file.size > 0:
        if _is_right(part, file):
            return True
        part.unlink()
        held = 0
    # What is stored is what the digest names: no compression on the way, and none undone.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={held}-"} if held else {})
    timeouts = (policy.connect_timeout_s, policy.read_timeout_s)
    try:
        response = session.get(address, headers=headers, stream=True, timeout=timeouts)
    except requests.RequestException as error:
        raise _failed_to_connect(error, policy) from error
    with response:
        done = start = _start_of_body(response, file, held, part)
        try:
            with part.open("ab" if start else "wb") as writer:
                for chunk in _chunks(response, policy):
                    done += len(chunk)
                    if done > file.size:
                        part.unlink()
                        raise _RequestFailed(f"sent more than the {file.size} bytes it must be")
                    writer.write(chunk)
                    progress(file.name, done, file.size)
                writer.flush()
                os.fsync(writer.fileno())
        except urllib3.exceptions.HTTPError as error:
            silent = isinstance(error, urllib3.exceptions.ReadTimeoutError)
            cause = f", silent for {policy.read_timeout_s:g} s" if silent else ""
            raise _RequestFailed(f"cut short after {done} of {file.size} bytes{cause}", retry=True) from error
        if done < file.size:
            raise _RequestFailed(f"cut short after {done} of {file.size} bytes{_page_hint(response)}", retry=True)
    return start > 0


def _failed_to_connect(error: Exception, policy: _RetryPolicy) -> _RequestFailed:
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return _RequestFailed("its TLS certificate was not accepted")
    if isinstance(error, requests.ConnectTimeout):
        return _RequestFailed(f"timed out: no connection within {policy.connect_timeout_s:g} s", retry=True)
    if isinstance(error, requests.Timeout):
        return _RequestFailed(f"timed out: no answer within {policy.read_timeout_s:g} s", retry=True)
    if isinstance(error, requests.TooManyRedirects):
        return _RequestFailed("redirected without end")
    if not isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return _RequestFailed(f"not a usable address: {type(error).__name__}")
    reason = "the proxy failed" if isinstance(error, requests.exceptions.ProxyError) else "no connection"
    cause: BaseException | None = error
    while cause is not None:  # the system's own words ("Connection refused") are the innermost
        if isinstance(cause, OSError) and cause.strerror:
            reason = f"{reason}: {cause.strerror}"
            break
        cause = cause.__cause__ or cause.__context__
    return _RequestFailed(reason, retry=True)


def _start_of_body(response: Any, file: RemoteFile, held: int, part: Path) -> int:
    """Where in the file the body begins: ``held`` when the server resumes, 0 when it starts over."""
    status: int = response.status_code
    shown = f"{status} {http.client.responses.get(status, '')}".strip()
    start = 0
    if status == 206:
        content_range = response.headers.get("Content-Range", "")
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", content_range)
        if match is None or int(match[1]) != held:
            part.unlink(missing_ok=True)
            raise _RequestFailed(
                f"asked for bytes from {held} on, it gave {content_range or 'unnamed ones'}", retry=held > 0
            )
        if match[2] not in ("*", str(file.size)):
            raise _RequestFailed(f"holds {match[2]} bytes, must be {file.size}")
        start = held
    elif status == 416 and held:
        part.unlink(missing_ok=True)  # its file ends before ours, or it knows no ranges: ask for the whole
        raise _RequestFailed(shown, retry=True)
    elif status != 200:
        retry_after = response.headers.get("Retry-After", "")
        wait_s = float(retry_after) if retry_after.isdecimal() else 0.0
        raise _RequestFailed(shown, retry=status in (408, 429) or status >= 500, wait_s=wait_s)
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and start + int(announced) != file.size:
        raise _RequestFailed(f"holds {start + int(announced)} bytes, must be {file.size}{_page_hint(response)}")
    return start


def _page_hint(response: Any) -> str:
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    return "; it is a web page: does a login stand in between?" if is_page else ""


def _chunks(response: Any, policy: _RetryPolicy) -> Iterator[bytes]:
    """The body as it arrives, as long as it arrives fast enough."""
    span_started_at, span_bytes = time.monotonic(), 0
    # read1 returns what is there; read and iter_content would wait, without a limit, until a chunk is full.
    # urllib3 has it from 2.2 on.
    while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=False):
        yield chunk
        span_bytes += len(chunk)
        elapsed_s = time.monotonic() - span_started_at
        if elapsed_s >= policy.slow_after_s:
            if span_bytes < policy.slow_bytes_per_s * elapsed_s:
                raise _RequestFailed(
                    f"too slow: {span_bytes} bytes in {elapsed_s:.1f} s, under {policy.slow_bytes_per_s:g} a second",
                    retry=True,
                )
            span_started_at, span_bytes = time.monotonic(), 0
