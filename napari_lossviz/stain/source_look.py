"""Whether an image that shall be translated looks like IHC rather than H&E; torch-free."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Image, InputError
from napari_lossviz.stain.checkpoint import load_checkpoint
from napari_lossviz.stain.config import StainConfig
from napari_lossviz.stain.scene import as_rgb_image
from napari_lossviz.stain.tissue import optical_density, palest_colour

_WINDOWS = 10
"""Along each side of an image that is too large to be read as a whole for this."""
_WINDOW = 64
_BLOCK = 4
"""Pixels whose mean is looked at: the noise of cameras and of JPEG has colours of its own."""
_STAINED = 0.1
"""Mean optical density from which colour tells the stain."""
_LEAST_SHARE = 0.05
"""Of what is stained: less brown than that is pigment, blood or dirt in many an H&E section."""
_HE = re.compile(r"\bh\s*(&|\+|/|and)?\s*e\b|eosin", re.IGNORECASE)


def doubts(image: Image, config: StainConfig) -> tuple[str, ...]:
    """Return whether an image looks like IHC where the checkpoint expects H&E, before the run.

    Nothing is said of what the run itself refuses.

    Parameters
    ----------
    image : Image
        May be lazy: of a large one, windows are read.
    config : StainConfig
    """
    stain = ""  # the authors' files do not tell theirs, which is H&E
    try:
        if Path(config.checkpoint).suffix == ".safetensors":
            stain = load_checkpoint(config.checkpoint).source_stain
        return tuple(filter(None, [look_of(as_rgb_image(image), stain)]))
    except InputError:
        return ()


def look_of(image: Image, source_stain: str) -> str:
    """Return a sentence if an image looks like IHC and H&E is expected; else nothing.

    Parameters
    ----------
    image : Image
        Of `as_rgb_image`.
    source_stain : str
        Of the checkpoint; empty is taken for H&E.
    """
    if source_stain and not _HE.search(source_stain):
        return ""
    brown, pink = stain_shares(_sampled(image))
    if brown < _LEAST_SHARE or brown < pink:
        return ""
    return (
        f"{image.name}: it looks like IHC rather than H&E ({100 * brown:.0f} % of what is stained "
        "is brown as DAB is): make sure that it is the image you mean to translate."
    )


def stain_shares(pixels: NDArray[np.uint8]) -> tuple[float, float]:
    """Return which share of what is stained is brown as DAB, and which pink as eosin.

    DAB absorbs blue most and red least, eosin and hematoxylin green more than blue, however strong
    the stain is; hematoxylin alone is neither, since it absorbs red as much as green.

    Parameters
    ----------
    pixels : (H, W, 3) uint8

    Returns
    -------
    brown, pink : float
        0 where nothing is stained.
    """
    height, width = (n // _BLOCK * _BLOCK for n in pixels.shape[:2])
    blocks = pixels[:height, :width].reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK, 3)
    means = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    # Against the palest colour even where that is tissue: pink less pale pink is pink still, but
    # against pure white all of a yellowish slide is brown.
    density = optical_density(means, np.maximum(palest_colour(pixels), 1))
    stained = density[density.mean(axis=-1) > _STAINED]
    if not len(stained):
        return 0.0, 0.0
    red, green, blue = stained.T
    brown = (blue > 1.1 * green) & (blue > 1.3 * red)
    pink = (green > 1.2 * red) & (green > 1.2 * blue)
    return float(brown.mean()), float(pink.mean())


def _sampled(image: Image) -> NDArray[np.uint8]:
    """Return the whole of a small image, of a large one windows from all over it."""
    height, width = image.shape[:2]
    if height * width <= (_WINDOWS * _WINDOW) ** 2:
        return np.asarray(image.array)
    rows, columns = (
        np.linspace(0, max(n - _WINDOW, 0), _WINDOWS).astype(int) for n in (height, width)
    )
    side = min(height, width, _WINDOW)
    return np.concatenate(
        [np.asarray(image.array[y : y + side, x : x + side]) for y in rows for x in columns]
    )
