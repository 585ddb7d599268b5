"""Files that claim, or unpack to, more than the memory holds are refused before it is spent."""

import bz2
import gzip
import struct
import time
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tifffile
from fuzz_seeds import SMOOTH, deflated_dicom, dicom
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from napari_lossviz import io
from napari_lossviz.io.codestreams import stated_shape
from napari_lossviz.io.sar_raster import import_rasterio

FREE = 64 << 20
"""Bytes of memory that are free in most of these tests."""
BOMB = 100 << 20
"""Bytes that the bombs unpack to."""

Refused = Callable[..., str]


@pytest.fixture(autouse=True)
def little_memory(free_memory: Callable[[int], None]) -> None:
    free_memory(FREE)


def zeros(start: bytes = b"", wbits: int = -zlib.MAX_WBITS) -> bytes:
    """Return `start` and so many zeros that they do not fit, deflated."""
    packer, block = zlib.compressobj(6, wbits=wbits), bytes(1 << 20)
    parts = [packer.compress(start), *(packer.compress(block) for _ in range(BOMB >> 20))]
    return b"".join(parts) + packer.flush()


def tiff(width: int, height: int, compression: int, data: bytes, tile: int = 0) -> bytes:
    """Return a grey TIFF of one strip, or a colour one of one tile."""
    entries = {256: (4, width), 257: (4, height), 258: (3, 8), 259: (3, compression)}
    if tile:
        entries |= {262: (3, 2), 277: (3, 3), 322: (4, tile), 323: (4, tile)}
        entries |= {324: (4, 8), 325: (4, len(data))}
    else:
        entries |= {262: (3, 1), 273: (4, 8), 277: (3, 1), 278: (4, height), 279: (4, len(data))}
    data += b"\0" * (len(data) % 2)
    directory = b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in sorted(entries.items())
    )
    start = b"II*\0" + struct.pack("<I", 8 + len(data))
    return start + data + struct.pack("<H", len(entries)) + directory + bytes(4)


def png(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def nifti(shape: tuple[int, int, int], offset: float = 352.0) -> bytes:
    header = bytearray(348)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *shape, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, 4, 16)
    struct.pack_into("<8f", header, 76, *[1.0] * 8)
    struct.pack_into("<f", header, 108, offset)
    header[344:348] = b"n+1\0"
    return bytes(header) + bytes(4)


def nrrd(sizes: str, encoding: str, data: bytes, more: str = "") -> bytes:
    head = (
        f"NRRD0004\ntype: float\ndimension: 3\nsizes: {sizes}\nendian: little\n"
        f"encoding: {encoding}\n{more}\n"
    )
    return head.encode() + data


def test_a_deflated_dicom_file(tmp_path: Path, refused: Refused) -> None:
    head = deflated_dicom(b"")
    (tmp_path / "a.dcm").write_bytes(head[: _data_set_of(head)] + zeros())
    assert "GB of memory" in refused(tmp_path / "a.dcm")


def _data_set_of(content: bytes) -> int:
    return 132 + 12 + struct.unpack("<I", content[140:144])[0]


def test_a_deflated_dicom_file_that_fits_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    plain = dicom(np.tile(SMOOTH, (20, 20)))
    path.write_bytes(deflated_dicom(plain[_data_set_of(plain) :]))
    assert path.stat().st_size * 1032 * 2 > FREE  # so that it had to be unpacked to know
    (image,) = io.read(path)
    np.testing.assert_array_equal(image.array, np.tile(SMOOTH, (20, 20)).astype(np.float32) - 1024)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_huge_rows_and_columns_over_few_compressed_bytes(
    tmp_path: Path, refused: Refused, syntax: Any
) -> None:
    path = tmp_path / "a.dcm"
    content = dicom(SMOOTH, syntax)
    for tag, value in ((b"\x28\x00\x10\x00US\x02\x00", 32), (b"\x28\x00\x11\x00US\x02\x00", 40)):
        assert tag + struct.pack("<H", value) in content
        content = content.replace(tag + struct.pack("<H", value), tag + b"\xff\xff")
    path.write_bytes(content)
    assert "65535 x 65535 pixels need" in refused(path)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless])
def test_compressed_data_that_are_larger_than_the_header_says(
    tmp_path: Path, refused: Refused, syntax: Any
) -> None:
    path = tmp_path / "a.dcm"
    content = dicom(SMOOTH, syntax)
    if syntax == JPEG2000Lossless:
        old, new = struct.pack(">2I", 40, 32), struct.pack(">2I", 60000, 60000)
    else:
        old, new = struct.pack(">2H", 32, 40), struct.pack(">2H", 60000, 60000)
    place = content.index(old, content.index(b"\xe0\x7f\x10\x00"))
    path.write_bytes(content[:place] + new + content[place + len(new) :])
    assert "60000" in refused(path)


def many_frames(shape: tuple[int, int], frame: bytes, count: int) -> bytes:
    """Return a file of many RLE frames without a table of where they begin."""
    content = dicom(np.zeros((2, *shape), np.uint16), NumberOfFrames=count)
    start = content.index(b"\xe0\x7f\x10\x00")
    content = content[:start] + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
    content += encapsulate([frame] * count, has_bot=False) + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return content.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0", 1)


def test_many_large_frames_over_few_bytes(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "a.dcm").write_bytes(many_frames((512, 512), bytes(64), 3000))
    assert "GB of memory" in refused(tmp_path / "a.dcm")


def test_many_small_frames_are_read_in_a_time_that_grows_with_their_number(tmp_path: Path) -> None:
    # Both bytes of all 64 pixels: a header, then a run of 64 zeros each, and a byte to fill.
    frame = struct.pack("<16I", 2, 64, 66, *[0] * 13) + bytes([193, 0]) * 2
    (tmp_path / "a.dcm").write_bytes(many_frames((8, 8), frame, 3000))
    begun = time.monotonic()
    (image,) = io.read(tmp_path / "a.dcm")
    assert image.shape == (3000, 8, 8)
    assert time.monotonic() - begun < 60  # it took minutes


@pytest.mark.parametrize(
    ("width", "height"), [(1 << 20, 1 << 20), (1 << 30, 1 << 10), (1 << 13, 1 << 14)]
)
def test_a_tiny_tiff_that_claims_many_pixels(
    tmp_path: Path, refused: Refused, width: int, height: int
) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(width, height, 8, zlib.compress(b"\0" * 100)))
    assert "GB of memory" in refused(tmp_path / "a.tif")


def test_a_tiny_slide_that_claims_more_pixels_than_any_has(
    tmp_path: Path, refused: Refused
) -> None:
    pytest.importorskip("dask")
    (tmp_path / "a.tif").write_bytes(tiff(1 << 20, 1 << 20, 8, zlib.compress(b"\0" * 100), 1 << 15))
    assert "pixels" in refused(tmp_path / "a.tif")


def test_a_strip_that_unpacks_to_more_than_its_size(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(64, 64, 8, zeros(wbits=zlib.MAX_WBITS)))
    refused(tmp_path / "a.tif")


@pytest.mark.parametrize("tile", [0, 64])
def test_a_jpeg_in_a_tiff_that_says_it_is_large(
    tmp_path: Path, refused: Refused, tile: int
) -> None:
    path = tmp_path / "a.tif"
    shape = (64, 64, 3) if tile else (64, 64)
    options = {"tile": (64, 64)} if tile else {}
    tifffile.imwrite(path, np.zeros(shape, np.uint8), compression="jpeg", **options)
    content = bytearray(path.read_bytes())
    place = content.index(b"\xff\xc0")
    stated = stated_shape(bytes(content[content.index(b"\xff\xd8") :]))
    assert stated == (64, 64, 3 if tile else 1, False)
    struct.pack_into(">2H", content, place + 5, 60000, 60000)
    path.write_bytes(content)
    assert "60000 x 60000" in refused(path)


@pytest.mark.filterwarnings("ignore:Image size")
@pytest.mark.parametrize(("width", "height"), [(20_000, 8_000), (1 << 30, 1 << 30)])
def test_a_tiny_png_that_claims_many_pixels(
    tmp_path: Path, refused: Refused, width: int, height: int
) -> None:
    (tmp_path / "a.png").write_bytes(png(width, height))
    refused(tmp_path / "a.png")


@pytest.mark.filterwarnings("ignore:Image size")
def test_a_tiny_jpeg_that_claims_many_pixels(tmp_path: Path, refused: Refused) -> None:
    stream = BytesIO()
    PIL.Image.new("RGB", (16, 16)).save(stream, "JPEG")
    content = stream.getvalue()
    start = content.index(b"\xff\xc0") + 5  # height and width of the frame
    claimed = struct.pack(">HH", 20_000, 8_000)
    (tmp_path / "a.jpg").write_bytes(content[:start] + claimed + content[start + 4 :])
    assert "GB of memory" in refused(tmp_path / "a.jpg")


def test_a_tiny_nifti_in_gzip_that_claims_many_voxels(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(nifti((4096, 4096, 4096))))
    assert "GB of memory" in refused(tmp_path / "a.nii.gz")


def test_a_nifti_whose_extensions_would_fill_the_memory(tmp_path: Path, refused: Refused) -> None:
    head = nifti((4, 4, 4), offset=2e9)[:-4] + b"\1\0\0\0" + struct.pack("<2i", 2_000_000_000, 6)
    (tmp_path / "a.nii.gz").write_bytes(zeros(head, zlib.MAX_WBITS | 16))
    assert "begin after 2e+09 bytes" in refused(tmp_path / "a.nii.gz")


def test_a_tiny_nrrd_that_claims_many_voxels(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "a.nrrd").write_bytes(nrrd("4096 4096 4096", "gzip", gzip.compress(bytes(64))))
    assert "GB of memory" in refused(tmp_path / "a.nrrd")


@pytest.mark.parametrize("encoding", ["gzip", "bzip2"])
def test_a_nrrd_that_unpacks_to_more_than_it_claims(
    tmp_path: Path, refused: Refused, encoding: str
) -> None:
    data = zeros(wbits=zlib.MAX_WBITS | 16)
    if encoding == "bzip2":
        packer = bz2.BZ2Compressor()
        data = b"".join(packer.compress(bytes(1 << 22)) for _ in range(BOMB >> 22)) + packer.flush()
    (tmp_path / "a.nrrd").write_bytes(nrrd("4 4 4", encoding, data))
    assert "GB of memory" in refused(tmp_path / "a.nrrd")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("data file: /dev/zero\n", "no such file"),
        ("data file: missing.raw\n", "no such file"),
        ("line skip: 1000000000000\n", "lines are to be skipped"),
    ],
)
def test_a_nrrd_that_reads_without_end(
    tmp_path: Path, refused: Refused, more: str, says: str
) -> None:
    (tmp_path / "a.nrrd").write_bytes(nrrd("4 4 4", "raw", bytes(256), more))
    assert says in refused(tmp_path / "a.nrrd")


def test_a_tiny_npy_that_claims_many_values(tmp_path: Path, refused: Refused) -> None:
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (1048576, 1048576)}".ljust(117) + "\n"
    head = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()
    (tmp_path / "a.npy").write_bytes(head + bytes(64))
    refused(tmp_path / "a.npy")


def test_a_tiny_radar_image_that_claims_many_pixels(tmp_path: Path, refused: Refused) -> None:
    rasterio = import_rasterio("a.tif")
    options = {"driver": "GTiff", "dtype": "complex64", "count": 1, "compress": "deflate"}
    with rasterio.open(
        tmp_path / "a.tif", "w", width=1 << 20, height=1 << 20, tiled=True, sparse_ok=True,
        blockxsize=1 << 15, blockysize=1 << 15, **options,
    ):  # fmt: skip
        pass
    assert (tmp_path / "a.tif").stat().st_size < 100_000
    assert "pixels" in refused(tmp_path / "a.tif")
