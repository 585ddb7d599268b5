"""NRRD volumes (pynrrd), with their space directions taken to DICOM's LPS."""

import unicodedata
from pathlib import Path
from typing import Any

import nrrd
import numpy as np

from napari_lossviz.core import Image, InputError, Origin, to_millimetres
from napari_lossviz.io.affines import ANATOMICAL_SIGNS, reverse_indices, spacing_of_affine
from napari_lossviz.io.nodata import mask_nodata
from napari_lossviz.io.nrrd_limits import refuse_impossible

NAME = "nrrd"
SUFFIXES = (".nrrd", ".nhdr")
_MAGIC = b"NRRD000"
_SHORT_SPACES = {
    "lps": "left-posterior-superior",
    "ras": "right-anterior-superior",
    "las": "left-anterior-superior",
}
_SPATIAL_KINDS = {"domain", "space"}
_COLOUR_KINDS = {"RGB-color", "RGBA-color"}
_LISTS = {"time", "list"}
_NO_LENGTH = (float("nan"), "")


def can_read(path: Path) -> bool:
    """Whether the file starts as NRRD files and detached headers do."""
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def read(path: Path) -> list[Image]:
    """Read a volume as zyx (yx, tzyx, with c last for colours, complex where so declared).

    Raises
    ------
    InputError
        If the file is damaged or its axes are neither space, time, list, colour nor complex.
    """
    try:
        refuse_impossible(path)
        array, header = nrrd.read(str(path), index_order="C")
    except InputError:
        raise
    except (nrrd.NRRDError, OSError, ValueError, KeyError, EOFError) as error:
        raise InputError(f"{path}: not a readable NRRD file ({error})") from error
    # pynrrd's "C" order reverses the array's axes; the header's lists stay in the file's order.
    kinds = _kinds(header, array.ndim)[::-1]
    array, axes, kept, warnings = _name_axes(np.asarray(array), kinds, path)
    directions, problem = _affine(header, path)
    if problem:
        warnings.append(problem)
    spacings, units = _plain_spacing(header, axes, kept)
    if directions is not None and "z" in axes:
        spacings |= dict(zip("zyx", spacing_of_affine(directions), strict=True))
        units |= dict.fromkeys("zyx", "mm")
    image = Image(
        array,
        axes,
        tuple(spacings.get(axis, 1.0) for axis in axes),
        tuple("" if axis == "c" else units.get(axis, "pixel") for axis in axes),
        value_unit=str(header.get("sample units", "")).strip('"'),
        name=path.stem,
        patient_affine=directions if "z" in axes else None,
        origin=Origin((path,), NAME),
        metadata={NAME: {"header": dict(header)}},
        warnings=tuple(warnings),
    )
    return [mask_nodata(image)]


def write(image: Image, path: Path) -> None:
    """Write gzipped, in the space "left-posterior-superior" where the orientation is known.

    A single slice with a patient affine is written as a volume of one slice, since two axes cannot
    say how the third lies.

    Raises
    ------
    InputError
        If the image has a dtype or a number of channels that NRRD lacks.
    """
    array = np.asarray(image.array)
    axes = image.axes
    order = [axes.index(axis) for axis in "tzyxc" if axis in axes]
    array, axes = array.transpose(order), "".join(axes[i] for i in order)
    if image.patient_affine is not None and "z" not in axes:
        array, axes = np.expand_dims(array, axes.index("y")), axes.replace("y", "zy")
    kinds = {"t": "time", "c": "RGB-color"}
    if array.dtype.kind == "c":
        if "c" in axes:
            raise InputError(f"{path}: NRRD cannot hold complex channels: write a TIFF instead")
        real = np.float32 if array.dtype == np.complex64 else np.float64
        array = np.ascontiguousarray(array)[..., np.newaxis].view(real)
        axes, kinds["c"] = f"{axes}c", "complex"
    elif "c" in axes and array.shape[-1] != 3:
        kinds["c"] = "vector"
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    elif array.dtype == np.float16:
        array = array.astype(np.float32)
    header: dict[str, Any] = {
        "encoding": "gzip",
        "kinds": [kinds.get(axis, "domain") for axis in reversed(axes)],
    }
    if image.value_unit:
        header["sample units"] = _ascii(image.value_unit)
    if image.patient_affine is not None:
        columns = dict(zip("zyx", np.asarray(image.patient_affine)[:3, :3].T, strict=True))
        nothing = np.full(3, np.nan)
        header["space"] = "left-posterior-superior"
        header["space directions"] = np.array([columns.get(a, nothing) for a in reversed(axes)])
        header["space origin"] = np.asarray(image.patient_affine)[:3, 3]
        header["space units"] = ["mm"] * 3
        pairs = [_length(image, a) if a == "t" else _NO_LENGTH for a in reversed(axes)]
    else:
        pairs = [_length(image, axis) for axis in reversed(axes)]
    header["spacings"] = [spacing for spacing, _ in pairs]
    header["units"] = [_ascii(unit) for _, unit in pairs]
    nrrd.write(str(path), np.ascontiguousarray(array), header, index_order="C", compression_level=1)


def _length(image: Image, axis: str) -> tuple[float, str]:
    """Return spacing and unit of an axis as NRRD's per-axis fields want them."""
    if axis == "c":
        return _NO_LENGTH
    spacing, unit = image.spacing_of(axis)
    if unit in ("pixel", ""):
        return spacing, ""
    millimetres = to_millimetres(spacing, unit)
    return (spacing, unit) if millimetres is None else (millimetres, "mm")


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).replace("μ", "u").encode("ascii", "replace").decode()


def _kinds(header: Any, ndim: int) -> list[str]:
    """Return the kind of each axis in the file's order; "domain" where it is not said."""
    kinds = [str(kind) for kind in header.get("kinds", ["domain"] * ndim)]
    directions = header.get("space directions")
    if directions is not None and "kinds" not in header:
        kinds = ["list" if d is None or np.isnan(d).any() else "domain" for d in directions]
    return ["domain" if kind in ("???", "none") else kind for kind in kinds]


def _name_axes(
    array: np.ndarray, kinds: list[str], path: Path
) -> tuple[np.ndarray, str, list[int], list[str]]:
    """Return pixels, axes, which axes of the array in C order they were, and warnings."""
    warnings: list[str] = []
    unknown = [k for k in kinds if k not in _SPATIAL_KINDS | _COLOUR_KINDS | _LISTS | {"complex"}]
    special = [i for i, kind in enumerate(kinds) if kind not in _SPATIAL_KINDS]
    spatial = [i for i, kind in enumerate(kinds) if kind in _SPATIAL_KINDS]
    lists = [i for i, kind in enumerate(kinds) if kind in _LISTS]
    if not lists and len(spatial) == 4:
        lists, spatial = spatial[:1], spatial[1:]
    if unknown or len(lists) > 1 or len(special) - len(lists) > 1 or len(spatial) not in (2, 3):
        raise InputError(
            f"{path}: axes of the kinds {kinds[::-1]}, expected two or three of space and, beside "
            "them, at most one of time and one of RGB or complex"
        )
    components = [i for i in special if i not in lists]
    order = [*lists, *spatial, *components]
    axes = ("t" if lists else "") + "zyx"[-len(spatial) :]
    array = array.transpose(order)
    if components:
        kind = kinds[components[0]]
        if kind == "complex":
            dtype = np.complex64 if array.dtype == np.float32 else np.complex128
            real = array[..., 0] + 0j
            real.imag = array[..., 1]
            array = real.astype(dtype)
            order = order[:-1]
        else:
            axes += "c"
            if kind == "RGBA-color":
                array = array[..., :3]
                warnings.append(f"{path.name}: the alpha channel is dropped.")
    array = np.ascontiguousarray(array)
    return array.astype(array.dtype.newbyteorder("="), copy=False), axes, order, warnings


def _affine(header: Any, path: Path) -> tuple[np.ndarray | None, str]:
    """Return the affine of (z, y, x) indices to LPS in mm, or None and perhaps a warning."""
    space = str(header.get("space", "")).lower().removesuffix("-time")
    directions = header.get("space directions")
    if directions is None:
        return None, ""
    rows = [d for d in directions if d is not None and not np.isnan(d).any()]
    signs = ANATOMICAL_SIGNS.get(_SHORT_SPACES.get(space, space))
    if signs is None or len(rows) < 3 or np.asarray(rows[0]).size != 3:
        return None, (
            f"{path.name}: its space is {space or 'not named'}, expected LPS, RAS or LAS in three "
            "dimensions; the orientation in the patient is not used."
        )
    units = [str(unit).strip('"') for unit in header.get("space units", ["mm"] * 3)]
    scale = [to_millimetres(1.0, unit) or 1.0 for unit in units[:3]]
    factors = np.diag(np.asarray(signs) * scale)
    affine = np.eye(4)
    affine[:3, :3] = factors @ np.asarray(rows[:3], dtype=np.float64).T
    affine[:3, 3] = factors @ np.asarray(header.get("space origin", np.zeros(3)), dtype=np.float64)
    return reverse_indices(affine), ""


def _plain_spacing(
    header: Any, axes: str, kept: list[int]
) -> tuple[dict[str, float], dict[str, str]]:
    """Return spacings and units by axis from the per-axis fields, or from the directions."""
    values = header.get("spacings")
    if values is None and header.get("space directions") is not None:
        values = [
            float("nan") if d is None else float(np.linalg.norm(d))
            for d in header["space directions"]
        ]
    units = header.get("units")
    spacings: dict[str, float] = {}
    names: dict[str, str] = {}
    for axis, i in zip(axes, kept, strict=False):
        if values is not None and np.isfinite(values[len(values) - 1 - i]):
            spacings[axis] = float(values[len(values) - 1 - i])
        unit = str(units[len(units) - 1 - i]).strip('"') if units is not None else ""
        names[axis] = unit or ("mm" if axis in spacings and "space" in header else "pixel")
    return spacings, names
