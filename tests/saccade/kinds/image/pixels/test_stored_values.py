"""Picture files of other forms than 8 bits, as Pillow, OpenCV, NumPy and pydicom write them.

Shapes: H height, W width, C channels, N frames.
"""

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from saccade.core.errors import UserError
from saccade.kinds.image.pixels.decode import decode_for, decode_image
from saccade.kinds.image.pixels.frames import Frame, frame_numbers
from saccade.kinds.image.pixels.stored_values import read_values

DEEP_HW = np.random.default_rng(1).integers(0, 4096, size=(6, 9), dtype=np.uint16)
DEEP_HWC = np.random.default_rng(2).integers(0, 4096, size=(6, 9, 3), dtype=np.uint16)
SIGNED_HW = DEEP_HW.astype(np.int32) - 2000
FLOAT_HWC = DEEP_HWC / np.float32(7)
# Red above, blue below, 64x64; written by libheif's encoder, which is not installed with the extra
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAVZtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAA"
    "AERAAAEAAQAAAAABegABAAAAAAAAADoAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA1mlwcnAAAAC3"
    "aXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAA"
    "AwAeoCCBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAABBw"
    "aXhpAAAAAAMICAgAAAAXaXBtYQAAAAAAAAABAAEEgQIDBAAAAEJtZGF0AAAANigBrxOAeNWFyL//9iVH/7c+eH3dg2IpT/9yddH84Pj/8PhSA3KQ"
    "zGb9QEhdB7ESBpGJqvK2OA=="
)


def pillow_file(array: np.ndarray, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **options)
    return file.getvalue()


def opencv_file(array: np.ndarray, suffix: str) -> bytes:
    import cv2

    is_written, content = cv2.imencode(suffix, array[..., ::-1] if array.ndim == 3 else array)
    assert is_written
    return content.tobytes()


def numpy_file(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def numpy_header(*shape: int) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<u2", "fortran_order": False, "shape": shape})
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "expected", "scale"),
    [
        pytest.param(pillow_file(DEEP_HW, "PNG"), DEEP_HW, None, id="PNG, 16 bits"),
        pytest.param(opencv_file(DEEP_HWC, ".png"), DEEP_HWC, None, id="PNG, 16 bits, colour"),
        pytest.param(pillow_file(DEEP_HW, "TIFF"), DEEP_HW, None, id="TIFF, 16 bits"),
        pytest.param(opencv_file(DEEP_HWC, ".tiff"), DEEP_HWC, None, id="TIFF, 16 bits, colour"),
        pytest.param(
            pillow_file(DEEP_HW.astype(np.int32) - 2000, "TIFF"), DEEP_HW.astype(np.int32) - 2000, None, id="int"
        ),
        pytest.param(pillow_file(DEEP_HW / np.float32(7), "TIFF"), DEEP_HW / np.float32(7), None, id="TIFF, float"),
        pytest.param(
            opencv_file(DEEP_HWC / np.float32(7), ".tiff"), DEEP_HWC / np.float32(7), None, id="float, colour"
        ),
        pytest.param(pillow_file(DEEP_HW, "JPEG2000", irreversible=False), DEEP_HW, None, id="JPEG 2000, 16 bits"),
        pytest.param(
            b"P5 # camera\n9 6\n4095\n" + DEEP_HW.astype(">u2").tobytes(), DEEP_HW, (0, 4095), id="PGM, 12 bits"
        ),
        pytest.param(numpy_file(DEEP_HW), DEEP_HW, None, id="npy"),
        pytest.param(numpy_file(DEEP_HW.astype(">u2")), DEEP_HW, None, id="npy, big endian"),
        pytest.param(numpy_file(DEEP_HW / 7.0), DEEP_HW.astype(np.float64) / np.float32(7), None, id="npy, float64"),
        pytest.param(numpy_file(DEEP_HWC.astype(np.int64)), DEEP_HWC.astype(np.int32), None, id="npy, int64, colour"),
        pytest.param(numpy_file(DEEP_HWC.transpose(2, 0, 1)), DEEP_HWC, None, id="npy, channels first"),
    ],
)
def test_values_are_read_as_they_were_written(content: bytes, expected: np.ndarray, scale: Any) -> None:
    found = read_values(content)
    assert found.is_deep and found.sides == (6, 9) and found.scale == scale
    assert found.array.dtype in (np.uint16, np.int32, np.float32)
    np.testing.assert_allclose(found.array, expected, rtol=1e-6)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["TIFF, grey", "TIFF", "PNG"])
def test_deep_pictures_are_turned_upright_as_shallow_ones(kind: str, orientation: int) -> None:
    array = DEEP_HW if kind == "TIFF, grey" else DEEP_HWC
    exif = Image.Exif()
    exif[274] = orientation
    small = (array >> 4).astype(np.uint8)  # the same in 8 bits, which Pillow turns
    expected = decode_image(pillow_file(small, "TIFF", exif=exif))
    if kind == "TIFF, grey":
        content = pillow_file(array, "TIFF", exif=exif)
    elif kind == "TIFF":
        content = with_orientation(opencv_file(array, ".tiff"), orientation)
    else:
        chunk = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
        chunk = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        png = opencv_file(array, ".png")
        content = png[:33] + chunk + png[33:]  # behind the header
    found = read_values(content)
    np.testing.assert_array_equal(found.array >> 4, expected)
    assert found.sides == expected.shape[:2]


def with_orientation(content: bytes, orientation: int) -> bytes:
    """A little-endian TIFF of one page, its directory written anew with that orientation."""
    place = struct.unpack_from("<I", content, 4)[0]
    count = struct.unpack_from("<H", content, place)[0]
    entries = {entry[:2]: entry for entry in (content[place + 2 + 12 * i :][:12] for i in range(count))}
    entries[struct.pack("<H", 274)] = struct.pack("<HHIHH", 274, 3, 1, orientation, 0)
    ordered = sorted(entries.values(), key=lambda entry: struct.unpack_from("<H", entry)[0])
    directory = struct.pack("<H", len(ordered)) + b"".join(ordered) + bytes(4)
    return content[:4] + struct.pack("<I", len(content)) + content[8:] + directory


def test_a_big_tiff_of_deep_colour() -> None:
    content = big_tiff(DEEP_HWC)
    np.testing.assert_array_equal(read_values(content).array, DEEP_HWC)
    assert list(frame_numbers(content)) == [0]


def big_tiff(array_HWC: np.ndarray) -> bytes:
    """A little-endian BigTIFF of one strip."""
    height, width, channels = array_HWC.shape
    data = array_HWC.tobytes()
    entries = [
        (256, 3, 1, width),
        (257, 3, 1, height),
        (258, 3, 3, 16 | 16 << 16 | 16 << 32),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
    ]
    entries += [(273, 16, 1, 16), (277, 3, 1, channels), (278, 3, 1, height), (279, 16, 1, len(data))]
    directory = struct.pack("<Q", len(entries)) + b"".join(struct.pack("<HHQQ", *entry) for entry in entries) + bytes(8)
    return b"II+\0" + struct.pack("<HHQ", 8, 0, 16 + len(data)) + data + directory


def test_a_tiff_whose_zero_is_white_is_inverted() -> None:
    content = pillow_file(DEEP_HW, "TIFF")
    place = content.index(struct.pack("<HHIH", 262, 3, 1, 1))  # PhotometricInterpretation: black is zero
    white = content[: place + 8] + b"\0" + content[place + 9 :]
    np.testing.assert_array_equal(decode_image(white), 255 - decode_image(content))


def test_boolean_and_small_arrays_are_pictures() -> None:
    assert decode_image(numpy_file(np.array([[True, False]]))).tolist() == [[255, 0]]
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    np.testing.assert_array_equal(decode_image(numpy_file(grey)), grey[..., 0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (numpy_file(DEEP_HW)[:-1], "must be a whole array of NumPy"),
        (
            numpy_file(np.zeros((2, 3, 4, 5))),
            r"must be a picture, \(H, W\) or \(H, W, 3\), but is an array of \(2, 3, 4, 5\)",
        ),
        (numpy_file(np.zeros(7)), r"but is an array of \(7,\)"),
        (numpy_file(np.array([["a"]])), "must be an array of numbers, but its dtype is <U1"),
        (numpy_file(np.array([[2**40]])), "must hold whole numbers of at most 32 bits"),
        (numpy_header(60_000, 90_000), r"at most 178,956,970 pixels, but is an array of \(60000, 90000\)"),
        (opencv_file(DEEP_HWC, ".png")[:-40], "must be a whole picture"),
        (
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x10\2\0\0\0",
            "at most 178,956,970 pixels, but has 65536x65536",
        ),
    ],
)
def test_what_is_no_picture_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_values(content)


@pytest.mark.parametrize("kind", ["AVIF", "JPEG2000"])
def test_other_formats_of_pillow(kind: str) -> None:
    array = np.random.default_rng(3).integers(0, 256, size=(20, 30, 3), dtype=np.uint8)
    content = pillow_file(array, kind)
    with Image.open(io.BytesIO(content)) as expected:
        np.testing.assert_array_equal(decode_image(content), np.asarray(expected))


def test_heic() -> None:
    pytest.importorskip("pi_heif")
    image_HWC, sides = decode_for(HEIC, (32, 32))
    assert sides == (64, 64) and image_HWC.shape == (64, 64, 3)
    np.testing.assert_allclose(image_HWC[[5, 60], 5], [[200, 40, 40], [40, 40, 200]], atol=4)  # it loses a little


@pytest.mark.parametrize("module", ["pi_heif", "pydicom"])
def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    from saccade.kinds.image.pixels import stored_values

    stored_values._register_heif.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, module, None)
    content, extra = (HEIC, "heic") if module == "pi_heif" else (bytes(128) + b"DICM", "dicom")
    with pytest.raises(UserError, match=rf"pip install 'saccade\[{extra}\]'"):
        read_values(content)


# --- frames


def animation(kind: str, count: int = 3) -> bytes:
    frames = [Image.new("RGB", (8, 6), (80 * i, 0, 255 - 80 * i)) for i in range(count)]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    return file.getvalue()


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG", "WEBP", "AVIF"])
def test_frames_are_counted_and_read_one_by_one(kind: str) -> None:
    content = animation(kind)
    assert list(frame_numbers(content)) == [0, 1, 2]
    for number in (2, 0, 1):
        level_C = decode_image(Frame(content, number))[3, 4].astype(int)
        assert np.abs(level_C - [80 * number, 0, 255 - 80 * number]).max() <= 6  # WebP and AVIF lose a little
    np.testing.assert_array_equal(decode_image(content), decode_image(Frame(content, 0)))
    assert list(frame_numbers(animation(kind, 1))) == [0]
    assert list(frame_numbers(content[:60])) == [0]  # damaged: decoding says so


def test_smaller_copies_of_a_page_are_no_frames() -> None:
    from PIL import TiffImagePlugin

    file, pages = io.BytesIO(), [Image.new("L", (8, 6), 10), Image.new("L", (4, 3), 20), Image.new("L", (8, 6), 30)]
    tags = []
    for is_copy in (0, 1, 0):
        tags.append(TiffImagePlugin.ImageFileDirectory_v2())
        tags[-1][254] = is_copy
    with TiffImagePlugin.AppendingTiffWriter(file, True) as writer:
        for page, info in zip(pages, tags, strict=True):
            page.save(writer, format="TIFF", tiffinfo=info)
            writer.newFrame()
    assert list(frame_numbers(file.getvalue())) == [0, 2]
    assert decode_image(Frame(file.getvalue(), 2)).tolist() == [[30] * 8] * 6


def test_pages_of_deep_colour() -> None:
    import cv2

    pages = [DEEP_HWC, np.ascontiguousarray(DEEP_HWC[::-1])]
    _, content = cv2.imencodemulti(".tiff", [page[..., ::-1] for page in pages])
    for number, page in enumerate(pages):
        np.testing.assert_array_equal(read_values(Frame(content.tobytes(), number)).array, page)


# --- DICOM


def dicom(array: np.ndarray, **attributes: Any) -> bytes:
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileMetaDataset

    found = pydicom.Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    found.file_meta.MediaStorageSOPClassUID = found.SOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID = "1.2.3"
    is_colour = array.ndim == 3 and array.shape[-1] == 3
    frames = array.shape[0] if array.ndim == 3 and not is_colour else 1
    found.Rows, found.Columns = array.shape[-2 - is_colour], array.shape[-1 - is_colour]
    found.SamplesPerPixel = 3 if is_colour else 1
    found.PhotometricInterpretation = "RGB" if is_colour else "MONOCHROME2"
    if is_colour:
        found.PlanarConfiguration = 0
    if frames > 1:
        found.NumberOfFrames = frames
    found.BitsAllocated = found.BitsStored = 8 * array.dtype.itemsize
    found.HighBit, found.PixelRepresentation = found.BitsStored - 1, int(array.dtype.kind == "i")
    found.PixelData = array.tobytes()
    for name, value in attributes.items():
        setattr(found, name, value)
    file = io.BytesIO()
    found.save_as(file, enforce_file_format=True)
    return file.getvalue()


def test_a_dicom_is_rescaled_windowed_and_inverted() -> None:
    stored_HW = np.array([[0, 24, 1000], [1064, 1104, 3000]], np.int16)
    rescale = {"RescaleSlope": "1", "RescaleIntercept": "-1024"}
    found = read_values(dicom(stored_HW, **rescale))
    assert found.scale is None and found.array.tolist() == (stored_HW.astype(int) - 1024).tolist()
    window = {**rescale, "WindowCenter": ["40", "300"], "WindowWidth": ["81", "1500"]}
    content = dicom(stored_HW, **window)
    assert read_values(content).scale == (-0.5, 79.5)  # 40 - 0.5 - 80 / 2, and 80 more
    assert decode_image(content).tolist() == [[0, 0, 0], [129, 255, 255]]  # 40 of -0.5..79.5
    inverted = dicom(stored_HW, **window, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(decode_image(inverted), 255 - decode_image(content))
    exact = dicom(stored_HW, **window, VOILUTFunction="LINEAR_EXACT")
    assert read_values(exact).scale == (-0.5, 80.5)
    floats = dicom(stored_HW, RescaleSlope="0.5", RescaleIntercept="0")
    assert read_values(floats).array.dtype == np.float32
    np.testing.assert_allclose(read_values(floats).array, stored_HW / 2)


def test_dicoms_of_8_bits_colour_and_frames() -> None:
    grey_HW = np.arange(6, dtype=np.uint8).reshape(2, 3)
    np.testing.assert_array_equal(decode_image(dicom(grey_HW)), grey_HW)
    np.testing.assert_array_equal(decode_image(dicom(grey_HW, PhotometricInterpretation="MONOCHROME1")), 255 - grey_HW)
    colour_HWC = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    np.testing.assert_array_equal(decode_image(dicom(colour_HWC)), colour_HWC)
    frames_NHW = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6) * 30
    content = dicom(frames_NHW)
    assert list(frame_numbers(content)) == [0, 1, 2, 3]
    np.testing.assert_array_equal(read_values(Frame(content, 2)).array, frames_NHW[2])


def test_a_dicom_that_is_none_is_refused() -> None:
    content = dicom(DEEP_HW)
    with pytest.raises(UserError, match="must be a whole DICOM picture: "):
        read_values(content[:-20])
    with pytest.raises(UserError, match="must be a whole DICOM picture: "):
        read_values(content[:200])
    with pytest.raises(UserError, match="must have at most 178,956,970 pixels, but has 60000x60000"):
        read_values(dicom(DEEP_HW, Rows=60000, Columns=60000))
    assert list(frame_numbers(content[:140])) == [0]
