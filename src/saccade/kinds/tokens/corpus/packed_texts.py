"""Many texts, in any order, without a Python object each: UTF-8, one after the other, in a file that has no name."""

import hashlib
import os
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Sequence
from typing import overload

_CHUNK_BYTES = 2**20
_DIGEST_BYTES = 16


class PackedTexts(Sequence[str]):
    """A sequence of texts that grows at its end.

    A million lines take 8 MB of memory and their bytes on the disk (in the folder that TMPDIR names), where the
    system keeps what is read often. The file goes when the object does, or the process.

    Args:
        texts: to begin with.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        # Without a buffer of its own, which closing would write, perhaps to a full disk
        self._file = tempfile.TemporaryFile(prefix="saccade-texts-", buffering=0)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._pending = bytearray()
        self._ends = array("q", [0])
        for text in texts:
            self.append(text)

    def append(self, text: str) -> None:
        """Add a text; lone surrogates come back as they were."""
        content = text.encode("utf-8", "surrogatepass")
        self._pending += content
        self._ends.append(self._ends[-1] + len(content))
        if len(self._pending) >= _CHUNK_BYTES:
            self._write()

    def _write(self) -> None:
        try:
            while self._pending:
                del self._pending[: self._file.write(self._pending)]
        except OSError as error:
            error.filename = f"{tempfile.gettempdir()}, or what TMPDIR names"
            raise

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, i: int) -> str: ...
    @overload
    def __getitem__(self, i: slice) -> list[str]: ...
    def __getitem__(self, i: int | slice) -> str | list[str]:
        if isinstance(i, slice):
            return [self[row] for row in range(*i.indices(len(self)))]
        row = range(len(self))[i]  # counts from the end where it is negative; IndexError beyond
        self._write()
        start, end = self._ends[row], self._ends[row + 1]
        return os.pread(self._file.fileno(), end - start, start).decode("utf-8", "surrogatepass")


class Digests(Sequence[str]):
    """Digests of texts as 32 hexadecimal digits each, kept as 16 bytes each; grows at its end."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def append(self, content: bytes) -> None:
        """Add the digest of a text's bytes."""
        self._bytes += hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()

    def __len__(self) -> int:
        return len(self._bytes) // _DIGEST_BYTES

    @overload
    def __getitem__(self, i: int) -> str: ...
    @overload
    def __getitem__(self, i: slice) -> list[str]: ...
    def __getitem__(self, i: int | slice) -> str | list[str]:
        if isinstance(i, slice):
            return [self[row] for row in range(*i.indices(len(self)))]
        start = range(len(self))[i] * _DIGEST_BYTES
        return self._bytes[start : start + _DIGEST_BYTES].hex()
