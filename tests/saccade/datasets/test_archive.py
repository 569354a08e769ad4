"""Archives, read member by member."""

import bz2
import errno
import gzip
import io
import lzma
import os
import random
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from saccade.datasets._archive import Wanted, copy_file, is_archive, open_archive, pack_folder
from saccade.errors import UserError

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


def content_of(path: Path, wanted: Wanted = everything) -> dict[str, bytes]:
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
    with pytest.raises(UserError, match=r"the name 'cat/caf\\udce9\.bin' must be UTF-8\. Rename the file"):
        content_of(tmp_path / "a")


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
    remedy = r"or leave it out: exclude: \['cat/\[\[\]1\]\.bin'\]"
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
# Longer than what is read ahead; words can be compressed, noise cannot.
LONG = {"cat/1.bin": " ".join(map(str, range(100_000))).encode() + random.Random(1).randbytes(200_000)}


def flipped(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(tar_bytes(BIG)[:2000], id="tar cut in the first file"),
        pytest.param(tar_bytes(BIG)[:3700], id="tar cut in the second header"),
        pytest.param(tar_bytes(BIG)[:3584], id="tar cut before the second header"),
        pytest.param(flipped(tar_bytes(BIG), 3590), id="tar with a flipped bit in the second header"),
        pytest.param(gzip.compress(tar_bytes(BIG))[:4000], id="gzip cut"),
        pytest.param(flipped(gzip.compress(tar_bytes(BIG)), 5000), id="gzip with a flipped bit"),
        pytest.param(flipped(gzip.compress(tar_bytes(BIG)), -8), id="gzip with another checksum"),
        pytest.param(gzip.compress(tar_bytes(LONG))[:90_000] + b"\xff" * 100, id="gzip with an impossible block"),
        pytest.param(bz2.compress(tar_bytes(BIG))[:4000], id="bz2 cut"),
        pytest.param(flipped(bz2.compress(tar_bytes(BIG)), 5000), id="bz2 with a flipped bit"),
        pytest.param(lzma.compress(tar_bytes(BIG))[:4000], id="xz cut"),
        pytest.param(flipped(lzma.compress(tar_bytes(LONG)), -100_000), id="xz with a flipped bit"),
        pytest.param(zip_bytes(BIG)[:-10], id="zip without its end"),
        pytest.param(flipped(zip_bytes(BIG), 1000), id="zip with a flipped bit"),
        pytest.param(b"", id="empty"),
        pytest.param(b"GIF89a" * 200, id="another file"),
    ],
)
def test_a_damaged_archive_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pets").write_bytes(content)
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
    monkeypatch.setattr(tarfile, "open", fail)
    with pytest.raises(OSError, match="Input/output error"):
        open_archive(tmp_path / "a")


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
    with pytest.raises(UserError, match=r"odd is a link to a folder\. .* leave it out: exclude: \['odd/\*'\]"):
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


def test_a_file_is_copied_whole(tmp_path: Path) -> None:
    content = random.Random(0).randbytes(2**20 + 7)
    (tmp_path / "a").write_bytes(content)
    seen: list[tuple[str, int, int | None]] = []
    copy_file(tmp_path / "a", tmp_path / "sub" / "b", progress=lambda *call: seen.append(call))
    assert (tmp_path / "sub" / "b").read_bytes() == content
    assert seen == [("b", 2**20, len(content)), ("b", len(content), len(content))]
