"""8-bit colour images to PNG, for people: no spacing that programs would read."""

from pathlib import Path

import numpy as np

from napari_lossviz.core import Image, InputError


def refuse_other(image: Image, path: Path) -> None:
    """Refuse what a PNG cannot hold without loss.

    Raises
    ------
    InputError
        If it is no 8-bit RGB image.
    """
    if image.axes != "yxc" or image.shape[-1] not in (3, 4) or image.array.dtype != np.uint8:
        raise InputError(
            f"{path}: a PNG holds 8-bit colours here, and {image.name} is {image.array.dtype} with "
            f"axes {image.axes!r}: write a TIFF instead"
        )


def write(image: Image, path: Path) -> None:
    """Write the colours; an alpha channel is left out.

    Raises
    ------
    InputError
        See `refuse_other`.
    """
    refuse_other(image, path)
    import PIL.Image

    pixels = np.ascontiguousarray(np.asarray(image.array)[..., :3])
    PIL.Image.fromarray(pixels).save(path, format="PNG")
