"""Pixels inside a drawn outline and what they hold: mean, noise, contrast to noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.draw import polygon

from napari_lossviz.core import InputError
from napari_lossviz.metrics.decibel import mean_decibel


@dataclass(frozen=True, slots=True)
class RegionStatistics:
    """What the pixels of a region hold.

    Attributes
    ----------
    pixels : int
        How many were counted.
    mean : float
        In the unit of the image; nan without pixels.
    standard_deviation : float
        Of the pixels themselves (divided by their number), in the unit of the image; nan without
        pixels.
    """

    pixels: int
    mean: float
    standard_deviation: float


def polygon_mask(vertices: NDArray[np.floating], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels whose centre lies inside a polygon.

    Parameters
    ----------
    vertices : (N, 2) ndarray
        (row, column) in pixels, pixel centres at whole numbers; the last joins the first.
    shape : (int, int)
        Height and width of the image. Parts outside it are left out.

    Returns
    -------
    (H, W) bool ndarray

    Raises
    ------
    InputError
        If the vertices are no (N, 2) array.
    """
    corners = _points(vertices, "vertices of a polygon")
    mask = np.zeros(shape, bool)
    mask[polygon(corners[:, 0], corners[:, 1], shape)] = True  # type: ignore[no-untyped-call]
    return mask


def ellipse_mask(corners: NDArray[np.floating], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels whose centre lies inside the ellipse that a parallelogram encloses.

    Parameters
    ----------
    corners : (4, 2) ndarray
        (row, column) of the parallelogram's corners in turn; a rectangle gives its inner ellipse,
        at any angle.
    shape : (int, int)
        Height and width of the image.

    Returns
    -------
    (H, W) bool ndarray

    Raises
    ------
    InputError
        If there are not four corners.
    """
    points = _points(corners, "corners of an ellipse")
    if len(points) != 4:
        raise InputError(f"corners of an ellipse: {len(points)} points found, four are needed")
    centre = points.mean(axis=0)
    half_axes = np.stack([points[1] - points[0], points[2] - points[1]], axis=1) / 2
    mask = np.zeros(shape, bool)
    if abs(np.linalg.det(half_axes)) < np.finfo(float).eps:
        return mask
    reach = np.linalg.norm(half_axes, axis=1)
    low = np.clip(np.ceil(centre - reach), 0, shape).astype(int)
    high = np.clip(np.floor(centre + reach) + 1, 0, shape).astype(int)
    rows, columns = np.mgrid[low[0] : high[0], low[1] : high[1]]
    offsets = np.stack([rows - centre[0], columns - centre[1]])
    u, v = np.tensordot(np.linalg.inv(half_axes), offsets, axes=1)
    mask[low[0] : high[0], low[1] : high[1]] = u**2 + v**2 < 1
    return mask


def region_statistics(
    image: NDArray[np.generic],
    mask: NDArray[np.bool_],
    valid: NDArray[np.bool_] | None = None,
    *,
    decibel: bool = False,
) -> RegionStatistics:
    """Return mean and standard deviation of the pixels in a mask.

    Parameters
    ----------
    image : ndarray
        Real. Pixels that are not finite are not counted.
    mask : bool ndarray of the same shape
    valid : bool ndarray of the same shape, optional
        False at padding, which is not counted either.
    decibel : bool
        The values are in dB: the mean is that of the powers, in dB again; the standard deviation
        stays that of the values.

    Raises
    ------
    InputError
        If the shapes differ or the image is complex.
    """
    if np.iscomplexobj(image):
        raise InputError("statistics of a region need a real image, this one is complex")
    if image.shape != mask.shape or (valid is not None and valid.shape != mask.shape):
        raise InputError(f"image {image.shape} and mask {mask.shape} must have one shape")
    inside = mask if valid is None else mask & valid
    values = image[inside].astype(np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return RegionStatistics(0, float("nan"), float("nan"))
    mean = mean_decibel(values) if decibel else float(values.mean())
    return RegionStatistics(values.size, mean, float(values.std()))


def contrast_to_noise(first: RegionStatistics, second: RegionStatistics) -> float:
    r"""Return the contrast-to-noise ratio of two regions.

    .. math:: \mathrm{CNR} = \frac{|m_1 - m_2|}{\sqrt{(s_1^2 + s_2^2) / 2}}

    with means m and standard deviations s.

    Returns
    -------
    float
        Infinite for a contrast without any noise, nan for neither or for an empty region.
    """
    contrast = abs(first.mean - second.mean)
    noise = np.hypot(first.standard_deviation, second.standard_deviation) / np.sqrt(2)
    if noise == 0:
        return float("inf") if contrast > 0 else float("nan")
    return float(contrast / noise)


def _points(points: NDArray[np.floating], what: str) -> NDArray[np.float64]:
    array = np.asarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise InputError(f"{what}: an (N, 2) array is needed, this one is {array.shape}")
    return array
