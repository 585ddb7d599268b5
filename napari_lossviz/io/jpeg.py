"""JPEG: pictures of sections as cameras and slide viewers save them; read, never written.

A JPEG knows no spacing that programs would read, and loses at every saving.
"""

from pathlib import Path

import numpy as np

from napari_lossviz.core import Image, InputError, Origin
from napari_lossviz.io.memory import require_memory

NAME = "jpeg"
_MAGIC = b"\xff\xd8\xff"
_MODES = ("L", "RGB")


def can_read(path: Path) -> bool:
    """Whether the file starts as JPEG files do."""
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def read(path: Path) -> list[Image]:
    """Read grey values as yx, colours as yxc, turned as the camera noted it.

    Raises
    ------
    InputError
        If the file is damaged, or holds neither grey values nor red, green and blue.
    OutOfMemoryError
        If it does not fit into memory.
    """
    import PIL.Image
    import PIL.ImageOps

    try:
        with PIL.Image.open(path, formats=("JPEG",)) as opened:
            require_memory(path, opened.width * opened.height * 6)
            mode = opened.mode
            array = np.array(PIL.ImageOps.exif_transpose(opened))
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a readable JPEG ({error}); it may be cut off") from error
    if mode not in _MODES:
        raise InputError(
            f"{path}: its colours are {mode}; expected grey values or RGB: save it as RGB, in a "
            "format without loss"
        )
    axes = "yxc" if array.ndim == 3 else "yx"
    return [Image(array, axes, name=path.stem, origin=Origin((path,), NAME))]
