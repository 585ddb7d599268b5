"""Outlines from a Shapes layer, in the pixels of the image under edit."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import InputError
from napari_lossviz.ui.edit.brush import Point
from napari_lossviz.ui.layers import LayerData

_CLOSED = ("rectangle", "polygon", "ellipse")
_ELLIPSE_POINTS = 64


def outlines_of(
    shapes: Any, reference: Any, shown_position: Sequence[float]
) -> list[tuple[Point, ...]]:
    """Return the vertices (y, x), in pixels of the reference, of the shapes to work with.

    These are the selected shapes, or all of them where none is selected, and of a layer with
    slices those on the slice shown.

    Parameters
    ----------
    shapes : napari.layers.Shapes
    reference : napari.layers.Image
        Its last two axes are y and x.
    shown_position : sequence of float
        World coordinates of what is shown, ``viewer.dims.point``.

    Raises
    ------
    InputError
        If there is no rectangle, polygon or ellipse to work with.
    """
    chosen = sorted(shapes.selected_data) or range(len(shapes.data))
    outlines = []
    for i in chosen:
        if shapes.shape_type[i] not in _CLOSED:
            continue
        vertices = np.asarray(shapes.data[i], dtype=float)
        if shapes.shape_type[i] == "ellipse":
            vertices = _ellipse(vertices)
        pixels = np.array(
            [_to_pixels(vertex, shapes, reference, shown_position) for vertex in vertices]
        )
        if pixels.shape[1] == 2 or _on_slice(pixels, reference, shown_position):
            outlines.append(tuple((float(y), float(x)) for y, x in pixels[:, -2:]))
    if not outlines:
        raise InputError(
            f"layer {shapes.name!r} has no rectangle, polygon or ellipse on the slice shown: draw "
            "one, or select those that you mean"
        )
    return outlines


def _to_pixels(
    vertex: NDArray[np.float64], shapes: Any, reference: Any, shown_position: Sequence[float]
) -> NDArray[np.float64]:
    """Return a vertex in the reference's pixels; axes that the shapes lack are as shown."""
    world = np.array(shown_position, dtype=float)
    own = np.asarray(shapes.data_to_world(vertex))
    world[len(world) - len(own) :] = own
    return np.asarray(reference.world_to_data(world), dtype=float)


def _on_slice(pixels: NDArray[np.float64], reference: Any, shown_position: Sequence[float]) -> bool:
    shown = np.asarray(reference.world_to_data(shown_position), dtype=float)
    return bool((np.abs(pixels[:, :-2] - shown[:-2]) <= 0.5 + 1e-6).all())


def _ellipse(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points on the ellipse within a (possibly turned) rectangle of four corners."""
    centre = corners.mean(axis=0)
    along, across = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
    angle = np.linspace(0, 2 * np.pi, _ELLIPSE_POINTS, endpoint=False)[:, None]
    return np.asarray(centre + np.cos(angle) * along + np.sin(angle) * across)


def outlines_layer(reference: Any) -> LayerData:
    """Return an empty Shapes layer to draw regions in, on the pixel grid of the reference.

    It has rows and columns only, so that a region is seen on every slice.
    """
    settings = {
        "name": f"{reference.name} regions",
        "ndim": 2,
        "scale": tuple(reference.scale[-2:]),
        "translate": tuple(reference.translate[-2:]),
        "units": tuple(reference.units[-2:]),
        "axis_labels": tuple(reference.axis_labels[-2:]),
        "face_color": "transparent",
        "edge_color": "yellow",
        "edge_width": 2 * float(np.mean(np.abs(reference.scale[-2:]))),
    }
    return None, settings, "shapes"
