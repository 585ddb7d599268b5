"""Spacing and patient affine of a stack of frames, and what is odd about its geometry."""

import math
from dataclasses import dataclass

import numpy as np

from napari_lossviz.io.dicom_header import Frame

_NAMED_AT_MOST = 5
_TILT_MM = 0.05
_TILT_DEGREES = 0.1
_UNEQUAL = 0.02
_UNEQUAL_AT_MOST = 0.1
_ROUNDED_MM = 0.0101
"""Steps between positions that a file gives to two decimals differ by so much."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where a volume lies.

    Attributes
    ----------
    spacing : (z, y, x)
        Distances in the unit of `units`; z is measured along the slice normal.
    units : (str, str, str)
        "mm", or "pixel" where the file does not say.
    patient_affine : (4, 4) ndarray or None
        From (z, y, x) index to patient coordinates (LPS) in mm; a gantry tilt is its shear.
    warnings : tuple of str
    """

    spacing: tuple[float, float, float]
    units: tuple[str, str, str]
    patient_affine: np.ndarray | None
    warnings: tuple[str, ...]


def measure(frames: tuple[Frame, ...]) -> Geometry:
    """Measure a stack whose frames are in the order of its z axis.

    Parameters
    ----------
    frames : tuple of Frame
        At least one.

    Returns
    -------
    Geometry
    """
    warnings: list[str] = []
    row, column, unit = _in_plane(frames, warnings)
    first = frames[0]
    if first.distance is None:
        step, step_unit = _nominal_step(first)
        if len(frames) > 1:
            warnings.append(_without_positions(first, len(frames), step, step_unit))
        return Geometry((step, row, column), (step_unit, unit, unit), None, tuple(warnings))

    assert first.orientation is not None
    normal = np.cross(*first.orientation)
    positions = np.array([frame.position for frame in frames], float)
    distances = positions @ normal
    shift_per_mm = np.zeros(3)
    if len(frames) == 1:
        step = _nominal_step(first)[0]
    else:
        step = _regular_step(frames, distances, warnings)
        shift_per_mm = _tilt(first.orientation, positions, distances, column, warnings)
    affine = np.eye(4)
    affine[:3, 0] = step * (normal + shift_per_mm)
    affine[:3, 1] = row * first.orientation[1]
    affine[:3, 2] = column * first.orientation[0]
    affine[:3, 3] = positions[0]
    return Geometry((step, row, column), ("mm", unit, unit), affine, tuple(warnings))


def _without_positions(first: Frame, count: int, step: float, unit: str) -> str:
    distance = f"their distance is taken to be {step:g} {unit}"
    if first.frames is not None:
        return (
            f"{count} frames without positions: taken as a stack along z, though they may be a "
            f"film in time; {distance}"
        )
    return (
        "no slice positions in the files: the slices are in the order of their instance numbers "
        f"(InstanceNumber); {distance}"
    )


def _in_plane(frames: tuple[Frame, ...], warnings: list[str]) -> tuple[float, float, str]:
    """Return the distance between rows, that between columns, and their unit."""
    first = frames[0]
    for keyword, remark in (
        ("PixelSpacing", ""),
        (
            "ImagerPixelSpacing",
            "the pixel spacing is that at the detector (ImagerPixelSpacing): sizes in the patient "
            "are smaller by the magnification",
        ),
        (
            "NominalScannedPixelSpacing",
            "the pixel spacing is that of the scanned film (NominalScannedPixelSpacing)",
        ),
    ):
        found = first.numbers(keyword)
        if len(found) == 2 and all(math.isfinite(one) and one > 0 for one in found):
            if remark:
                warnings.append(remark)
            for frame in frames:
                other = frame.numbers(keyword)
                if len(other) != 2 or not np.allclose(other, found, rtol=1e-3):
                    warnings.append(
                        f"the pixel spacing differs between slices ({found[0]:g} mm in "
                        f"{first.path.name}, {', '.join(f'{one:g}' for one in other) or 'none'} "
                        f"in {frame.path.name}): the first one is used"
                    )
                    break
            return found[0], found[1], "mm"
    if first.text("PixelSpacing"):
        warnings.append(
            f"PixelSpacing is {first.text('PixelSpacing')}, expected two positive numbers: the "
            "spacing counts as unknown"
        )
    return 1.0, 1.0, "pixel"


def _nominal_step(frame: Frame) -> tuple[float, str]:
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        found = abs(frame.number(keyword) or 0.0)
        if found > 0:
            return found, "mm"
    return 1.0, "pixel"


def _regular_step(frames: tuple[Frame, ...], distances: np.ndarray, warnings: list[str]) -> float:
    """Return the distance of neighbouring slices; name what is missing or unequal."""
    steps = np.diff(distances)
    # The lower median: with a slice missing among three, the smaller step is the true one.
    usual = float(np.sort(steps)[(len(steps) - 1) // 2])
    tolerance = max(_UNEQUAL * usual, min(_ROUNDED_MM, _UNEQUAL_AT_MOST * usual))
    unequal = np.flatnonzero(np.abs(steps - usual) > tolerance)
    if not unequal.size:
        return float(steps.mean())
    ratios = steps[unequal] / usual
    whole = (np.round(ratios) >= 2) & (np.abs(ratios - np.round(ratios)) < 0.1)
    gaps = [
        f"{round(float(ratio)) - 1} between {_between(frames, distances, i)}"
        for i, ratio in zip(unequal[whole], ratios[whole], strict=True)
    ]
    if gaps:
        warnings.append(f"missing slices: {_list(gaps)}")
    rest = [f"{steps[i]:.4g} mm between {_between(frames, distances, i)}" for i in unequal[~whole]]
    if rest:
        warnings.append(
            f"unequal slice spacing: {_list(rest)}; {usual:.4g} mm is used for all, slices are "
            "not resampled"
        )
    return usual


def _between(frames: tuple[Frame, ...], distances: np.ndarray, i: int) -> str:
    numbers = frames[i].instance_number, frames[i + 1].instance_number
    words = f"{distances[i]:.2f} and {distances[i + 1]:.2f} mm along the slice normal"
    if None in numbers:
        return words
    return f"{words} (instances {numbers[0]} and {numbers[1]})"


def _list(entries: list[str]) -> str:
    more = len(entries) - _NAMED_AT_MOST
    return "; ".join(entries[:_NAMED_AT_MOST]) + (f"; and {more} more" if more > 0 else "")


def _tilt(
    orientation: np.ndarray,
    positions: np.ndarray,
    distances: np.ndarray,
    pixel: float,
    warnings: list[str],
) -> np.ndarray:
    """Return the in-plane shift of the slice origins for each mm along the normal (x, y, z)."""
    in_plane = positions @ orientation.T
    centred = distances - distances.mean()
    slope = centred @ (in_plane - in_plane.mean(axis=0)) / float(centred @ centred)
    fitted = in_plane.mean(axis=0) + centred[:, None] * slope
    stray = float(np.linalg.norm(in_plane - fitted, axis=1).max())
    if stray > max(0.5 * pixel, _TILT_MM):
        warnings.append(
            f"slice origins stray in the plane by up to {stray:.2f} mm from a straight line: "
            "positions are right on average only"
        )
    shift = float(np.linalg.norm(slope))
    angle = math.degrees(math.atan(shift))
    if angle < _TILT_DEGREES or shift * float(np.ptp(distances)) < _TILT_MM:
        return np.zeros(3)
    warnings.append(
        f"gantry tilt of {angle:.1f} degrees: the slices are sheared against each other by "
        f"{shift:.3f} mm for each mm along the normal; the shear is kept in the patient affine, "
        "the pixels are not resampled"
    )
    sheared: np.ndarray = slope @ orientation
    return sheared
