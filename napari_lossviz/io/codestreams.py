"""The size that compressed pixels state of themselves, which their decoder takes memory for."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from napari_lossviz.io import jpegxl_header

_JPEG_START, _JPEG2000_START, _JP2_START = b"\xff\xd8", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  "
_JPEG_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""Markers whose segment states the size: all of JPEG's and that of JPEG-LS."""
_PNG_START = b"\x89PNG\r\n\x1a\n"
_JPEGXR_START, _JPEGXR_IMAGE = b"II\xbc", b"WMPHOTO\0"
_LERC_START, _OLD_LERC_START = b"Lerc2 ", b"CntZImage "


class Stated(NamedTuple):
    """What compressed pixels state to become.

    Attributes
    ----------
    rows, columns : int
    samples : int
        Values of a pixel; 1 where the data do not say.
    several : bool
        Whether there are several pictures, as in an animation, of which no number is stated.
    """

    rows: int
    columns: int
    samples: int = 1
    several: bool = False


def stated_shape(stream: bytes) -> Stated | None:
    """Return what JPEG, JPEG-LS, 2000, XL and XR, WebP, PNG or LERC data state.

    Returns
    -------
    Stated or None
        None of other data, and of damaged ones.
    """
    try:
        if stream.startswith(_JPEG_START):
            return _stated_by_jpeg(stream)
        if stream.startswith(b"RIFF") and stream[8:12] == b"WEBP":
            return _stated_by_webp(stream)
        if stream.startswith(_PNG_START):
            columns, rows = struct.unpack_from(">2I", stream, 16)
            return Stated(rows, columns)
        if stream.startswith(_JPEGXR_START):
            return _stated_by_jpegxr(stream)
        if stream.startswith((_LERC_START, _OLD_LERC_START)):
            return _stated_by_lerc(stream)
        if (header := jpegxl_header.find(stream)) is not None:
            return Stated(*jpegxl_header.parse(header))
        start = stream.find(_JPEG2000_START) if stream.startswith(_JP2_START) else 0
        if start < 0 or not stream.startswith(_JPEG2000_START, start):
            return None
        # After the marker: length and capabilities, then the ends of the image and its beginning,
        # the same of its tiles, and the number of components.
        right, bottom, left, top = struct.unpack_from(">4I", stream, start + 8)
        (components,) = struct.unpack_from(">H", stream, start + 40)
        return Stated(bottom - top, right - left, components)
    except struct.error:
        return None


def _stated_by_jpeg(stream: bytes) -> Stated | None:
    place = 2
    while place + 10 <= len(stream) and stream[place] == 0xFF:
        marker = stream[place + 1]
        if marker == 0xFF:  # a byte to fill
            place += 1
            continue
        if marker in _JPEG_FRAMES:
            rows, columns, samples = struct.unpack_from(">2HB", stream, place + 5)
            return Stated(rows, columns, samples) if rows else None  # 0: stated after the pixels
        (length,) = struct.unpack_from(">H", stream, place + 2)
        place += 2 + length
    return None


def _stated_by_webp(stream: bytes) -> Stated | None:
    """Return the larger of what the canvas and the pixels state; decoders want them the same."""
    found: list[Stated] = []
    place = 12
    while place + 8 <= len(stream):
        name, length = struct.unpack_from("<4sI", stream, place)
        body = place + 8
        if name == b"VP8X":
            flags = struct.unpack_from("B", stream, body)[0]
            columns, rows = (
                int.from_bytes(stream[start : start + 3], "little") + 1
                for start in (body + 4, body + 7)
            )
            found.append(Stated(rows, columns, 4, bool(flags & 2)))
        elif name == b"VP8L":
            (bits,) = struct.unpack_from("<I", stream, body + 1)
            found.append(Stated((bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1, 4))
        elif name == b"VP8 ":
            columns, rows = struct.unpack_from("<2H", stream, body + 6)
            found.append(Stated(rows & 0x3FFF, columns & 0x3FFF, 3))
        if found and name != b"VP8X":
            break
        place = body + length + length % 2
    several = any(one.several for one in found)
    largest = max(found, key=lambda one: one.rows * one.columns, default=None)
    return largest and largest._replace(several=several)


def _stated_by_jpegxr(stream: bytes) -> Stated | None:
    start = stream.find(_JPEGXR_IMAGE)
    if start < 0:
        return None
    short = struct.unpack_from("B", stream, start + 10)[0] & 0x80
    columns, rows = struct.unpack_from(">2H" if short else ">2I", stream, start + 12)
    return Stated(rows + 1, columns + 1)


def _stated_by_lerc(stream: bytes) -> Stated | None:
    """Return the size of the first blob, and the samples of all that follow each other."""
    if stream.startswith(_OLD_LERC_START):
        rows, columns = struct.unpack_from("<2i", stream, len(_OLD_LERC_START) + 8)
        return Stated(rows, columns, stream.count(_OLD_LERC_START))
    samples = 0
    for start in _places(stream, _LERC_START):
        place = start + len(_LERC_START)
        (version,) = struct.unpack_from("<i", stream, place)
        place += 8 if version >= 3 else 4  # behind a checksum
        rows, columns = struct.unpack_from("<2i", stream, place)
        depth = struct.unpack_from("<i", stream, place + 8)[0] if version >= 4 else 1
        if samples == 0:
            first = rows, columns
        samples += max(depth, 1)
    return Stated(*first, samples=samples)


def _places(stream: bytes, name: bytes) -> Iterator[int]:
    place = stream.find(name)
    while place >= 0:
        yield place
        place = stream.find(name, place + len(name))
