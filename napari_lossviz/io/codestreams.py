"""The size that compressed pixels state of themselves, which their decoder takes memory for."""

import struct

_JPEG_START, _JPEG2000_START, _JP2_START = b"\xff\xd8", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  "
_JPEG_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""Markers whose segment states the size: all of JPEG's and that of JPEG-LS."""


def stated_size(stream: bytes) -> tuple[int, int] | None:
    """Return the rows and columns that JPEG, JPEG-LS or JPEG 2000 data state.

    Returns
    -------
    (int, int) or None
        None of other data, and of damaged ones.
    """
    try:
        if stream.startswith(_JPEG_START):
            return _stated_by_jpeg(stream)
        start = stream.find(_JPEG2000_START) if stream.startswith(_JP2_START) else 0
        if start < 0 or not stream.startswith(_JPEG2000_START, start):
            return None
        # After the marker: length and capabilities, then the ends of the image and its beginning.
        right, bottom, left, top = struct.unpack_from(">4I", stream, start + 8)
        return bottom - top, right - left
    except struct.error:
        return None


def _stated_by_jpeg(stream: bytes) -> tuple[int, int] | None:
    place = 2
    while place + 9 <= len(stream) and stream[place] == 0xFF:
        marker = stream[place + 1]
        if marker == 0xFF:  # a byte to fill
            place += 1
            continue
        if marker in _JPEG_FRAMES:
            rows, columns = struct.unpack_from(">2H", stream, place + 5)
            return (rows, columns) if rows else None  # 0: stated after the pixels
        (length,) = struct.unpack_from(">H", stream, place + 2)
        place += 2 + length
    return None
