"""Bring neighbouring sections into register: turn, scale and shift first, then affine.

Phase correlation alone cannot turn a section, so that all turns are tried on small versions; the
best ones are refined step by step on larger ones. What is compared is the optical density, which
sections share whatever their stain. A section laid on the slide upside down is a mirror image of
its neighbour: where the fit leaves something to be explained, that is tried too.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from napari_lossviz.core import InputError
from napari_lossviz.stain.tissue import estimate_white, optical_density

_COARSE, _MIDDLE, _FINE = 96, 192, 384
"""Longest sides of the small versions."""
_ANGLES = np.arange(0.0, 360.0, 5.0)
_SCALES = (0.85, 1.0, 1.18)
_CANDIDATES = 6
_UNMIRRORED = 0.97
"""Correlation from which a section is not mirrored: neighbours hardly agree better."""
_MIRROR_MARGIN = 0.6
"""A mirrored fit must leave less than this share of what the other leaves unexplained.

The outline of a piece of tissue is much alike in the mirror, and with tissue that is not the same
either fit is the better one by chance. Measured on the sample: parts of the section that are not
the same leave 0.7 or more, mirrored pairs 0.53 or less.
"""
_TRUSTED = 0.3
"""Correlation of densities below which a registration is doubtful."""


@dataclass(frozen=True, eq=False)
class Registration:
    """Where each pixel of the fixed image lies in the moving one.

    Attributes
    ----------
    matrix : (3, 3) float64
        From fixed (y, x, 1) to moving (y, x, 1) pixels.
    correlation : float
        Of the densities where both images lie.
    fixed_shape : (int, int)
    """

    matrix: NDArray[np.float64]
    correlation: float
    fixed_shape: tuple[int, int]

    @property
    def mirrored(self) -> bool:
        """Whether the moving section was laid on its slide upside down."""
        return bool(np.linalg.det(self.matrix[:2, :2]) < 0)

    @property
    def angle(self) -> float:
        """Degrees by which the moving image appears turned, from y to x, in (-180, 180].

        Of a mirrored one, after left and right were exchanged.
        """
        side = -1.0 if self.mirrored else 1.0
        return float(np.degrees(np.arctan2(side * self.matrix[1, 0], self.matrix[0, 0])))

    @property
    def scale(self) -> float:
        """Pixels of the moving image to one of the fixed image."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:2, :2]))))

    @property
    def trusted(self) -> bool:
        """Whether the densities correlate at all; else look at the check view."""
        return self.correlation >= _TRUSTED


def register(
    moving: NDArray[np.uint8], fixed: NDArray[np.uint8], *, affine: bool = True
) -> Registration:
    """Find the turn, scale and shift between two sections, and shear and stretch with `affine`.

    The moving section is mirrored where that explains clearly more; see `Registration.mirrored`.

    Parameters
    ----------
    moving, fixed : (H, W, 3) uint8
        Not necessarily of the same size; pixel sizes may differ by a fifth, bring them closer
        before if they are farther apart.
    affine : bool

    Returns
    -------
    Registration

    Raises
    ------
    InputError
        If one of them shows no tissue.
    """
    densities = [_density(image, name) for image, name in ((moving, "moving"), (fixed, "fixed"))]
    plain = _coarse(densities, mirrored=False)
    matrix, score = _best_refined(densities, plain)
    if score < _UNMIRRORED:
        mirrored = _coarse(densities, mirrored=True)
        if mirrored[0][0] > plain[0][0]:  # else it is not worth the refinement
            other, other_score = _best_refined(densities, mirrored)
            if 1 - other_score < _MIRROR_MARGIN * (1 - score):
                matrix = other
    if affine:
        matrix, score = _refined(densities, matrix, _MIDDLE, 6)
        matrix, score = _refined(densities, matrix, _FINE, 6)
    else:
        matrix, score = _refined(densities, matrix, _FINE, 4)
    return Registration(matrix, score, (fixed.shape[0], fixed.shape[1]))


def warp(
    moving: NDArray[np.uint8], registration: Registration, white: NDArray[np.float64] | None = None
) -> NDArray[np.uint8]:
    """Return the moving image in the frame of the fixed one, (H, W, 3) uint8.

    Parameters
    ----------
    moving : (H', W', 3) uint8
    registration : Registration
    white : (3,) float, optional
        Colour where the moving image has nothing; default: estimated.
    """
    white = estimate_white(moving) if white is None else white
    shape = registration.fixed_shape
    channels = [
        ndimage.affine_transform(
            moving[..., c].astype(np.float32),
            registration.matrix[:2, :2],
            registration.matrix[:2, 2],
            output_shape=shape,
            order=1,
            cval=float(white[c]),
        )
        for c in range(3)
    ]
    return np.clip(np.rint(np.stack(channels, axis=-1)), 0, 255).astype(np.uint8)


def check_view(
    fixed: NDArray[np.uint8], warped: NDArray[np.uint8], squares: int = 8
) -> NDArray[np.uint8]:
    """Return a chequerboard of both images: structures must go on across the squares' borders.

    Parameters
    ----------
    fixed, warped : (H, W, 3) uint8
    squares : int
        Along the shorter side.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    if fixed.shape != warped.shape:
        raise InputError(
            f"the fixed image is {fixed.shape}, the registered one {warped.shape}: warp it first"
        )
    side = max(min(fixed.shape[:2]) // squares, 1)
    rows, columns = (np.arange(n) // side for n in fixed.shape[:2])
    odd = (rows[:, None] + columns[None, :]) % 2 == 1
    return np.where(odd[..., None], warped, fixed)


def _coarse(
    densities: list[NDArray[np.float32]], *, mirrored: bool
) -> list[tuple[float, NDArray[np.float64]]]:
    """Return how well each turn and scale agrees at its best shift, and its matrix; best first."""
    (moving, of_moving), (fixed, of_fixed) = (_small(density, _COARSE) for density in densities)
    flip = np.eye(3)
    if mirrored:
        moving = moving[:, ::-1]
        flip[1, 1:] = -1, moving.shape[1] - 1
    found = []
    for scale, angle in product(_SCALES, _ANGLES):
        matrix, score = _best_shift(moving, fixed, float(angle), scale * of_fixed / of_moving)
        found.append((score, _to_full(flip @ matrix, of_moving, of_fixed)))
    found.sort(key=lambda one: -one[0])
    return found


def _best_refined(
    densities: list[NDArray[np.float32]], candidates: list[tuple[float, NDArray[np.float64]]]
) -> tuple[NDArray[np.float64], float]:
    """Return the best of the first candidates after their refinement, and its correlation."""
    found = [_refined(densities, matrix, _COARSE, 4) for _, matrix in candidates[:_CANDIDATES]]
    best, _ = max(found, key=lambda one: one[1])
    return _refined(densities, best, _MIDDLE, 4)


def _density(pixels: NDArray[np.uint8], which: str) -> NDArray[np.float32]:
    density = optical_density(pixels, estimate_white(pixels)).mean(axis=-1)
    if density.std() < 1e-3:
        raise InputError(f"the {which} image shows no tissue: there is nothing to register")
    return np.asarray(np.clip(density, 0, 1.5), np.float32)


def _small(density: NDArray[np.float32], longest: int) -> tuple[NDArray[np.float32], float]:
    """Return a density made small, and the pixels to one of it."""
    factor = max(max(density.shape) / longest, 1.0)
    smooth = ndimage.gaussian_filter(density, 0.5 * factor) if factor > 1 else density
    shape = [max(round(n / factor), 8) for n in density.shape]
    places = [(np.arange(n) + 0.5) * factor - 0.5 for n in shape]
    grid = np.meshgrid(*places, indexing="ij")
    small = ndimage.map_coordinates(smooth, grid, order=1, mode="nearest")
    return np.asarray(small, np.float32), factor


def _to_full(matrix: NDArray[np.float64], of_moving: float, of_fixed: float) -> NDArray[np.float64]:
    """Return a matrix between small versions as one between the images themselves."""
    return _grown(of_moving) @ matrix @ np.linalg.inv(_grown(of_fixed))


def _grown(factor: float) -> NDArray[np.float64]:
    # The middle of the first small pixel is the middle of the first `factor` pixels.
    offset = 0.5 * factor - 0.5
    return np.array([[factor, 0, offset], [0, factor, offset], [0, 0, 1.0]])


def _turn(angle: float, scale: float) -> NDArray[np.float64]:
    c, s = scale * np.cos(np.radians(angle)), scale * np.sin(np.radians(angle))
    return np.array([[c, -s], [s, c]])


def _best_shift(
    moving: NDArray[np.float32], fixed: NDArray[np.float32], angle: float, scale: float
) -> tuple[NDArray[np.float64], float]:
    """Return the matrix of a turn with the shift under which densities agree best, and how well."""
    linear = _turn(angle, scale)
    side = int(np.ceil(np.hypot(*moving.shape) / min(scale, 1.0) + np.hypot(*fixed.shape)))
    middle = np.array([side, side]) / 2
    centre = (np.array(moving.shape) - 1) / 2
    offset = centre - linear @ middle
    turned = ndimage.affine_transform(
        moving - moving.mean(), linear, offset, output_shape=(side, side), order=1
    )
    template = fixed - fixed.mean()
    spectrum = np.fft.rfft2(turned) * np.conj(np.fft.rfft2(template, (side, side)))
    correlation = np.fft.irfft2(spectrum, (side, side))
    peak = np.array(np.unravel_index(np.argmax(correlation), correlation.shape), np.float64)
    score = float(correlation.max() / (np.linalg.norm(turned) * np.linalg.norm(template) + 1e-12))
    shift = np.where(peak > side - min(fixed.shape), peak - side, peak)
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = linear @ shift + offset
    return matrix, score


def _refined(
    densities: list[NDArray[np.float32]], matrix: NDArray[np.float64], longest: int, free: int
) -> tuple[NDArray[np.float64], float]:
    """Return the matrix with the best correlation near one, and that correlation.

    Parameters
    ----------
    densities : moving, fixed
    matrix : (3, 3)
        Between the images themselves.
    longest : int
        Side of the small versions that are compared.
    free : int
        4: turn, scale, shift; 6: affine.
    """
    (moving, of_moving), (fixed, of_fixed) = (_small(density, longest) for density in densities)
    moving = np.asarray(ndimage.gaussian_filter(moving, 1.0), np.float32)
    fixed = np.asarray(ndimage.gaussian_filter(fixed, 1.0), np.float32)
    start = np.linalg.inv(_grown(of_moving)) @ matrix @ _grown(of_fixed)
    centre = (np.array(fixed.shape) - 1) / 2
    reach = float(max(fixed.shape)) / 2
    inside = np.ones(moving.shape, np.float32)

    def candidate(change: NDArray[np.float64]) -> NDArray[np.float64]:
        # Changes are measured in pixels at the rim, so that all have the same weight.
        if free == 4:
            linear = _turn(np.degrees(change[2] / reach), np.exp(change[3] / reach))
        else:
            linear = np.eye(2) + change[2:6].reshape(2, 2) / reach
        local = np.eye(3)
        local[:2, :2] = linear
        local[:2, 2] = centre - linear @ centre + change[:2]
        return start @ local

    def disagreement(change: NDArray[np.float64]) -> float:
        tried = candidate(change)
        arguments = (tried[:2, :2], tried[:2, 2])
        warped = ndimage.affine_transform(moving, *arguments, output_shape=fixed.shape, order=1)
        seen = ndimage.affine_transform(inside, *arguments, output_shape=fixed.shape, order=0) > 0.5
        return -_correlation(warped, fixed, seen)

    steps = np.eye(free) * 2.0
    found = optimize.minimize(
        disagreement,
        np.zeros(free),
        method="Powell",
        options={"direc": steps, "xtol": 0.02, "ftol": 1e-6, "maxiter": 12},
    )
    small = candidate(np.asarray(found.x))
    return _to_full(small, of_moving, of_fixed), -float(found.fun)


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32], seen: NDArray[np.bool_]) -> float:
    """Return Pearson's correlation where both are seen; less where they hardly overlap."""
    share = float(seen.mean())
    if share < 0.05:
        return 0.0
    x, y = a[seen], b[seen]
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.linalg.norm(x) * np.linalg.norm(y))
    if norm < 1e-9:
        return 0.0
    return min(float(x @ y) / norm, 1.0) * min(2 * share, 1.0)
