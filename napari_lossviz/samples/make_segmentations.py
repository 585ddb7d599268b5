"""Writes the segmentations with planted errors, and their truth tables."""

from pathlib import Path

import numpy as np

from napari_lossviz import io
from napari_lossviz.core import Image
from napari_lossviz.samples.planted import DRAWINGS
from napari_lossviz.samples.planted_error import AXES, write_truth
from napari_lossviz.samples.segmentations import PARTS, TRUTH


def make_segmentations(folder: Path) -> None:
    """Write all pairs and their truth tables into `folder`, over what is there."""
    for seed, (name, draw) in enumerate(DRAWINGS.items()):
        drawing = draw()
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        arrays = drawing.probabilities(seed), drawing.target.astype(np.uint8)
        axes = AXES[drawing.target.ndim]
        for part, array in zip(PARTS, arrays, strict=True):
            image = Image(array, axes, name=part)
            io.write(image, place / f"{part}.tif", overwrite=True)
        write_truth(place / TRUTH, drawing.errors)
