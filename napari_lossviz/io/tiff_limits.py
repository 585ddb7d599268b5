"""What memory the compressed parts of a TIFF file may ask for, checked before they are decoded."""

import zlib
from importlib import import_module
from pathlib import Path
from typing import Any

from tifffile import COMPRESSION

from napari_lossviz.core import InputError
from napari_lossviz.io.codestreams import Stated, stated_shape
from napari_lossviz.io.memory import require_memory

_SIZED = {
    *(COMPRESSION.OJPEG, COMPRESSION.JPEG, COMPRESSION.ALT_JPEG, COMPRESSION.JPEG_LOSSY),
    *(COMPRESSION.APERIO_JP2000_YCBC, COMPRESSION.APERIO_JP2000_RGB),
    *(COMPRESSION.JPEG2000, COMPRESSION.JPEG_2000_LOSSY),
    *(COMPRESSION.JPEGXR, COMPRESSION.JPEGXR_NDPI, COMPRESSION.JPEGXL, COMPRESSION.JPEGXL_DNG),
    *(COMPRESSION.WEBP, COMPRESSION.WEBP_DEPRECATED, COMPRESSION.PNG, COMPRESSION.LERC),
}
"""Whose data state a size; all others are unpacked to the size of a tile or strip, and no more."""
_LOOKED_AT = 1 << 16
"""Bytes among which the size is, but for what others put before it."""
_ZSTD_START, _ZLIB_START = b"\x28\xb5\x2f\xfd", b"\x78"
_LEAST_PICTURE = 8
"""Bytes that a picture takes at least among several."""
_SPARE = 1 << 16
_MORE_SAMPLES = 3
"""Than the file says: those of colours where one was expected, and the other way round."""


def refuse_large_segments(path: Path, series: Any) -> None:
    """Raise if a tile or strip states to be larger than the tiles of the image are.

    Parameters
    ----------
    path : Path
    series : tifffile.TiffPageSeries
        With its coarser levels.

    Raises
    ------
    InputError
    """
    for level in series.levels:
        page = level.keyframe
        if page.compression not in _SIZED:
            continue
        rows, columns = page.tilelength, page.tilewidth
        if not page.is_tiled:
            rows, columns = min(page.rowsperstrip, page.imagelength), page.imagewidth
        samples = page.samplesperpixel
        handle = page.parent.filehandle
        for part in filter(None, level.pages):
            for offset, count in zip(part.dataoffsets, part.databytecounts, strict=False):
                handle.seek(offset)
                if page.compression == COMPRESSION.LERC:
                    most = 2 * rows * columns * samples * page.dtype.itemsize + _SPARE
                    found = stated_shape(_unpacked(handle.read(count), most, path))
                else:
                    data = handle.read(min(count, _LOOKED_AT))
                    found = stated_shape(data)
                    if found is None and count > _LOOKED_AT:
                        found = stated_shape(data + handle.read(count - _LOOKED_AT))
                if found is None:
                    continue
                _refuse_larger(path, found, rows, columns, samples)
                if found.several:  # of many values in a pixel tifffile makes several, too
                    pictures = count // _LEAST_PICTURE
                    one = found.rows * found.columns * found.samples * page.dtype.itemsize
                    require_memory(path, pictures * one)


def _refuse_larger(path: Path, found: Stated, rows: int, columns: int, samples: int) -> None:
    more = ""
    # Strips may be padded to whole blocks, and the last one may be shorter.
    if found.rows * found.columns > 4 * rows * columns + _SPARE:
        more = f"is {found.rows} x {found.columns}"
    elif found.samples > samples + _MORE_SAMPLES:
        more = f"has {found.samples} values in each, not {samples}"
    if more:
        raise InputError(
            f"{path}: a part of {rows} x {columns} pixels states that it {more}; the file is "
            "damaged, or made to fill the memory"
        )


def _unpacked(data: bytes, most: int, path: Path) -> bytes:
    """Return LERC data, which may have been made smaller by a second compression.

    Raises
    ------
    InputError
        If there is more in it than so many bytes.
    """
    try:
        if data.startswith(_ZSTD_START):
            return bytes(import_module("imagecodecs").zstd_decode(data, out=most))
        if data.startswith(_ZLIB_START):
            unpacking = zlib.decompressobj()
            unpacked = unpacking.decompress(data, most)
            if not unpacking.eof and unpacking.unconsumed_tail:
                raise ValueError(f"more than {most} bytes")
            return unpacked
    except (RuntimeError, ValueError, zlib.error) as error:
        raise InputError(
            f"{path}: a part of it cannot be unpacked, it is damaged, or made to fill the memory "
            f"({error})"
        ) from error
    return data
