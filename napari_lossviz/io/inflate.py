"""How large a compressed part of a file is, found without keeping what is unpacked."""

import bz2
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import psutil

from napari_lossviz.io.memory import require_memory

Compression = Literal["gzip", "deflate", "bzip2"]

_LARGEST_RATIO = 1032
"""How many times smaller gzip and deflate make data at best; for bzip2 there is no limit."""
_CHUNK = 1 << 20


def require_unpacked(path: Path, stream: BinaryIO, kind: Compression, copies: float = 1.0) -> None:
    """Raise if what follows in a stream does not fit into memory once it is unpacked.

    Most files are so small that they do however well they were packed. Others are unpacked bit by
    bit, until their end or until they are too large.

    Parameters
    ----------
    path : Path
        Of the file, for the message.
    stream : binary file
        At the beginning of the compressed data; it is moved.
    kind : str
    copies : float
        How often the unpacked data is in memory at once.

    Raises
    ------
    OutOfMemoryError
        Of broken data nothing is said here: its reader does.
    """
    free = psutil.virtual_memory().available
    packed = path.stat().st_size - stream.tell()
    if kind != "bzip2" and packed * _LARGEST_RATIO * copies <= free:
        return
    unpacked = 0
    sizes = _sizes_bzip2(stream) if kind == "bzip2" else _sizes_zlib(stream, kind)
    try:
        for size in sizes:
            unpacked += size
            if unpacked * copies > free:
                break  # that it is more than there is suffices
    except (zlib.error, OSError, EOFError):
        return
    require_memory(path, unpacked * copies)


def _sizes_zlib(stream: BinaryIO, kind: Compression) -> Iterator[int]:
    decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16 if kind == "gzip" else -zlib.MAX_WBITS)
    while not decompressor.eof and (chunk := stream.read(_CHUNK)):
        while chunk:
            yield len(decompressor.decompress(chunk, _CHUNK))
            chunk = decompressor.unconsumed_tail


def _sizes_bzip2(stream: BinaryIO) -> Iterator[int]:
    decompressor = bz2.BZ2Decompressor()
    while not decompressor.eof and (chunk := stream.read(_CHUNK)):
        yield len(decompressor.decompress(chunk, _CHUNK))
        while not decompressor.needs_input and not decompressor.eof:
            yield len(decompressor.decompress(b"", _CHUNK))
