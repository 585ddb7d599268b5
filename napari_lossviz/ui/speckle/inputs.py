"""From layers to what is judged."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import InputError
from napari_lossviz.ui.compare.drawn import REGIONS, drawn_on
from napari_lossviz.ui.compare.plane import shown_plane
from napari_lossviz.ui.layers import image_from_layer


def intensity_of(layer: Any) -> NDArray[np.float32]:
    """Return the intensity of a radar image's layer, or the values of a reference's.

    Parameters
    ----------
    layer : napari.layers.Image
        Of complex values, their squared modulus; others are taken to be intensities.

    Raises
    ------
    InputError
        If it has other axes than rows and columns.
    """
    image = image_from_layer(layer)
    if image.axes != "yx":
        raise InputError(f"{layer.name}: has axes {image.axes!r}; one radar image is needed")
    values = np.asarray(image.array)
    if np.iscomplexobj(values):
        return np.asarray(values.real**2 + values.imag**2, np.float32)
    return np.asarray(values, np.float32)


def drawn_regions(shapes: Any, layer: Any, viewer: Any) -> dict[str, NDArray[np.bool_]]:
    """Return a mask by name for each region of a Shapes layer, on the pixels of an image's layer.

    Names that came twice have their number behind them.

    Raises
    ------
    InputError
        If there is no rectangle, polygon or ellipse.
    """
    plane = shown_plane(viewer, layer)
    masks: dict[str, NDArray[np.bool_]] = {}
    for number, one in enumerate(drawn_on(plane, shapes, REGIONS, viewer.dims.point), start=1):
        mask = one.mask(plane.shape)
        name = f"{one.name} {number}" if one.name in masks else one.name
        masks[name] = mask if plane.rows < plane.columns else mask.T
    if not masks:
        raise InputError(f"{shapes.name}: draw rectangles, ellipses or polygons in it first")
    return masks


def point_places(points: Any, layer: Any) -> tuple[tuple[int, int], ...]:
    """Return row and column, on an image's pixels, of the points of a Points layer.

    Points outside of the image are left out.
    """
    places = []
    for point in np.asarray(points.data, float):
        world = points.data_to_world(point)
        at = np.rint(np.asarray(layer.world_to_data(world[-layer.ndim :]), float)).astype(int)[-2:]
        if all(0 <= i < side for i, side in zip(at, layer.data.shape[-2:], strict=True)):
            places.append((int(at[0]), int(at[1])))
    return tuple(places)
