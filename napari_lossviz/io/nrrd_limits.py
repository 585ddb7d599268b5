"""What a NRRD header may ask for, checked before pynrrd does as it says."""

import math
import re
from pathlib import Path
from typing import Any

import nrrd
import numpy as np

from napari_lossviz.core import InputError
from napari_lossviz.io.inflate import Compression, require_unpacked
from napari_lossviz.io.memory import require_memory

_COMPRESSIONS: dict[str, Compression] = {
    "gzip": "gzip",
    "gz": "gzip",
    "bzip2": "bzip2",
    "bz2": "bzip2",
}
_TEXT = ("ascii", "text", "txt")
_COPIES = 2.0
"""pynrrd holds the unpacked data, and again without the bytes that are skipped."""
_SAMPLE_OF_TEXT = 8
_SIZES = {
    8: r"long ?long|int64|double",
    4: r"^(signed |unsigned )?int$|^uint$|int32|float",
    2: r"short|int16",
}
"""Bytes of a sample by the words that name its type; others have one."""


def refuse_impossible(path: Path) -> None:
    """Raise if the volume does not fit into memory, or its data are not in a file.

    Raises
    ------
    InputError
        If the data are to come from a device or a missing file, or more is to be skipped than there
        is.
    OutOfMemoryError
        If what the header claims, or what its compressed data unpack to, does not fit into memory.
    nrrd.NRRDError, ValueError, OSError
        Of a header that pynrrd does not understand.
    """
    with path.open("rb") as stream:
        header = nrrd.read_header(stream)
        start = stream.tell()
    name = header.get("datafile", header.get("data file"))
    data = path if name is None else path.parent / str(name)
    if not data.is_file():
        raise InputError(f"{path}: its pixels are to be in {data}, and there is no such file")
    sizes = [int(n) for n in np.atleast_1d(header.get("sizes", ()))]
    if any(n < 1 for n in sizes):
        raise InputError(f"{path}: its sizes are {sizes}, expected numbers above 0")
    encoding = str(header.get("encoding", "raw")).lower()
    require_memory(path, math.prod(sizes) * _sample_bytes(header, encoding))
    # Lines are skipped one by one, after the end of the file too.
    lines = int(header.get("lineskip", header.get("line skip", 0)))
    size = data.stat().st_size
    if lines > size:
        raise InputError(f"{path}: {lines} lines are to be skipped in a file of {size} bytes")
    if encoding in _COMPRESSIONS:
        with data.open("rb") as stream:
            stream.seek(start if name is None else 0)
            for _ in range(lines):
                stream.readline()
            require_unpacked(path, stream, _COMPRESSIONS[encoding], _COPIES)
    elif encoding not in _TEXT:
        require_memory(path, size)  # all of it is read


def _sample_bytes(header: Any, encoding: str) -> int:
    if encoding in _TEXT:
        return _SAMPLE_OF_TEXT
    kind = str(header.get("type", ""))
    return next((size for size, names in _SIZES.items() if re.search(names, kind)), 1)
