"""Values along a drawn line."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from skimage.measure import profile_line

from napari_lossviz.core import InputError


@dataclass(frozen=True, eq=False, slots=True)
class LineProfile:
    """Values along a line.

    Attributes
    ----------
    distance : (N,) ndarray
        From the line's start, in the unit of the spacing.
    value : (N,) ndarray
        In the unit of the image; nan where the line leaves the image.
    """

    distance: NDArray[np.float64]
    value: NDArray[np.float64]


def line_profile(
    image: NDArray[np.generic],
    vertices: NDArray[np.floating],
    *,
    spacing: tuple[float, float] = (1.0, 1.0),
    width: int = 1,
) -> LineProfile:
    """Sample an image along a line or a path of straight pieces, about once a pixel.

    Parameters
    ----------
    image : (H, W) ndarray
        Real; linear interpolation between its pixels.
    vertices : (N, 2) ndarray
        (row, column) of the path's points in pixels, N at least 2.
    spacing : (float, float)
        Distance between rows and between columns, in the unit wanted for the distance.
    width : int
        Mean over so many pixels across the line.

    Raises
    ------
    InputError
        If the image is not two-dimensional and real, the vertices are fewer than two, all the same
        point or no (N, 2) array, or the width is below 1.
    """
    if image.ndim != 2 or np.iscomplexobj(image):
        raise InputError(
            f"a line profile needs a real image of two axes, this one is {image.dtype} with "
            f"{image.ndim}"
        )
    path = np.asarray(vertices, dtype=np.float64)
    if path.ndim != 2 or path.shape[1] != 2 or len(path) < 2:
        raise InputError(f"a line needs at least two points (row, column), found {path.shape}")
    if width < 1:
        raise InputError(f"the width of a profile is {width} pixels; it must be 1 or more")
    distances: list[NDArray[np.float64]] = []
    values: list[NDArray[np.float64]] = []
    start = 0.0
    for first, last in pairwise(path):
        if np.array_equal(first, last):  # a double click leaves the last point twice
            continue
        piece = profile_line(  # type: ignore[no-untyped-call]
            image.astype(np.float64),
            first,
            last,
            linewidth=width,
            order=1,
            mode="nearest",
        )
        outside = ~_inside(np.linspace(first, last, len(piece)), image.shape)
        piece[outside] = np.nan
        stop = start + float(np.linalg.norm((last - first) * np.asarray(spacing)))
        seen = slice(1 if values else 0, None)  # a corner belongs to the piece before it
        distances.append(np.linspace(start, stop, len(piece))[seen])
        values.append(piece[seen])
        start = stop
    if not values:
        raise InputError("the line has no length: all its points are the same")
    return LineProfile(np.concatenate(distances), np.concatenate(values))


def _inside(points: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which (row, column) points lie on a pixel of the image."""
    low, high = -0.5, np.array(shape) - 0.5
    return np.asarray(np.logical_and(points >= low, points <= high).all(axis=1))
