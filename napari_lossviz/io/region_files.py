"""Regions from a file: a table of rectangles, a Shapes layer that napari saved, or GeoJSON.

A pixel's middle has whole numbers here, as in napari. GeoJSON counts from the corner of the first
pixel, as QuPath does: a rectangle from x = 2 to x = 12 holds the columns 2 to 11.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import InputError
from napari_lossviz.io.qupath_regions import qupath_regions

_RECTANGLE = ("y0", "y1", "x0", "x1")
_SHAPES = ("index", "shape-type", "vertex-index")
_BEYOND = "beyond the columns"
"""Key of what a line holds besides."""
_EXPECTED = (
    "expected GeoJSON polygons (x, y in pixels), a CSV with the columns name, y0, y1, x0, x1 and "
    "perhaps z, or a Shapes layer that napari saved as CSV"
)


@dataclass(frozen=True, eq=False)
class FileRegion:
    """A region of a file.

    Attributes
    ----------
    name : str
    vertices : (N, 2) ndarray
        (row, column) in pixels, pixel centres at whole numbers. A hole of a polygon is joined to
        its outline by a line there and back.
    ellipse : bool
        Whether the four vertices enclose an ellipse instead.
    z : int, optional
        The slice, counted from 0; None: every slice.
    """

    name: str
    vertices: NDArray[np.float64]
    ellipse: bool = False
    z: int | None = None


def read_regions(path: str | Path) -> list[FileRegion]:
    """Read the regions of a file.

    - GeoJSON: polygons in pixels, see `qupath_regions`.
    - CSV with the columns name, y0, y1, x0, x1 and perhaps z: rectangles from row y0 to before y1.
    - CSV of a Shapes layer, as napari saves it: rectangles, ellipses and polygons.

    Raises
    ------
    InputError
        If the file cannot be read, is none of these, or holds no region.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: no text; {_EXPECTED}") from error
    read = _of_geojson if text.lstrip()[:1] in ("{", "[") else _of_csv
    regions = read(path, text)
    if not regions:
        raise InputError(f"{path}: holds no region; {_EXPECTED}")
    return regions


def _of_csv(path: Path, text: str) -> list[FileRegion]:
    lines = [line for line in text.splitlines() if line.strip()]
    dialect = "\t" if lines and "\t" in lines[0] else ","
    try:
        rows = csv.DictReader(lines, delimiter=dialect, skipinitialspace=True, restkey=_BEYOND)
        table = list(rows)
    except csv.Error as error:
        raise InputError(f"{path}: {error}; {_EXPECTED}") from error
    columns = set(table[0]) if table else set()
    try:
        if columns.issuperset(_SHAPES):
            return _shapes(table)
        if columns.issuperset(_RECTANGLE):
            return [_rectangle(number, row) for number, row in enumerate(table, start=1)]
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InputError(f"{path}: {error}; {_EXPECTED}") from error
    raise InputError(f"{path}: {_EXPECTED}")


def _rectangle(number: int, row: dict[str, str]) -> FileRegion:
    y0, y1, x0, x1 = (_finite(row[key]) for key in _RECTANGLE)
    if not (y0 < y1 and x0 < x1):
        raise ValueError(f"region {number}: y0, y1 and x0, x1 must rise")
    # the outline runs through the rims of the outer pixels
    top, bottom, left, right = y0 - 0.5, y1 - 0.5, x0 - 0.5, x1 - 0.5
    corners = np.array([(top, left), (top, right), (bottom, right), (bottom, left)])
    z = (row.get("z") or "").strip()
    name = (row.get("name") or "").strip()
    return FileRegion(name or f"Region {number}", corners, z=int(z) if z else None)


def _shapes(table: list[dict[str, str]]) -> list[FileRegion]:
    """Return the closed shapes of a layer that napari saved; its columns axis-0, … are pixels."""
    axes = sorted(key for key in table[0] if key.startswith("axis-"))
    if len(axes) not in (2, 3):
        raise ValueError(f"shapes of {len(axes)} axes")
    by_index: dict[str, list[dict[str, str]]] = {}
    for row in table:
        by_index.setdefault(row["index"], []).append(row)
    regions = []
    for number, rows in enumerate(by_index.values(), start=1):
        kind = rows[0]["shape-type"]
        if kind not in ("rectangle", "ellipse", "polygon"):
            continue
        points = np.array([[_finite(row[axis]) for axis in axes] for row in rows])
        z = round(float(points[:, 0].mean())) if len(axes) == 3 else None
        regions.append(
            FileRegion(f"{kind.capitalize()} {number}", points[:, -2:], kind == "ellipse", z)
        )
    return regions


def _of_geojson(path: Path, text: str) -> list[FileRegion]:
    return [
        FileRegion(region.name or f"Region {number}", region.outline, z=region.z)
        for number, region in enumerate(qupath_regions(path, text), start=1)
    ]


def _finite(value: Any) -> float:
    number = float(value)
    if not np.isfinite(number):
        raise ValueError(f"{value!r} is no place")
    return number
