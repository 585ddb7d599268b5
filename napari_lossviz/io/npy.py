"""NumPy's .npy files: pixels without any description of their axes."""

from pathlib import Path

import numpy as np

from napari_lossviz.core import Image, InputError, Origin, as_image
from napari_lossviz.io.memory import require_memory
from napari_lossviz.io.nodata import mask_nodata
from napari_lossviz.io.sar_pixels import as_complex_image

NAME = "npy"
SUFFIXES = (".npy",)
_MAGIC = b"\x93NUMPY"


def can_read(path: Path) -> bool:
    """Whether the file starts as .npy files do."""
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def read(path: Path) -> list[Image]:
    """Read an array of 2 to 4 axes as yx, zyx or tzyx; complex ones as complex64.

    Real numbers of shape (H, W, 2) are taken as real and imaginary parts, with a warning: a volume
    of rows two pixels long would look the same, but nobody has one.

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
            f"{path}: not a readable .npy array ({error}). It may be cut off; Python objects are "
            "refused, since loading them can run code. Save a plain numeric array with "
            "numpy.save."
        ) from error
    if array.dtype.kind not in "buifc":
        raise InputError(f"{path}: holds {array.dtype}, expected numbers or booleans")
    if not 2 <= array.ndim <= 4 or 0 in array.shape:
        raise InputError(
            f"{path}: an array of shape {array.shape}, expected 2 to 4 axes (y, x; z, y, x; "
            "t, z, y, x) with at least one sample each"
        )
    warnings: tuple[str, ...] = ()
    if array.ndim == 3 and array.shape[2] == 2 and min(array.shape) == 2 < min(array.shape[:2]):
        array = array[..., 0] + 1j * array[..., 1].astype(np.float32)
        warnings = (
            f"{path.stem}: an array of shape (height, width, 2), taken as real and imaginary part.",
        )
    image = as_image(array).replace(name=path.stem, origin=Origin((path,), NAME), warnings=warnings)
    if array.dtype.kind == "c":
        return [as_complex_image(image)]
    return [mask_nodata(image)]


def write(image: Image, path: Path) -> None:
    """Write the pixels alone, in the image's order of axes."""
    with path.open("wb") as stream:
        np.save(stream, np.asarray(image.array), allow_pickle=False)
