"""Archives, read member by member."""

import bz2
import errno
import gzip
import io
import lzma
import os
import random
import stat
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from saccade.core.errors import UserError
from saccade.io.archive_limits import ArchiveLimits
from saccade.io.archives import NameFilter, is_archive, open_archive
from saccade.io.locations import folder_or_archive
from saccade.io.packing import copy_file, pack_folder

FILES = {
    "train/cat/a b.bin": b"first",
    "train/dog/ção 猫.bin": bytes(range(256)) * 2,  # a whole block of a tar
    "test/cat/empty.bin": b"",
    "z.txt": b"last" * 300,
}


def everything(name: str) -> bool:
    return True


def tar_bytes(files: Mapping[str, bytes], *more: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in more:
            tar.addfile(info)
    return buffer.getvalue()


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def unmarked_zip(files: Mapping[bytes, bytes]) -> bytes:
    """A zip whose names bear no flag for UTF-8, as old packers write them: the bytes are put in place of others."""
    stand_in = {f"{i}".rjust(len(name), "n"): name for i, name in enumerate(files)}
    content = zip_bytes(dict(zip(stand_in, files.values(), strict=True)))
    for name, raw in stand_in.items():
        content = content.replace(name.encode(), raw)
    return content


PACKERS: dict[str, Callable[[Mapping[str, bytes]], bytes]] = {
    "tar": tar_bytes,
    "gz": lambda files: gzip.compress(tar_bytes(files)),
    "bz2": lambda files: bz2.compress(tar_bytes(files)),
    "xz": lambda files: lzma.compress(tar_bytes(files)),
    "zip": zip_bytes,
}


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def content_of(path: Path, wanted: NameFilter = everything) -> dict[str, bytes]:
    archive = open_archive(path)
    return {member.name: archive.read(member) for member in archive.members(wanted)}


@pytest.mark.parametrize("kind", PACKERS)
def test_members_come_in_order_and_whole(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "without a suffix"
    path.write_bytes(PACKERS[kind](FILES))
    assert is_archive(path)
    assert list(content_of(path).items()) == list(FILES.items())


@pytest.mark.parametrize("kind", PACKERS)
def test_members_are_read_in_any_order_and_listed_again(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(PACKERS[kind](FILES))
    archive = open_archive(path)
    members = list(archive.members(everything))
    assert [member.size for member in members] == [len(content) for content in FILES.values()]
    for member in (*reversed(members), *members):
        assert archive.read(member) == FILES[member.name]
    assert list(archive.members(everything)) == members


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_only_wanted_members_are_listed(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(PACKERS[kind](FILES))
    assert list(content_of(path, lambda name: "cat" in name)) == ["train/cat/a b.bin", "test/cat/empty.bin"]


def test_a_tar_of_the_folder_itself_has_plain_names(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    folder = special("./cat", tarfile.DIRTYPE)
    path.write_bytes(tar_bytes({"./cat//1.bin": b"x"}, folder))
    assert content_of(path) == {"cat/1.bin": b"x"}


@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize("name", ["/etc/passwd", "../up.bin", "cat/../../up.bin"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(PACKERS[kind]({"cat/1.bin": b"x", name: b"y"}))
    with pytest.raises(UserError, match=rf"a: member '{name}' must not lead out of the archive"):
        content_of(path, lambda name: False)  # left out or not


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(tar_bytes({"cat/caf\udce9.bin": b"x"}))
    message = r"the name 'cat/caf\\udce9\.bin' must be UTF-8\. As cp1252 it is 'cat/café\.bin': names_encoding: cp1252"
    with pytest.raises(UserError, match=message):
        content_of(tmp_path / "a")
    archive = open_archive(tmp_path / "a", names_encoding="cp1252")
    assert [member.name for member in archive.members(everything)] == ["cat/café.bin"]


def test_a_folder_whose_names_are_not_utf8_is_packed_in_utf8(tmp_path: Path) -> None:
    folder = tmp_path / "photos" / "caf\udce9"
    folder.mkdir(parents=True)
    (folder / "1.bin").write_bytes(b"x")
    with pytest.raises(UserError, match=r"must be UTF-8\. As cp1252 it is 'café': names_encoding: cp1252"):
        pack_folder(tmp_path / "photos", tmp_path / "a.tar", everything)
    pack_folder(tmp_path / "photos", tmp_path / "a.tar", everything, names_encoding="cp1252")
    assert content_of(tmp_path / "a.tar") == {"café/1.bin": b"x"}


@pytest.mark.parametrize(
    ("names", "codec", "named", "is_sure"),
    [
        (("maçã/1", "pêra/2"), "cp850", "", True),
        (("écureuil/1", "châtaigne/2"), "cp1252", "", True),
        (("naïve café/1",), "cp850", "cp852", False),
        (("łódź/1", "płot/2"), "cp852", "cp437", False),
        (("кошка/1", "собака/2"), "cp866", "cp737", False),
        (("猫/1", "犬/いぬ"), "cp932", "cp949", False),
        (("猫/1", "maçã/2", "Übung"), "utf-8", "", True),  # as macOS packs, without a flag
    ],
)
def test_names_of_a_zip_without_a_mark_are_read_as_words(
    tmp_path: Path, names: tuple[str, ...], codec: str, named: str, is_sure: bool
) -> None:
    path = tmp_path / "old.zip"
    path.write_bytes(unmarked_zip({name.encode(codec): b"x" for name in names}))
    archive = open_archive(path)
    assert [member.name for member in archive.members(everything)] == list(names)
    assert bool(archive.notes) == is_sure and bool(archive.warnings) != is_sure
    assert archive.read(next(archive.members(everything))) == b"x"
    if not is_sure:
        assert f"read as {codec}, such as {names[0].split('/')[0]!r}" in archive.warnings[0]
        assert archive.warnings[0].endswith(f"names_encoding: {named}")
    again = open_archive(path, names_encoding=codec)
    assert [member.name for member in again.members(everything)] == list(names)
    assert again.notes == again.warnings == ()


def test_names_of_a_zip_that_are_none_of_the_named_encoding_are_refused(tmp_path: Path) -> None:
    (tmp_path / "old.zip").write_bytes(unmarked_zip({"maçã".encode("cp850"): b"x"}))
    with pytest.raises(UserError, match=r"must be utf-8-sig \(names_encoding\), but byte 0x87 is none"):
        list(open_archive(tmp_path / "old.zip", names_encoding="utf-8").members(everything))


def test_backslashes_in_a_zip_part_folders(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(unmarked_zip({b"cat\\1.bin": b"x"}))
    assert content_of(tmp_path / "a.zip") == {"cat/1.bin": b"x"}


@pytest.mark.parametrize(
    ("start", "message"),
    [(b"7z\xbc\xaf\x27\x1c", r"is a 7-Zip .*`7z x a\.bin`"), (b"Rar!\x1a\x07\x01", "is a RAR .*`unrar x a.bin`")],
)
def test_archives_of_other_kinds_are_named(tmp_path: Path, start: bytes, message: str) -> None:
    (tmp_path / "a.bin").write_bytes(start + bytes(100))
    for call in (open_archive, lambda path: folder_or_archive(str(path))):
        with pytest.raises(UserError, match=message):
            call(tmp_path / "a.bin")


@pytest.mark.parametrize(
    ("member", "what"),
    [
        (special("cat/[1].bin", tarfile.SYMTYPE, "/etc/passwd"), "a link"),
        (special("cat/[1].bin", tarfile.LNKTYPE, "cat/1.bin"), "a link"),
        (special("cat/[1].bin", tarfile.CHRTYPE), "no plain file"),
        (special("cat/[1].bin", tarfile.FIFOTYPE), "no plain file"),
    ],
)
def test_links_and_devices_of_a_tar_are_refused_where_they_are_wanted(
    tmp_path: Path, member: tarfile.TarInfo, what: str
) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar_bytes({"cat/1.bin": b"x"}, member))
    remedy = r"or leave it out: exclude: \['/cat/\[\[\]1\]\.bin'\]"
    with pytest.raises(UserError, match=rf"'cat/\[1\]\.bin' must be a plain file, but is {what}\. .* {remedy}"):
        content_of(path)
    assert content_of(path, lambda name: "[" not in name) == {"cat/1.bin": b"x"}


@pytest.mark.parametrize(
    ("kind", "what"), [(stat.S_IFLNK, "a link"), (stat.S_IFIFO, "no plain file"), (stat.S_IFREG, None)]
)
def test_links_and_devices_of_a_zip_are_refused(tmp_path: Path, kind: int, what: str | None) -> None:
    info = zipfile.ZipInfo("cat/1.bin")
    info.create_system, info.external_attr = 3, (kind | 0o644) << 16  # 3: Unix
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, b"x")
    if what is None:
        assert content_of(tmp_path / "a.zip") == {"cat/1.bin": b"x"}
        return
    with pytest.raises(UserError, match=rf"'cat/1\.bin' must be a plain file, but is {what}"):
        content_of(tmp_path / "a.zip")


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    content = bytearray(zip_bytes({"cat/1.bin": b"x"}))
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flags in the directory at the end
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(UserError, match=r"'cat/1\.bin' must be a plain file, but is encrypted"):
        content_of(tmp_path / "a.zip")


BIG = {f"cat/{i}.bin": random.Random(i).randbytes(3000) for i in (1, 2)}


def long_file() -> dict[str, bytes]:
    """Longer than what is read ahead; words can be compressed, noise cannot."""
    return {"cat/1.bin": " ".join(map(str, range(100_000))).encode() + random.Random(1).randbytes(200_000)}


def flipped(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: tar_bytes(BIG)[:2000], id="tar cut in the first file"),
        pytest.param(lambda: tar_bytes(BIG)[:3700], id="tar cut in the second header"),
        pytest.param(lambda: tar_bytes(BIG)[:3584], id="tar cut before the second header"),
        pytest.param(lambda: flipped(tar_bytes(BIG), 3590), id="tar with a flipped bit in the second header"),
        pytest.param(lambda: gzip.compress(tar_bytes(BIG))[:4000], id="gzip cut"),
        pytest.param(lambda: flipped(gzip.compress(tar_bytes(BIG)), 5000), id="gzip with a flipped bit"),
        pytest.param(lambda: flipped(gzip.compress(tar_bytes(BIG)), -8), id="gzip with another checksum"),
        pytest.param(
            lambda: gzip.compress(tar_bytes(long_file()))[:90_000] + b"\xff" * 100, id="gzip with an impossible block"
        ),
        pytest.param(lambda: bz2.compress(tar_bytes(BIG))[:4000], id="bz2 cut"),
        pytest.param(lambda: flipped(bz2.compress(tar_bytes(BIG)), 5000), id="bz2 with a flipped bit"),
        pytest.param(lambda: lzma.compress(tar_bytes(BIG))[:4000], id="xz cut"),
        pytest.param(lambda: flipped(lzma.compress(tar_bytes(long_file())), -100_000), id="xz with a flipped bit"),
        pytest.param(lambda: zip_bytes(BIG)[:-10], id="zip without its end"),
        pytest.param(lambda: flipped(zip_bytes(BIG), 1000), id="zip with a flipped bit"),
        pytest.param(lambda: b"", id="empty"),
        pytest.param(lambda: b"GIF89a" * 200, id="another file"),
    ],
)
def test_a_damaged_archive_is_named(tmp_path: Path, make: Callable[[], bytes]) -> None:
    (tmp_path / "pets").write_bytes(make())
    with pytest.raises(UserError, match=r"pets must be a whole archive: .+\. Replace it, and fetch again\."):
        content_of(tmp_path / "pets")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"Rar!" * 400, id="rar"),
        pytest.param(b"", id="empty"),
        pytest.param(gzip.compress(b"x" * 999)[:12], id="gzip cut"),
        pytest.param(gzip.compress(b"x" * 999), id="gzip of no tar"),
        pytest.param(b"PK\x03\x04" * 9, id="zip cut"),
    ],
)
def test_what_is_no_archive_is_told_by_its_content(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    assert not is_archive(tmp_path / "a.zip")


def test_an_error_of_the_disk_stays_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    (tmp_path / "a").write_bytes(tar_bytes(FILES))
    monkeypatch.setattr(tarfile, "TarFile", fail)
    with pytest.raises(OSError, match="Input/output error"):
        open_archive(tmp_path / "a")


# --- archives that mean harm


NULS = bytes(2**20)
ODD_NAMES = [
    "cat/a\nb.bin",
    'cat/it\'s "x".bin',
    "cat/ lead trail .bin",
    "ねこ/عربي.bin",
    "cat/\x1b[31m.bin",
    "cat/a\\b.bin",
]


def long_member(path: Path, size: int, opener: Callable[..., Any]) -> None:
    """A tar with one member of ``size`` zeros, compressed on the way."""
    header = special("cat/huge.jpg", tarfile.REGTYPE)
    header.size = size
    with opener(path, "wb") as file:
        file.write(header.tobuf())
        for _ in range(size // len(NULS)):
            file.write(NULS)
        file.write(bytes(1024))


def peak_bytes(call: Callable[[], object]) -> int:
    """The least of three: what other threads of the tests allocate meanwhile is counted, too."""
    peaks = []
    for _ in range(3):
        tracemalloc.start()
        try:
            call()
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    return min(peaks)


@pytest.mark.parametrize("kind", PACKERS)
def test_odd_names_are_read_as_they_are(tmp_path: Path, kind: str) -> None:
    files = {name: name.encode() for name in ODD_NAMES}
    (tmp_path / "a").write_bytes(PACKERS[kind](files))
    assert content_of(tmp_path / "a") == files


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_odd_names_stand_on_one_line_of_a_message(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a").write_bytes(PACKERS[kind]({"cat/a\nb\u2028.bin": b"12345"}))
    with pytest.raises(UserError, match=r"'cat/a\\nb\\u2028\.bin' must be at most 4 bytes long") as raised:
        list(open_archive(tmp_path / "a", ArchiveLimits(max_file_bytes=4)).members(everything))
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("opener", [gzip.open, bz2.open, lzma.open])
def test_a_huge_member_is_refused_before_it_is_read(tmp_path: Path, opener: Callable[..., Any]) -> None:
    long_member(tmp_path / "a", 2**25, opener)
    limits = ArchiveLimits(max_file_bytes=2**20)
    assert list(open_archive(tmp_path / "a", limits).members(lambda name: False)) == []
    content = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(content[:-10])  # whoever reads on notices
    expected = (
        r"a: 'cat/huge\.jpg' must be at most 1,048,576 bytes long \(max_file_bytes\), but is 33,554,432\. If it is "
        r"what you expect, raise max_file_bytes; else leave it out: exclude: \['/cat/huge\.jpg'\]"
    )

    def list_members() -> None:
        with pytest.raises(UserError, match=expected):
            list(open_archive(tmp_path / "a", limits).members(everything))

    assert peak_bytes(list_members) < 2e7  # xz has a dictionary of 8 MiB


def test_a_member_that_claims_a_hundred_gigabytes_is_refused(tmp_path: Path) -> None:
    info = special("cat/1.jpg", tarfile.REGTYPE)
    info.size = 10**11
    (tmp_path / "a").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
    with pytest.raises(UserError, match=r"'cat/1\.jpg' must be at most 1,000,000,000 bytes .* but is 100,000,000,000"):
        content_of(tmp_path / "a")


def lying_zip(claimed: int, content: bytes, checksum: int | None = None) -> bytes:
    """A zip whose directory claims another length for its one member."""
    whole = bytearray(zip_bytes({"cat/1.bin": content}))
    place = whole.index(b"PK\x01\x02")
    struct.pack_into("<L", whole, place + 24, claimed)
    if checksum is not None:
        struct.pack_into("<L", whole, place + 16, checksum)
    return bytes(whole)


def test_a_zip_that_unpacks_to_more_than_it_claims_is_not_unpacked_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(lying_zip(10, bytes(2**27)))

    def read() -> None:
        with pytest.raises(UserError, match=r"must be a whole archive: Bad CRC-32"):
            content_of(tmp_path / "a")

    assert peak_bytes(read) < 5e6
    # one that names the checksum of its first bytes gives those, and no more
    (tmp_path / "a").write_bytes(lying_zip(10, bytes(2**27), zlib.crc32(bytes(10))))
    assert content_of(tmp_path / "a") == {"cat/1.bin": bytes(10)}


def test_a_zip_that_unpacks_to_less_than_it_claims_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(lying_zip(10**6, b"short"))
    with pytest.raises(
        UserError, match=r"must be a whole archive: 'cat/1\.bin' must unpack to 1000000 bytes, but to 5"
    ):
        content_of(tmp_path / "a")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_of_a_compression_without_a_bound_is_refused(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a", "w", method) as archive:
        archive.writestr("cat/1.bin", bytes(10**6))
    with pytest.raises(UserError, match="must be a plain file, but is compressed in another way than deflate"):
        content_of(tmp_path / "a")


@pytest.mark.parametrize("kind", PACKERS)
def test_too_many_members_and_too_many_bytes_are_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a").write_bytes(PACKERS[kind](FILES))
    total = sum(map(len, FILES.values()))
    whole = ArchiveLimits(max_files=4, max_bytes=total, max_file_bytes=max(map(len, FILES.values())))
    assert len(list(open_archive(tmp_path / "a", whole).members(everything))) == 4
    with pytest.raises(
        UserError, match=r"a must hold at most 3 files \(max_files\), but holds more\. .* raise max_files"
    ):
        list(open_archive(tmp_path / "a", ArchiveLimits(max_files=3)).members(lambda name: False))
    with pytest.raises(UserError, match=rf"to at most {total - 1:,} bytes \(max_bytes\), but claims {total:,} or more"):
        list(open_archive(tmp_path / "a", ArchiveLimits(max_bytes=total - 1)).members(lambda name: False))


@pytest.mark.parametrize(
    ("name", "values"), [("max_files", (0, 1, 1)), ("max_file_bytes", (1, 0, 1)), ("max_bytes", (1, 1, 0))]
)
def test_a_limit_is_at_least_one(name: str, values: tuple[int, int, int]) -> None:
    with pytest.raises(UserError, match=rf"{name} \(0\) must be at least 1"):
        ArchiveLimits(*values)


def test_a_zip_is_refused_for_its_members_before_they_are_listed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        for i in range(70_000):  # more than 16 bits count: zip64
            archive.writestr(f"{i}", b"")

    def refuse() -> None:
        with pytest.raises(UserError, match="must hold at most 66,000 files"):
            open_archive(tmp_path / "a", ArchiveLimits(max_files=66_000))

    assert peak_bytes(refuse) < 1e6
    assert len(list(open_archive(tmp_path / "a", ArchiveLimits(max_files=70_000)).members(everything))) == 70_000


def test_a_zip_that_lies_of_its_members_is_refused(tmp_path: Path) -> None:
    content = bytearray(zip_bytes({f"{'x' * 9000}{i}": b"" for i in range(40)}))
    end = content.rindex(b"PK\x05\x06")
    struct.pack_into("<HH", content, end + 8, 1, 1)
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(UserError, match="must be a whole archive: 1 members must not have a directory of 36"):
        open_archive(tmp_path / "a")


def header(name: str, kind: bytes, size: int) -> bytes:
    info = special(name, kind)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


SPARSE = bytearray(header("x", tarfile.GNUTYPE_SPARSE, 0))
SPARSE[482] = 1  # more of the map of its holes follows ...
SPARSE[148:156] = f"{sum(SPARSE[:148]) + 8 * 32 + sum(SPARSE[156:]):06o}\0 ".encode()
HOLES = b"00000000001\0" * 42 + b"\1" + bytes(7)  # ... and more behind this


@pytest.mark.parametrize(
    ("make", "zeros"),
    [
        pytest.param(lambda: bytes(SPARSE) + HOLES * 2**15, 1024, id="a map of holes"),
        pytest.param(lambda: header("x", tarfile.GNUTYPE_LONGNAME, 2**28), 2**28, id="a long name"),
        pytest.param(lambda: header("x", tarfile.XHDTYPE, 2**28), 2**28, id="a long pax header"),
        pytest.param(lambda: header("x", tarfile.GNUTYPE_LONGNAME, -512), 2**28, id="a name of negative length"),
        pytest.param(lambda: header("a", tarfile.REGTYPE, 0) + header("b", tarfile.REGTYPE, -512), 1024, id="loop"),
        pytest.param(lambda: header("x", tarfile.XHDTYPE, 0) * 3000, 1024, id="headers of headers"),
        pytest.param(lambda: tar_bytes({"a": b"x"}), 2**25, id="zeros behind the end"),
    ],
)
def test_headers_that_would_fill_the_memory_or_never_end_are_refused(
    tmp_path: Path, make: Callable[[], bytes], zeros: int
) -> None:
    # Zeros are compressed once and repeated: a gzip file may be several, one behind the other.
    block = min(zeros, 2**20)
    (tmp_path / "a").write_bytes(gzip.compress(make(), 1) + gzip.compress(bytes(block), 1) * (zeros // block))

    def read() -> None:
        with pytest.raises(UserError, match=r"a must be a whole archive: .+\. Replace it, and fetch again\."):
            list(open_archive(tmp_path / "a", ArchiveLimits(max_files=9999)).members(everything))

    assert peak_bytes(read) < 2e7


def test_a_name_longer_than_a_path_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(tar_bytes({"x" * 5000: b""}))
    with pytest.raises(UserError, match=r"a name of 5,000 bytes must be at most 4,096 long: 'xxx"):
        content_of(tmp_path / "a")


@pytest.mark.parametrize("kind", PACKERS)
def test_whatever_is_damaged_ends_in_an_error_for_people(tmp_path: Path, kind: str) -> None:
    whole, draw = PACKERS[kind](FILES), random.Random(1)
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(draw.choice([1, 3, 30])):
            content[draw.randrange(len(content))] = draw.randrange(256)
        (tmp_path / "a").write_bytes(content[: draw.choice([len(content), draw.randrange(len(content))])])
        try:
            read = content_of(tmp_path / "a")
        except UserError as error:
            assert len(str(error).splitlines()) == 1
        else:
            assert not any(name.startswith("/") or ".." in name.split("/") for name in read)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_many_members_are_listed_in_flat_memory(tmp_path: Path, kind: str) -> None:
    peaks = {}
    for count in (300, 3_000):
        path = tmp_path / f"{count}"
        path.write_bytes(PACKERS[kind]({f"class-{i % 10}/{i:09}.jpg": b"x" for i in range(count)}))

        def read(path: Path = path) -> None:
            for _ in open_archive(path).members(everything):
                pass

        peaks[count] = peak_bytes(read)
    if kind == "tar":
        assert peaks[3_000] < peaks[300] + 1e5
    else:
        assert peaks[3_000] - peaks[300] < 2_700 * 800  # zipfile keeps the directory


# --- packing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(content)
    return tmp_path / "folder"


def test_a_folder_is_packed_sorted_and_whole(folder: Path, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    pack_folder(folder, tmp_path / "a.tar", everything, progress=lambda *call: seen.append(call))
    assert content_of(tmp_path / "a.tar") == FILES
    assert list(content_of(tmp_path / "a.tar")) == sorted(FILES)
    total = sum(map(len, FILES.values()))
    assert seen[-1] == ("a.tar", total, total) and len(seen) == len(FILES)


def test_the_same_files_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    pack_folder(folder, tmp_path / "a.tar", everything)
    for path in folder.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    pack_folder(folder, tmp_path / "b.tar", everything)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_hidden_and_unwanted_files_are_not_packed(folder: Path, tmp_path: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "x").write_bytes(b"x")
    (folder / "train" / ".DS_Store").write_bytes(b"x")
    pack_folder(folder, tmp_path / "a.tar", lambda name: name != "train/dog/")
    assert list(content_of(tmp_path / "a.tar")) == ["test/cat/empty.bin", "train/cat/a b.bin", "z.txt"]


def test_a_link_to_a_file_is_packed_as_the_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"there")
    (folder / "train" / "cat" / "link.bin").symlink_to(tmp_path / "elsewhere")
    pack_folder(folder, tmp_path / "a.tar", everything)
    assert content_of(tmp_path / "a.tar")["train/cat/link.bin"] == b"there"


def test_other_things_in_a_folder_are_refused(folder: Path, tmp_path: Path) -> None:
    odd = folder / "odd"
    odd.symlink_to(folder)
    with pytest.raises(UserError, match=r"odd is a link to a folder\. .* leave it out: exclude: \['/odd/\*'\]"):
        pack_folder(folder, tmp_path / "a.tar", everything)
    pack_folder(folder, tmp_path / "a.tar", lambda name: not name.startswith("odd/"))
    odd.unlink()
    odd.symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match="'odd' must be a plain file, but is a link that leads nowhere"):
        pack_folder(folder, tmp_path / "b.tar", everything)
    odd.unlink()
    os.mkfifo(odd)
    with pytest.raises(UserError, match="'odd' must be a plain file, but is no plain file"):
        pack_folder(folder, tmp_path / "b.tar", everything)
    assert not (tmp_path / "b.tar").exists()


def test_a_folder_with_nothing_to_pack_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"folder must hold files to pack, but there are none; does include or exclude"):
        pack_folder(folder, tmp_path / "a.tar", lambda name: name.endswith("/"))


def test_a_folder_over_the_limits_is_not_packed(folder: Path, tmp_path: Path) -> None:
    for limits, message in (
        (ArchiveLimits(max_files=3), "must hold at most 3 files"),
        (ArchiveLimits(max_file_bytes=1000), r"'z\.txt' must be at most 1,000 bytes long"),
        (ArchiveLimits(max_bytes=1000), r"must unpack to at most 1,000 bytes"),
    ):
        with pytest.raises(UserError, match=rf"folder.* {message}"):
            pack_folder(folder, tmp_path / "a.tar", everything, limits=limits)
    assert not (tmp_path / "a.tar").exists()
    pack_folder(folder, tmp_path / "a.tar", everything, limits=ArchiveLimits(max_files=4, max_file_bytes=1200))


def test_odd_names_are_packed(tmp_path: Path) -> None:
    for name in ODD_NAMES:
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(name.encode())
    pack_folder(tmp_path / "folder", tmp_path / "a.tar", everything)
    assert content_of(tmp_path / "a.tar") == {name: name.encode() for name in ODD_NAMES}


def test_a_file_is_copied_whole(tmp_path: Path) -> None:
    content = random.Random(0).randbytes(2**20 + 7)
    (tmp_path / "a").write_bytes(content)
    seen: list[tuple[str, int, int | None]] = []
    copy_file(tmp_path / "a", tmp_path / "sub" / "b", progress=lambda *call: seen.append(call))
    assert (tmp_path / "sub" / "b").read_bytes() == content
    assert seen == [("b", 2**20, len(content)), ("b", len(content), len(content))]
