"""Elastic registration after the affine one, by SimpleITK where it is installed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_lossviz.core import InputError, MissingPackageError
from napari_lossviz.stain.tissue import estimate_white, optical_density

_LONGEST = 256
"""Side of the small version that the deformation is found on."""


def elastic_field(
    warped: NDArray[np.uint8], fixed: NDArray[np.uint8], *, nodes: int = 8, iterations: int = 25
) -> NDArray[np.float32]:
    """Find the deformation that is left after an affine registration.

    B-splines whose nodes move so that the mutual information of the densities grows.

    Parameters
    ----------
    warped, fixed : (H, W, 3) uint8
        Of the same size; see `registration.warp`.
    nodes : int
        Meshes along the longer side: the more, the finer the deformation.
    iterations : int

    Returns
    -------
    (2, H, W) float32
        What to add to each pixel's (y, x) to find it in the warped image.

    Raises
    ------
    MissingPackageError
        If SimpleITK is not installed; it holds the command.
    InputError
        If the sizes differ.
    """
    try:
        import SimpleITK
    except ImportError as error:
        raise MissingPackageError(
            "elastic registration needs SimpleITK: pip install 'napari-lossviz[registration]'"
        ) from error
    sitk: Any = SimpleITK  # not typed
    if warped.shape != fixed.shape:
        raise InputError(f"the images are {warped.shape} and {fixed.shape}: warp the one first")
    factor = max(max(fixed.shape[:2]) / _LONGEST, 1.0)
    moving_image, fixed_image = (
        sitk.GetImageFromArray(_small_density(image, factor)) for image in (warped, fixed)
    )
    shape = fixed_image.GetSize()
    mesh = [max(round(nodes * n / max(shape)), 1) for n in shape]
    transform = sitk.BSplineTransformInitializer(fixed_image, mesh, order=3)
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsLBFGSB(numberOfIterations=iterations)
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2.0, 1.0, 0.5])
    # One mesh for all levels: the default refines it, which folds thin tissue.
    method.SetInitialTransform(transform, inPlace=True)
    found = method.Execute(fixed_image, moving_image)
    to_field = sitk.TransformToDisplacementFieldFilter()
    to_field.SetReferenceImage(fixed_image)
    field = sitk.GetArrayFromImage(to_field.Execute(found))[..., ::-1]  # (h, w), (y, x)
    return np.stack([_full(field[..., i], fixed.shape[:2]) * factor for i in range(2)])


def warp_elastic(
    warped: NDArray[np.uint8],
    field: NDArray[np.float32],
    white: NDArray[np.float64] | None = None,
) -> NDArray[np.uint8]:
    """Return an image deformed by a field of `elastic_field`, (H, W, 3) uint8."""
    white = estimate_white(warped) if white is None else white
    height, width = field.shape[1:]
    places = np.mgrid[:height, :width].astype(np.float32) + field
    channels = [
        ndimage.map_coordinates(
            warped[..., c].astype(np.float32), places, order=1, cval=float(white[c])
        )
        for c in range(3)
    ]
    return np.clip(np.rint(np.stack(channels, axis=-1)), 0, 255).astype(np.uint8)


def _small_density(pixels: NDArray[np.uint8], factor: float) -> NDArray[np.float32]:
    density = optical_density(pixels, estimate_white(pixels)).mean(axis=-1)
    if factor > 1:
        density = ndimage.gaussian_filter(density, 0.5 * factor)
    return np.asarray(
        ndimage.zoom(density, 1 / factor, order=1, mode="nearest", grid_mode=True), np.float32
    )


def _full(values: NDArray[np.floating], shape: tuple[int, ...]) -> NDArray[np.float32]:
    factors = [n / m for n, m in zip(shape, values.shape, strict=True)]
    zoomed = ndimage.zoom(values, factors, order=1, mode="nearest", grid_mode=True)
    return np.asarray(zoomed, np.float32)
