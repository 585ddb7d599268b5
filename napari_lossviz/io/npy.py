"""NumPy's .npy files: pixels without any description of their axes."""

from pathlib import Path

import numpy as np

from napari_lossviz.core import Image, InputError, Origin, as_image
from napari_lossviz.io.memory import require_memory
from napari_lossviz.io.nodata import mask_nodata

NAME = "npy"
SUFFIXES = (".npy",)
_MAGIC = b"\x93NUMPY"


def can_read(path: Path) -> bool:
    """Whether the file starts as .npy files do."""
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def read(path: Path) -> list[Image]:
    """Read an array of 2 to 4 axes as yx, zyx or tzyx.

    Raises
    ------
    InputError
        If the file is damaged, holds objects or records, or has another number of axes.
    """
    try:
        # Mapped first: then the size that the header claims is compared with the file's.
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        require_memory(path, mapped.nbytes)
        array = np.array(mapped)
    except (ValueError, EOFError, OSError) as error:
        raise InputError(
            f"{path}: not a readable .npy array ({error}); Python objects are refused, since "
            "loading them can run code. Save a plain numeric array with numpy.save."
        ) from error
    if array.dtype.kind not in "buifc":
        raise InputError(f"{path}: holds {array.dtype}, expected numbers or booleans")
    if not 2 <= array.ndim <= 4 or 0 in array.shape:
        raise InputError(
            f"{path}: an array of shape {array.shape}, expected 2 to 4 axes (y, x; z, y, x; "
            "t, z, y, x) with at least one sample each"
        )
    origin = Origin((path,), NAME)
    return [mask_nodata(as_image(array).replace(name=path.stem, origin=origin))]


def write(image: Image, path: Path) -> None:
    """Write the pixels alone, in the image's order of axes."""
    with path.open("wb") as stream:
        np.save(stream, np.asarray(image.array), allow_pickle=False)
