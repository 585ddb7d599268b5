"""Geometry that a file states and that cannot be: it counts as unknown, and is named."""

import numpy as np

from napari_lossviz.core import Image


def with_sound_geometry(image: Image) -> Image:
    """Return an image whose spacings are positive and whose affine, if any, has an inverse.

    What is not so becomes 1 pixel, or no affine, with a warning: a layer cannot have it.
    """
    sentences: list[str] = []
    spacing, units = list(image.spacing), list(image.units)
    for i, (axis, step) in enumerate(zip(image.axes, image.spacing, strict=True)):
        if not (np.isfinite(step) and step > 0):
            spacing[i], units[i] = 1.0, "pixel"
            sentences.append(
                f"{image.name}: the spacing along {axis} is {step:g}, expected a positive number; "
                "it counts as unknown."
            )
    affine = image.patient_affine
    if affine is not None and not _has_inverse(affine):
        affine = None
        sentences.append(
            f"{image.name}: the affine of the file is not finite, or flat; the orientation in the "
            "patient is not used."
        )
    if not sentences:
        return image
    return image.replace(
        spacing=tuple(spacing),
        units=tuple(units),
        patient_affine=affine,
        warnings=(*image.warnings, *sentences),
    )


def _has_inverse(affine: np.ndarray) -> bool:
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        return False
    directions = affine[:3, :3]
    lengths = np.linalg.norm(directions, axis=0)
    return bool(lengths.all() and abs(np.linalg.det(directions / lengths)) > 1e-6)
