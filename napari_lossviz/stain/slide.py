"""The look at a whole image before any tile of it is translated: its tissue, white and stains."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_lossviz.core import Image, InputError
from napari_lossviz.engine.progress import Progress
from napari_lossviz.stain.checkpoint import StainCheckpoint
from napari_lossviz.stain.config import StainConfig
from napari_lossviz.stain.macenko import MacenkoStains
from napari_lossviz.stain.parts import Parts
from napari_lossviz.stain.reference import UNKNOWN_SIZE
from napari_lossviz.stain.scene import Scene, as_rgb_image, pixel_size
from napari_lossviz.stain.source_colours import RecolouredScene, recolours, stains_of
from napari_lossviz.stain.source_look import look_of
from napari_lossviz.stain.tissue import estimate_white, tissue_mask

_CLOSING = 32
"""Pixels: gaps of tissue up to twice this wide count as tissue, as they did in training crops."""

_LOOKING = "looking for tissue"


@dataclass(frozen=True, eq=False)
class Slide:
    """An image and what is known of it as a whole.

    Attributes
    ----------
    scene : Scene
    tissue : (h, w) bool
        By blocks of `side` pixels.
    side : int
    white : (3,) float
        Colour of the empty slide in grey levels.
    warnings : tuple of str
    """

    scene: Scene
    tissue: NDArray[np.bool_]
    side: int
    white: NDArray[np.float64]
    warnings: tuple[str, ...] = ()

    def closed(self) -> NDArray[np.bool_]:
        """Return the tissue with its gaps filled."""
        reach = max(_CLOSING // self.side, 1)
        grown = ndimage.maximum_filter(self.tissue, 2 * reach + 1, mode="nearest")
        return np.asarray(ndimage.minimum_filter(grown, 2 * reach + 1, mode="nearest"))


def look_at(
    image: Image | ArrayLike,
    checkpoint: StainCheckpoint,
    config: StainConfig,
    progress: Progress,
    parts: Parts | None = None,
    axes: str | None = None,
) -> Slide:
    """Return an image with what a translation needs to know of it as a whole.

    Parameters
    ----------
    image : Image or (H, W, 3) uint8 array
    checkpoint : StainCheckpoint
    config : StainConfig
    progress : Progress
    parts : Parts, optional
        Where the look at the whole image may be found already.
    axes : str, optional
        Axes of a bare array.

    Raises
    ------
    InputError
        If the image is not 8-bit RGB, or its pixels are of a wholly different size than the
        checkpoint's.
    """
    told = image.warnings if isinstance(image, Image) else ()
    rgb = as_rgb_image(image, axes)
    microns = config.microns_per_pixel or pixel_size(rgb)
    scene = Scene(rgb, microns, checkpoint.microns_per_pixel)
    warnings = [*(one for one in rgb.warnings if one not in told), *scene.warnings]
    if not checkpoint.microns_per_pixel:
        warnings.append(f"{rgb.name}: {UNKNOWN_SIZE}")
    looks = look_of(rgb, checkpoint.source_stain)
    if looks:
        warnings.append(looks)
    if checkpoint.card.get("demonstration"):
        warnings.append(
            str(checkpoint.card.get("note", "The checkpoint is for demonstration only."))
        )
    progress.announce(_LOOKING)
    slide = _kept(scene, parts) or _looked(scene)
    if recolours(checkpoint):
        try:
            stains = _kept_stains(parts) or stains_of(scene, slide.tissue, slide.side, slide.white)
            recoloured = RecolouredScene(rgb, microns, checkpoint.microns_per_pixel, stains)
            slide = replace(slide, scene=recoloured)
        except InputError as error:
            warnings.append(f"{rgb.name}: its colours are not normalised: {error}.")
    progress.step(_LOOKING)
    if not slide.tissue.any():
        warnings.append(f"{rgb.name}: no tissue was found in it.")
    return replace(slide, warnings=tuple(warnings))


def keep(slide: Slide, parts: Parts) -> None:
    """Keep the look at the whole image for the other processes that work on it."""
    arrays = {"tissue": slide.tissue, "side": np.asarray(slide.side), "white": slide.white}
    if isinstance(slide.scene, RecolouredScene):
        stains = slide.scene.stains
        arrays |= {
            "stain_vectors": stains.vectors,
            "stain_strongest": stains.strongest,
            "stain_white": stains.white,
        }
    parts.keep_tissue(**arrays)


def _looked(scene: Scene) -> Slide:
    thumbnail, side = scene.thumbnail()
    white = estimate_white(thumbnail)
    return Slide(scene, tissue_mask(thumbnail, white), side, white)


def _kept(scene: Scene, parts: Parts | None) -> Slide | None:
    kept = {} if parts is None else parts.tissue()
    return Slide(scene, kept["tissue"], int(kept["side"]), kept["white"]) if kept else None


def _kept_stains(parts: Parts | None) -> MacenkoStains | None:
    kept = {} if parts is None else parts.tissue()
    if "stain_vectors" not in kept:
        return None
    return MacenkoStains(kept["stain_vectors"], kept["stain_strongest"], kept["stain_white"])
