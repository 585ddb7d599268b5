"""What memory the compressed parts of a TIFF file may ask for, checked before they are decoded."""

from pathlib import Path
from typing import Any

from tifffile import COMPRESSION

from napari_lossviz.core import InputError
from napari_lossviz.io.codestreams import stated_size

_SIZED = {
    *(COMPRESSION.OJPEG, COMPRESSION.JPEG, COMPRESSION.ALT_JPEG, COMPRESSION.JPEG_LOSSY),
    *(COMPRESSION.APERIO_JP2000_YCBC, COMPRESSION.APERIO_JP2000_RGB),
    *(COMPRESSION.JPEG2000, COMPRESSION.JPEG_2000_LOSSY),
}
"""Whose data state a size; all others are unpacked to the size of a tile or strip, and no more."""
_LOOKED_AT = 1 << 16
"""Bytes among which the size is."""


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
        handle = page.parent.filehandle
        for part in filter(None, level.pages):
            for offset, count in zip(part.dataoffsets, part.databytecounts, strict=False):
                handle.seek(offset)
                found = stated_size(handle.read(min(count, _LOOKED_AT)))
                # Strips may be padded to whole blocks, and the last one may be shorter.
                if found is not None and found[0] * found[1] > 4 * rows * columns + 65536:
                    raise InputError(
                        f"{path}: a part of {rows} x {columns} pixels states that it is "
                        f"{found[0]} x {found[1]}; the file is damaged, or made to fill the memory"
                    )
