"""The header of JPEG XL pixels (ISO/IEC 18181-1, annex D): size, channels, whether it moves."""

import struct
from collections.abc import Callable

_BARE, _BOXED = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Of width to height."""
_LONGEST = 64
"""Bytes of what is read of the header."""


def find(stream: bytes) -> bytes | None:
    """Return the beginning of the pixels, of data alone or in boxes; None of other data.

    The header may be parted among boxes.
    """
    if stream.startswith(_BARE):
        return stream[:_LONGEST]
    if not stream.startswith(_BOXED):
        return None
    place, found = len(_BOXED), b""
    while place + 8 <= len(stream) and len(found) < _LONGEST:
        length, name = struct.unpack_from(">I4s", stream, place)
        body, end = place + 8, place + length
        if length == 1:
            (length,) = struct.unpack_from(">Q", stream, body)
            body, end = body + 8, place + length
        elif length == 0:  # to the end of the data
            end = len(stream)
        if end < body:
            break
        if name in (b"jxlc", b"jxlp"):
            body += 4 if name == b"jxlp" else 0  # the number of the part
            found += stream[body : min(end, body + _LONGEST)]
        place = end
    return found if found.startswith(_BARE) else None


def parse(stream: bytes) -> tuple[int, int, int, bool]:
    """Return rows, columns, the most samples of a pixel, and whether there are several pictures.

    Raises
    ------
    struct.error
        If the header is cut off.
    """
    bits = _Bits(stream[len(_BARE) : _LONGEST])
    rows, columns = _size(bits)
    extra, moves = 0, False
    if not bits.take(1):  # else all has its default
        if bits.take(1):
            bits.take(3)  # orientation
            if bits.take(1):
                _size(bits)  # to be shown at
            if bits.take(1):
                _preview(bits)
            moves = bool(bits.take(1))
        if not moves:  # else it is not said yet how
            extra = _extra_channels(bits)
    return rows, columns, 3 + extra, moves


class _Bits:
    """Bits, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._left, self._value = 8 * len(data), int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        if count > self._left:
            raise struct.error("cut off")
        self._left -= count
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        return taken

    def choose(self, *ways: tuple[int, int]) -> int:
        """Return a number that is the first of four (bits, least) which two bits choose."""
        count, least = ways[self.take(2)]
        return least + self.take(count)


def _size(bits: _Bits) -> tuple[int, int]:
    def side(eighths: int) -> int:
        if eighths:
            return 8 * (1 + bits.take(5))
        return bits.choose((9, 1), (13, 1), (18, 1), (30, 1))

    return _sides(bits, side)


def _preview(bits: _Bits) -> None:
    def side(eighths: int) -> int:
        if eighths:
            return 8 * bits.choose((0, 16), (0, 32), (5, 1), (9, 33))
        return bits.choose((6, 1), (8, 65), (10, 321), (12, 1345))

    _sides(bits, side)


def _sides(bits: _Bits, side: Callable[[int], int]) -> tuple[int, int]:
    """Return rows and columns, of which the latter may be said by their ratio."""
    eighths = bits.take(1)
    rows = side(eighths)
    ratio = bits.take(3)
    if ratio == 0:
        return rows, side(eighths)
    width, height = _RATIOS[ratio - 1]
    return rows, rows * width // height


def _extra_channels(bits: _Bits) -> int:
    if bits.take(1):  # floating point
        bits.choose((0, 32), (0, 16), (0, 24), (6, 1))
        bits.take(4)
    else:
        bits.choose((0, 8), (0, 10), (0, 12), (6, 1))
    bits.take(1)  # whether 16 bits suffice
    return bits.choose((0, 0), (0, 1), (4, 2), (12, 1))
