"""Patient affines between conventions: DICOM's LPS and (z, y, x) here, RAS and (x, y, z) in files.

An affine is a (4, 4) float64 array that takes homogeneous indices to millimetres.
"""

from collections.abc import Sequence

import numpy as np

ANATOMICAL_SIGNS = {
    "left-posterior-superior": (1.0, 1.0, 1.0),
    "right-anterior-superior": (-1.0, -1.0, 1.0),
    "left-anterior-superior": (1.0, -1.0, 1.0),
}
"""Factors that take coordinates of a space to LPS; a space is its own inverse."""


def flip_lps_ras(affine: np.ndarray) -> np.ndarray:
    """Take an affine to LPS coordinates to one to RAS coordinates, or back."""
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(affine, dtype=np.float64)


def reverse_indices(affine: np.ndarray) -> np.ndarray:
    """Take an affine of (z, y, x) indices to one of (x, y, z) indices, or back."""
    return np.asarray(affine, dtype=np.float64)[:, [2, 1, 0, 3]]


def to_file_ras(patient_affine: np.ndarray) -> np.ndarray:
    """Take (z, y, x) index to LPS into (x, y, z) index to RAS, as NIfTI wants it."""
    return flip_lps_ras(reverse_indices(patient_affine))


def from_file_ras(affine: np.ndarray) -> np.ndarray:
    """Take (x, y, z) index to RAS into (z, y, x) index to LPS, as `Image` wants it."""
    return reverse_indices(flip_lps_ras(affine))


def spacing_of_affine(affine: np.ndarray) -> tuple[float, float, float]:
    """Return the distance in mm between neighbouring slices, rows and columns.

    That of slices is along their normal, as in a DICOM series: a gantry tilt shears the slices
    against each other and does not move them apart.
    """
    slices, rows, columns = np.asarray(affine, dtype=np.float64)[:3, :3].T
    normal = np.cross(rows, columns)
    area = float(np.linalg.norm(normal))
    along = abs(float(slices @ normal)) / area if area else 0.0
    # A flat affine is damaged; its lengths are all that is left of it.
    z = along or float(np.linalg.norm(slices))
    return z, float(np.linalg.norm(rows)), float(np.linalg.norm(columns))


def resample_affine(affine: np.ndarray, factors: Sequence[float]) -> np.ndarray:
    """Return the affine of a grid whose samples are means of blocks of `factors` samples.

    Parameters
    ----------
    affine : (4, 4) ndarray
        Of the fine grid.
    factors : three floats
        Size of a coarse sample in fine ones along each index. The outer edges of both grids
        coincide, so that the first coarse sample lies (factor - 1) / 2 fine ones further in.
    """
    scale = np.asarray(factors, dtype=np.float64)
    step = np.diag([*scale, 1.0])
    step[:3, 3] = (scale - 1.0) / 2.0
    return np.asarray(affine, dtype=np.float64) @ step
