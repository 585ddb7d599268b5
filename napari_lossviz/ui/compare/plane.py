"""The slice of a layer that the viewer shows, as a plain array that figures can be taken of."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Image, InputError, to_millimetres
from napari_lossviz.ui.layers import METADATA_KEY, UNIT_KEY

Index = tuple[int | None, ...]
"""For each axis of a layer the position of the slice, None for the two axes shown."""

_MAP_PIXEL = 100.0
"""Millimetres from which on a pixel's size is told in metres."""


@dataclass(frozen=True, eq=False)
class Plane:
    """One slice of an Image layer.

    Attributes
    ----------
    layer : napari.layers.Image
    rows, columns : int
        Which axes of the layer run down and to the right on the canvas.
    index : tuple
        Where the slice lies along the other axes; None for `rows` and `columns`.
    world_units : tuple of pint.Unit or None
        Of the viewer's world coordinates.
    """

    layer: Any
    rows: int
    columns: int
    index: Index
    world_units: Any

    @cached_property
    def values(self) -> NDArray[Any]:
        """(H, W) array, rows down and columns to the right as on the canvas."""
        return self._cut(_data(self.layer))

    @cached_property
    def valid(self) -> NDArray[np.bool_]:
        """(H, W) array, False at padding and where values are not finite."""
        valid = np.asarray(np.isfinite(self.values))
        image = known_image(self.layer)
        if image is not None and image.valid is not None:
            mask = image.valid
            if mask.shape == tuple(_data(self.layer).shape):
                valid &= self._cut(mask)
        return valid

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        shape = _data(self.layer).shape
        return int(shape[self.rows]), int(shape[self.columns])

    @cached_property
    def from_world(self) -> NDArray[np.float64]:
        """Homogeneous matrix from world coordinates, of the layer's axes, to its pixels."""
        matrix = to_world(self.layer, self.world_units)
        return np.asarray(np.linalg.inv(matrix), dtype=np.float64)

    @cached_property
    def spacing(self) -> tuple[tuple[float, float], str]:
        """Distance between rows and between columns, and its unit.

        "mm"; "m" on a map or in a radar image, whose pixels are large; pixels ("px") where unknown.
        """
        steps = np.linalg.norm(to_world(self.layer, None)[:-1, :-1], axis=0)
        sizes = [
            to_millimetres(float(steps[axis]), str(self.layer.units[axis]))
            for axis in (self.rows, self.columns)
        ]
        if sizes[0] is None or sizes[1] is None:
            return (1.0, 1.0), "px"
        if min(sizes[0], sizes[1]) >= _MAP_PIXEL:
            return (sizes[0] / 1000, sizes[1] / 1000), "m"
        return (sizes[0], sizes[1]), "mm"

    @property
    def area_unit(self) -> str:
        """Unit of an area: "mm²", "m²" or pixels ("px")."""
        unit = self.spacing[1]
        return unit if unit == "px" else f"{unit}²"

    @property
    def place(self) -> str:
        """Where the slice lies, such as "z 3"; empty where there is but one."""
        labels = self.layer.axis_labels
        return ", ".join(
            f"{labels[axis]} {at}" for axis, at in enumerate(self.index) if at is not None
        )

    def at(self, index: Index) -> "Plane":
        """Return another slice of the same layer."""
        return replace(self, index=index)

    def _cut(self, array: Any) -> NDArray[Any]:
        cut = np.asarray(array[tuple(slice(None) if n is None else n for n in self.index)])
        return cut if self.rows < self.columns else cut.T


def shown_plane(viewer: Any, layer: Any) -> Plane:
    """Return the slice of an Image layer that the viewer shows.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : napari.layers.Image
        Of a multiscale layer the finest level is taken.

    Raises
    ------
    InputError
        If the layer shows colours or complex values, no slice or no single one of its slices.
    """
    if layer.rgb:
        raise InputError(
            f"{layer.name!r} shows colours (RGB): figures need one value at each pixel. Look at it "
            "by swipe, blink or side by side, or split it (Layers ▸ Split RGB) and take a channel"
        )
    if np.issubdtype(layer.dtype, np.complexfloating):
        raise InputError(
            f"{layer.name!r} holds complex values: figures need real ones. Show its amplitude"
        )
    dims = viewer.dims
    if dims.ndisplay != 2:
        raise InputError("The viewer shows a volume: switch to 2D to measure in a slice")
    missing = dims.ndim - layer.ndim
    rows, columns = (axis - missing for axis in dims.displayed)
    if min(rows, columns) < 0:
        raise InputError(f"{layer.name!r} has no {dims.axis_labels[min(dims.displayed)]} axis")
    units = viewer.layers.units
    position = np.linalg.inv(to_world(layer, units)) @ [*dims.point[missing:], 1.0]
    shape = _data(layer).shape
    index: list[int | None] = [int(np.rint(at)) for at in position[:-1]]
    index[rows] = index[columns] = None
    for axis, at in enumerate(index):
        if at is not None and not 0 <= at < shape[axis]:
            raise InputError(
                f"{layer.name!r} has no slice here: move the {layer.axis_labels[axis]} slider"
            )
    return Plane(layer, rows, columns, tuple(index), units)


def same_shape(first: Plane, second: Plane) -> None:
    """Raise unless two slices can be compared pixel by pixel.

    Raises
    ------
    InputError
        If their heights or widths differ.
    """
    if first.shape != second.shape:
        raise InputError(
            f"{first.layer.name!r} is {first.shape[0]} x {first.shape[1]} pixels here and "
            f"{second.layer.name!r} {second.shape[0]} x {second.shape[1]}: take two images of one "
            "size"
        )


def to_world(layer: Any, world_units: Any) -> NDArray[np.float64]:
    """Return the homogeneous matrix from a layer's pixels to world coordinates.

    Parameters
    ----------
    layer : napari.layers.Layer
    world_units : tuple of pint.Unit or None
        ``viewer.layers.units``; None leaves the result in the layer's own units, as napari does
        where the units of its layers do not fit together.
    """
    n = layer.ndim
    origin = np.asarray(layer.data_to_world(np.zeros(n)), dtype=float)
    matrix = np.eye(n + 1)
    matrix[:n, n] = origin
    for axis, unit in enumerate(np.eye(n)):
        matrix[:n, axis] = np.asarray(layer.data_to_world(unit), dtype=float) - origin
    if world_units is not None:
        for axis, (own, wanted) in enumerate(zip(layer.units, world_units[-n:], strict=True)):
            matrix[axis] *= float((1 * own).to(wanted).magnitude)
    return matrix


def known_image(layer: Any) -> Image | None:
    """Return the image that a layer of ours was made from."""
    image: Image | None = layer.metadata.get(METADATA_KEY, {}).get("image")
    return image


def value_unit(layer: Any) -> str:
    """Return the unit of a layer's values, such as "HU"; empty where unknown."""
    known = layer.metadata.get(METADATA_KEY, {})
    image = known.get("image")
    return str(known.get(UNIT_KEY, "" if image is None else image.value_unit))


def file_of(layer: Any) -> str:
    """Return the file, or the folder of several, that a layer was read from; empty for none."""
    image = known_image(layer)
    paths = () if image is None else image.origin.paths
    if paths:
        return str(paths[0] if len(paths) == 1 else paths[0].parent)
    return str(layer.source.path or "")


def _data(layer: Any) -> Any:
    return layer.data[0] if layer.multiscale else layer.data
