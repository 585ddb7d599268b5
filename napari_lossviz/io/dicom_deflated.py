"""Deflated DICOM files: a few bytes may unpack to more than the memory holds."""

from pathlib import Path
from typing import BinaryIO

from pydicom.uid import DeflatedExplicitVRLittleEndian

from napari_lossviz.io.inflate import require_unpacked

_MAGIC_AT, _MAGIC = 128, b"DICM"
_LOOKED_AT = 4096
"""Bytes of the file among which the meta information names how the rest is packed."""
_LONG_VRS = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT")
_COPIES = 2.0
"""pydicom holds an unpacked data set twice."""


def refuse_deflated_bomb(path: Path) -> None:
    """Raise if a deflated data set does not fit into memory once it is unpacked.

    Raises
    ------
    OutOfMemoryError
    """
    with path.open("rb") as stream:
        if DeflatedExplicitVRLittleEndian.encode() not in stream.read(_LOOKED_AT):
            return
        _to_data_set(stream)
        require_unpacked(path, stream, "deflate", _COPIES)


def _to_data_set(stream: BinaryIO) -> None:
    """Move to the first byte after the meta information."""
    stream.seek(_MAGIC_AT)
    if stream.read(len(_MAGIC)) != _MAGIC:
        stream.seek(0)
    while (head := stream.read(8))[:2] == b"\x02\x00":
        length = int.from_bytes(head[6:8], "little")
        if head[4:6] in _LONG_VRS:
            length = int.from_bytes(stream.read(4), "little")
        stream.seek(length, 1)
    stream.seek(-len(head), 1)
