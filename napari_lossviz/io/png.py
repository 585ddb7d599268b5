"""PNG: masks, labels and colours are read; 8-bit colours are written, for people.

A PNG knows no spacing that programs would read.
"""

from pathlib import Path

import numpy as np

from napari_lossviz.core import Image, InputError, Origin
from napari_lossviz.io.memory import require_memory

NAME = "png"
_MAGIC = b"\x89PNG\r\n\x1a\n"


def can_read(path: Path) -> bool:
    """Whether the file starts as PNG files do."""
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def read(path: Path) -> list[Image]:
    """Read grey values (1, 8 or 16 bits) as yx, colours as yxc without an alpha channel.

    Of a picture with a palette the numbers are read, not their colours: such files hold labels.

    Raises
    ------
    InputError
        If the file is damaged.
    OutOfMemoryError
        If it does not fit into memory.
    """
    import PIL.Image

    try:
        with PIL.Image.open(path) as opened:
            require_memory(path, opened.width * opened.height * 4)
            alpha = opened.mode in ("LA", "RGBA")
            kept = opened.convert(opened.mode[:-1]) if alpha else opened
            array = np.array(kept)
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a readable PNG ({error}); it may be cut off") from error
    if array.dtype == np.int32:  # 16 bits, as Pillow hands them over
        array = array.astype(np.uint16)
    axes = "yxc" if array.ndim == 3 else "yx"
    return [Image(array, axes, name=path.stem, origin=Origin((path,), NAME))]


def holds(image: Image) -> bool:
    """Whether a PNG holds an image without loss: 8-bit RGB."""
    colours = image.axes == "yxc" and image.shape[-1] in (3, 4)
    return colours and bool(image.array.dtype == np.uint8)


def refuse_other(image: Image, path: Path) -> None:
    """Refuse what a PNG cannot hold without loss.

    Raises
    ------
    InputError
        If it is no 8-bit RGB image.
    """
    if not holds(image):
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
