"""Whether an image fits into memory, asked before it is unpacked.

The size that a header claims may be absurd, and a compressed file a thousand times larger than it
looks. The system hands out memory that it does not have and ends the process when it is used.
"""

from pathlib import Path

import psutil

from napari_lossviz.core import InputError, OutOfMemoryError

LARGEST_IMAGE = 1 << 38
"""Pixels of an image that is read where it is looked at; the largest slides have a tenth of it."""


def require_possible(path: Path, pixels: int) -> None:
    """Raise if an image that stays in its file has more pixels than any has.

    To divide it into blocks would take more memory than the machine has.

    Raises
    ------
    InputError
    """
    if pixels > LARGEST_IMAGE:
        raise InputError(
            f"{path}: the file claims {pixels:.3g} pixels, and {LARGEST_IMAGE:.3g} are read at "
            "most; its header is damaged"
        )


def require_memory(path: Path, needed: float) -> None:
    """Raise if an image needs more memory than is free, swap space included.

    Parameters
    ----------
    path : Path
        Of the image, for the message.
    needed : float
        Bytes.

    Raises
    ------
    OutOfMemoryError
    """
    free = psutil.virtual_memory().available + psutil.swap_memory().free
    if needed > free:
        raise OutOfMemoryError(
            f"{path}: the image needs {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are "
            "free; close other programs, or open a part of it. If that size is wrong, the header "
            "of the file is damaged"
        )
