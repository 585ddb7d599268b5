"""From layers to what is measured, and back."""

from typing import Any

import numpy as np

from napari_lossviz.core import InputError
from napari_lossviz.io.region_files import FileRegion
from napari_lossviz.jobs.ct_report import disc_of
from napari_lossviz.metrics.ct_regions import Area, Squares
from napari_lossviz.metrics.ct_report import Disc
from napari_lossviz.ui.compare.drawn import REGIONS, Drawn, drawn_on, exists
from napari_lossviz.ui.compare.plane import Plane, shown_plane
from napari_lossviz.ui.layers import LayerData

_ELLIPSE = ("ellipse",)


def areas_of(shapes: Any, layer: Any, viewer: Any, *, without_ellipses: bool = False) -> list[Area]:
    """Return the regions of a Shapes layer on the pixels of an image's layer.

    A shape that has its own slice counts there, one of a 2D layer on the slice shown. Of several
    shapes of one name each counts for itself, with its number.

    Raises
    ------
    InputError
        If there is no region, or one lies on no slice.
    """
    plane = _plane(viewer, layer)
    kinds = tuple(kind for kind in REGIONS if not (without_ellipses and kind == "ellipse"))
    areas: list[Area] = []
    for one in drawn_on(plane, shapes, kinds, viewer.dims.point):
        taken = {area.name for area in areas}
        name = f"{one.name} {one.number + 1}" if one.name in taken else one.name
        areas.append(Area(name, one.mask(plane.shape), _slice_of(one, plane)))
    if not areas:
        raise InputError(f"{shapes.name}: draw rectangles, ellipses or polygons in it first")
    return areas


def disc_in(shapes: Any, layer: Any, viewer: Any, spacing: tuple[float, float]) -> Disc:
    """Return the circular edge that the last ellipse of a Shapes layer surrounds.

    Raises
    ------
    InputError
        If there is no ellipse, or it is no circle.
    """
    plane = _plane(viewer, layer)
    found = drawn_on(plane, shapes, _ELLIPSE, viewer.dims.point)
    if not found:
        raise InputError(f"{shapes.name}: draw an ellipse on a circular edge in it first")
    region = FileRegion(found[-1].name, found[-1].vertices, ellipse=True)
    return disc_of(region, spacing, _slice_of(found[-1], plane))


def squares_layer(squares: Squares, layer: Any) -> LayerData:
    """Return a Shapes layer of squares on an image's layer."""
    side, leading = squares.side, layer.data.shape[:-2]
    corners = []
    for index, y, x in squares.corners:
        at = np.unravel_index(index, leading) if leading else ()
        outline = np.array([(y, x), (y, x + side), (y + side, x + side), (y + side, x)]) - 0.5
        corners.append(np.hstack([np.tile(np.array(at, float), (4, 1)), outline]))
    settings = {
        "name": f"{layer.name} flat squares",
        "shape_type": "rectangle",
        "face_color": "transparent",
        "edge_color": "#ffd54a",
        "edge_width": 1,
    }
    for name in ("scale", "translate", "units", "axis_labels"):
        settings[name] = tuple(getattr(layer, name))
    return corners, settings, "shapes"


def _plane(viewer: Any, layer: Any) -> Plane:
    plane = shown_plane(viewer, layer)
    if (plane.rows, plane.columns) != (layer.ndim - 2, layer.ndim - 1):
        raise InputError(
            f"{layer.name}: noise is measured in slices as they were reconstructed; roll the "
            "viewer's axes back"
        )
    return plane


def _slice_of(drawn: Drawn, plane: Plane) -> int:
    """Return on which slice of the stack a shape lies."""
    if not exists(plane, drawn.index):
        raise InputError(f"{drawn.name}: lies on no slice of {plane.layer.name!r}")
    at = [int(n) for n in drawn.index if n is not None]
    leading = plane.layer.data.shape[:-2]
    return int(np.ravel_multi_index(at, leading)) if leading else 0
