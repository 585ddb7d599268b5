"""Prediction and target with planted errors as files, and a real picture of vessels."""

from dataclasses import dataclass

import numpy as np

from napari_lossviz import io
from napari_lossviz.core import Image, InputError
from napari_lossviz.samples.data import sample_path
from napari_lossviz.samples.planted_error import PlantedError, read_truth

FOLDER = "segmentations"
TRUTH = "truth.csv"
PARTS = ("prediction", "target")
NAMES = ("roads", "vessels", "cells", "vessel_volume")


@dataclass(frozen=True, eq=False)
class SegmentationPair:
    """A prediction, its target, and what is wrong with the prediction.

    Attributes
    ----------
    prediction, target : Image
        Probability map, and mask of 0 and 1.
    errors : tuple of PlantedError
        All features of a persistence from `planted_error.PERSISTENCE` on that do not match, in the
        superlevel filtration, V-construction, relative version.
    """

    prediction: Image
    target: Image
    errors: tuple[PlantedError, ...] = ()


def planted_pair(name: str) -> SegmentationPair:
    """Read a pair with planted errors: "roads", "vessels", "cells" or "vessel_volume".

    Raises
    ------
    InputError
        If there is no such pair.
    """
    if name not in NAMES:
        raise InputError(f"there is no pair {name!r}; there are {', '.join(NAMES)}")
    folder = sample_path(f"{FOLDER}/{name}")
    (prediction,), (target,) = (io.read(folder / f"{part}.tif") for part in PARTS)
    return SegmentationPair(
        prediction.replace(name=f"{name} prediction"),
        target.replace(name=f"{name} target"),
        read_truth(folder / TRUTH),
    )


def retina_pair() -> SegmentationPair:
    """Return the vessels of scikit-image's retina: a ridge filter against a plain local threshold.

    A real picture (a third of its size) with two imperfect segmentations: which of both is right,
    nobody has said.
    """
    # only here: these take seconds to import, and every sample needs this module
    import skimage.data
    from skimage.filters import sato, threshold_local
    from skimage.morphology import remove_small_objects
    from skimage.transform import downscale_local_mean

    photograph = skimage.data.retina()  # type: ignore[no-untyped-call]
    green = downscale_local_mean(  # type: ignore[no-untyped-call]
        photograph[..., 1].astype(np.float64) / 255, (3, 3)
    )
    inside = green > 0.08
    ridges = sato(green, sigmas=(1, 2, 3)) * inside  # type: ignore[no-untyped-call]
    ridges /= np.percentile(ridges[inside], 99.5)
    local = threshold_local(green, 25, offset=0.02)  # type: ignore[no-untyped-call]
    dark = (green < local) & inside
    target = remove_small_objects(dark, max_size=30)
    return SegmentationPair(
        Image(np.clip(ridges, 0, 1).astype(np.float32), "yx", name="retina prediction"),
        Image(target.astype(np.uint8), "yx", name="retina target"),
    )
