"""Parts of TIFF files that unpack to more than their tile holds, in every compression."""

import lzma
import struct
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile

from napari_lossviz import io
from napari_lossviz.core import InputError
from napari_lossviz.io.codestreams import stated_shape

SIDE = 64
LARGE = (600, 500)
FREE = 16 << 20
BOMB = 20 << 20
CODECS: dict[str, Callable[..., bytes]] = {
    "webp": imagecodecs.webp_encode,
    "jpegxl": imagecodecs.jpegxl_encode,
    "lerc": imagecodecs.lerc_encode,
    "jpegxr": imagecodecs.jpegxr_encode,
    "png": imagecodecs.png_encode,
    "jpeg": imagecodecs.jpeg8_encode,
    "jpeg2000": imagecodecs.jpeg2k_encode,
}
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "webp": [{"lossless": True}, {"lossless": False}],
    "jpegxl": [{"effort": 1}, {"effort": 1, "usecontainer": True}],
}
WAYS = [(name, options) for name in CODECS for options in OPTIONS.get(name, [{}])]


@pytest.fixture(autouse=True)
def little_memory(free_memory: Callable[[int], None]) -> None:
    free_memory(FREE)


def one_tile(path: Path, codec: str, data: bytes, samples: int = 3) -> Path:
    """Write a TIFF of one tile whose data are given as they are."""
    shape = (SIDE, SIDE) if samples == 1 else (SIDE, SIDE, samples)
    photometric = "rgb" if samples == 3 else "minisblack"

    def tiles() -> Iterator[bytes]:
        yield data

    tifffile.imwrite(
        path, tiles(), shape=shape, dtype=np.uint8, tile=(SIDE, SIDE), compression=codec,
        photometric=photometric, metadata=None,
    )  # fmt: skip
    return path


@pytest.mark.parametrize(("codec", "options"), WAYS)
def test_a_tile_that_is_as_large_as_it_should_is_read(
    tmp_path: Path, codec: str, options: dict[str, Any]
) -> None:
    ramp = np.repeat(np.arange(SIDE, dtype=np.uint8)[:, None], SIDE, axis=1)
    pixels = np.stack([ramp, ramp.T, ramp], axis=-1)
    data = bytes(CODECS[codec](pixels, **options))
    (image,) = io.read(one_tile(tmp_path / "a.tif", codec, data))
    assert image.shape == (SIDE, SIDE, 3)
    assert np.abs(image.array.astype(int) - pixels).max() < 20  # some lose a little


@pytest.mark.parametrize(("codec", "options"), WAYS)
def test_a_tile_that_states_to_be_larger(
    tmp_path: Path, refused: Callable[..., str], codec: str, options: dict[str, Any]
) -> None:
    data = bytes(CODECS[codec](np.zeros((*LARGE, 3), np.uint8), **options))
    said = refused(one_tile(tmp_path / "a.tif", codec, data))
    assert "a part of 64 x 64 pixels states that it is 600 x 500" in said


@pytest.mark.parametrize("pack", [zlib.compress, imagecodecs.zstd_encode])
def test_lerc_that_is_compressed_twice(
    tmp_path: Path, refused: Callable[..., str], pack: Callable[[bytes], bytes]
) -> None:
    sound = imagecodecs.lerc_encode(np.zeros((SIDE, SIDE, 3), np.uint8))
    (image,) = io.read(one_tile(tmp_path / "sound.tif", "lerc", pack(sound)))
    assert image.shape == (SIDE, SIDE, 3)
    large = imagecodecs.lerc_encode(np.zeros((*LARGE, 3), np.uint8))
    assert "600 x 500" in refused(one_tile(tmp_path / "large.tif", "lerc", pack(large)))
    zeros = pack(sound + bytes(BOMB))
    assert "cannot be unpacked" in refused(one_tile(tmp_path / "zeros.tif", "lerc", zeros))


def test_lerc_of_very_many_bands(tmp_path: Path, refused: Callable[..., str]) -> None:
    bands = imagecodecs.lerc_encode(np.zeros((SIDE, SIDE), np.uint8)) * 3000
    said = refused(one_tile(tmp_path / "a.tif", "lerc", bands))
    assert "3000 values in each, not 3" in said


def test_jpeg_2000_of_very_many_components(tmp_path: Path, refused: Callable[..., str]) -> None:
    data = bytearray(imagecodecs.jpeg2k_encode(np.zeros((SIDE, SIDE, 3), np.uint8)))
    place = data.index(b"\xff\x4f\xff\x51") + 40
    assert data[place : place + 2] == b"\0\3"
    data[place : place + 2] = b"\x40\0"
    said = refused(one_tile(tmp_path / "a.tif", "jpeg2000", bytes(data)))
    assert "16384 values in each" in said


def test_a_size_behind_much_else(tmp_path: Path, refused: Callable[..., str]) -> None:
    black = np.zeros((*LARGE, 3), np.uint8)
    jpeg = imagecodecs.jpeg8_encode(black)
    comment = b"\xff\xfe" + struct.pack(">H", 60_000) + bytes(59_998)
    behind = jpeg[:2] + 2 * comment + jpeg[2:]
    assert "600 x 500" in refused(one_tile(tmp_path / "a.tif", "jpeg", behind))
    boxed = imagecodecs.jpegxl_encode(black, effort=1, usecontainer=True)
    place = 12 + struct.unpack(">I", boxed[12:16])[0]  # behind the signature and the kind of file
    box = struct.pack(">I4s", 100_008, b"Exif") + bytes(100_000)
    behind = boxed[:place] + box + boxed[place:]
    assert stated_shape(behind) == stated_shape(boxed)
    assert "600 x 500" in refused(one_tile(tmp_path / "b.tif", "jpegxl", behind))


def test_a_size_that_is_parted_among_boxes_of_jpeg_xl(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    bare = bytes(imagecodecs.jpegxl_encode(np.zeros((*LARGE, 3), np.uint8), effort=1))
    assert bare.startswith(b"\xff\x0a")
    parts = [bare[:2], bare[2:3], bare[3:]]
    data = b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\x14ftypjxl \0\0\0\0jxl "
    for number, part in enumerate(parts):
        last = 0x80000000 if number == len(parts) - 1 else 0
        data += struct.pack(">I4sI", len(part) + 12, b"jxlp", number | last) + part
    assert imagecodecs.jpegxl_decode(data).shape[:2] == LARGE
    assert stated_shape(data)[:2] == LARGE
    assert "600 x 500" in refused(one_tile(tmp_path / "a.tif", "jpegxl", data))


def test_jpeg_xl_of_very_many_pictures(tmp_path: Path, refused: Callable[..., str]) -> None:
    moving = imagecodecs.jpegxl_encode(np.zeros((4000, SIDE, SIDE), np.uint8), effort=1)
    stated = stated_shape(moving)
    assert stated is not None
    assert stated.several
    assert "GB of memory" in refused(one_tile(tmp_path / "a.tif", "jpegxl", moving, 1))


def test_jpeg_xl_of_many_values_in_a_pixel_is_read(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 5), np.uint8)
    tifffile.imwrite(
        tmp_path / "a.tif", pixels, tile=(SIDE, SIDE), compression="jpegxl",
        photometric="minisblack", planarconfig="contig", metadata={"axes": "YXS"},
    )  # fmt: skip
    (image,) = io.read(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.array, pixels)


@pytest.mark.parametrize(
    ("codec", "pack"),
    [
        ("zlib", zlib.compress),
        ("zstd", imagecodecs.zstd_encode),
        ("lzma", lzma.compress),
        ("packbits", lambda zeros: b"\x81\0" * (len(zeros) // 128)),
        ("lzw", imagecodecs.lzw_encode),
    ],
)
def test_a_tile_that_unpacks_to_more_takes_no_more_memory(
    tmp_path: Path, codec: str, pack: Callable[[bytes], bytes]
) -> None:
    path = one_tile(tmp_path / "a.tif", codec, pack(bytes(BOMB)))
    tracemalloc.start()
    try:
        with suppress(InputError):
            (image,) = io.read(path)
            assert not np.asarray(image.array).any()
        assert tracemalloc.get_traced_memory()[1] < BOMB
    finally:
        tracemalloc.stop()
