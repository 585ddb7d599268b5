"""Regions of QuPath: GeoJSON polygons in pixels of the full resolution."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_lossviz.core import InputError
from napari_lossviz.io.atomic import atomic_path

_CORNER = 0.5
"""QuPath counts from the corner of the first pixel, we count from its middle."""
_EXPECTED = "expected GeoJSON with polygons, such as QuPath exports annotations"


@dataclass(frozen=True, eq=False)
class QuPathRegion:
    """A polygon.

    Attributes
    ----------
    name : str
        Of the annotation, or of its class; may be empty.
    outline : (N, 2) float64
        (y, x) in pixels, whole numbers being the middles of pixels. A hole is joined to it by a
        line there and back, which leaves inside and outside as they are.
    z : int, optional
        The slice, counted from 0; None: every slice.
    """

    name: str
    outline: NDArray[np.float64]
    z: int | None = None


def read_qupath_regions(path: str | Path) -> list[QuPathRegion]:
    """Read the polygons of a GeoJSON file, those of multipolygons one by one.

    Raises
    ------
    InputError
        If the file cannot be read, is no GeoJSON, or holds no polygon.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: no text; {_EXPECTED}") from error
    return qupath_regions(path, text)


def qupath_regions(path: Path, text: str) -> list[QuPathRegion]:
    """Return the polygons of the text of a GeoJSON file, those of multipolygons one by one.

    Coordinates are (x, y) in pixels from the corner of the first pixel. The property "name", or
    that of the classification, names a region, the property "z" its slice.

    Parameters
    ----------
    path : Path
        For messages.
    text : str

    Raises
    ------
    InputError
        If it is no GeoJSON, or holds no polygon.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error}); {_EXPECTED}") from error
    try:
        features = content.get("features", [content]) if isinstance(content, dict) else content
        regions = [region for feature in features for region in _regions(feature)]
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as error:
        raise InputError(f"{path}: {_EXPECTED} ({error})") from error
    if not regions:
        raise InputError(f"{path}: holds no polygon; {_EXPECTED}")
    return regions


def write_qupath_regions(
    outlines: Iterable[ArrayLike],
    path: str | Path,
    *,
    names: Sequence[str] = (),
    overwrite: bool = False,
) -> None:
    """Write polygons as annotations that QuPath opens.

    Parameters
    ----------
    outlines : iterable of (N, 2)
        (y, x) in pixels, whole numbers being the middles of pixels.
    path : path
    names : sequence of str
        Of the outlines; empty for none.
    overwrite : bool

    Raises
    ------
    OutputExistsError, OutputError
        See `atomic_path`.
    """
    features = []
    for number, outline in enumerate(outlines):
        points = np.asarray(outline, np.float64)[:, ::-1] + _CORNER
        about = {"objectType": "annotation"}
        if names and names[number]:
            about["name"] = names[number]
        ring = np.concatenate([points, points[:1]]).tolist()
        shape = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "geometry": shape, "properties": about})
    text = json.dumps({"type": "FeatureCollection", "features": features})
    with atomic_path(path, overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _regions(feature: Any) -> Iterable[QuPathRegion]:
    geometry = feature.get("geometry", feature)
    about = feature.get("properties") or {}
    name = about.get("name") or (about.get("classification") or {}).get("name") or ""
    z = about.get("z")
    if geometry["type"] not in ("Polygon", "MultiPolygon"):
        return
    found = geometry["coordinates"]
    for rings in [found] if geometry["type"] == "Polygon" else found:
        outer, *holes = (_ring(ring) for ring in rings)
        parts = [outer]
        for hole in holes:
            parts += [outer[:1], hole, hole[:1]]
        if holes:
            parts.append(outer[:1])
        yield QuPathRegion(str(name), np.concatenate(parts), None if z is None else int(z))


def _ring(ring: Any) -> NDArray[np.float64]:
    """Return (N, 2) points (y, x) of a closed ring of (x, y), the last one left out."""
    points = np.array([[float(y), float(x)] for x, y, *_ in ring]) - _CORNER
    if len(points) > 1 and (points[0] == points[-1]).all():
        points = points[:-1]
    if len(points) < 3 or not np.isfinite(points).all():
        raise ValueError(f"a ring of {len(points)} points")
    return points
