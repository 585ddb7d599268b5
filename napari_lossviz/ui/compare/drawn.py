"""What the user drew in a Shapes layer, in the pixels of an image: regions and lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.metrics import ellipse_mask, polygon_mask
from napari_lossviz.ui.compare.plane import Index, Plane, to_world

NAME = "name"
"""Column of the layer's features that holds the names."""

REGIONS = ("rectangle", "ellipse", "polygon")
LINES = ("line", "path")

_COLOUR = "#ffd54a"


@dataclass(frozen=True, eq=False)
class Drawn:
    """One shape over one image.

    Attributes
    ----------
    number : int
        Its place in the Shapes layer.
    name : str
    kind : str
        napari's: "rectangle", "ellipse", "polygon", "line", "path".
    vertices : (N, 2) ndarray
        (row, column) in the image's pixels.
    index : tuple
        On which slice of the image it lies.
    """

    number: int
    name: str
    kind: str
    vertices: NDArray[np.float64]
    index: Index

    def mask(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Return the pixels inside a region, as a (H, W) mask."""
        make = ellipse_mask if self.kind == "ellipse" else polygon_mask
        return make(self.vertices, shape)


def drawn_on(
    plane: Plane, shapes: Any, kinds: Sequence[str], position: Sequence[float]
) -> list[Drawn]:
    """Return the shapes of some kinds in the pixels of a layer.

    A shape that has its own place along the other axes is measured on its own slice; one in a
    layer without these axes (2D) on the slice shown.

    Parameters
    ----------
    plane : Plane
        The slice shown of the image layer.
    shapes : napari.layers.Shapes
    kinds : sequence of str
    position : sequence of float
        World coordinates of what is shown, ``viewer.dims.point``.
    """
    matrix, n = to_world(shapes, plane.world_units), plane.layer.ndim
    found = []
    for number, (kind, vertices) in enumerate(zip(shapes.shape_type, shapes.data, strict=True)):
        if kind not in kinds:
            continue
        own = _homogeneous(np.asarray(vertices, dtype=float)) @ matrix.T
        shared = min(n, shapes.ndim)
        world = np.tile(np.append(np.asarray(position, dtype=float)[-n:], 1.0), (len(own), 1))
        world[:, n - shared : n] = own[:, -1 - shared : -1]
        pixels = world @ plane.from_world.T
        index: Index = tuple(
            None if at is None else int(np.rint(pixels[:, axis].mean()))
            for axis, at in enumerate(plane.index)
        )
        corners = pixels[:, [plane.rows, plane.columns]]
        found.append(Drawn(number, _name(shapes, number), str(kind), corners, index))
    return found


def exists(plane: Plane, index: Index) -> bool:
    """Return whether a layer has a slice at an index."""
    shape = (plane.layer.data[0] if plane.layer.multiscale else plane.layer.data).shape
    return all(at is None or 0 <= at < n for at, n in zip(index, shape, strict=False))


def new_drawing_layer(viewer: Any, plane: Plane) -> Any:
    """Add an empty Shapes layer over an image, ready to draw rectangles, and return it.

    It has no axes but the two shown, so that what is drawn holds for every slice; where the viewer
    shows others than the image's last two, it has all axes of the image.
    """
    image, n = plane.layer, plane.layer.ndim
    kept = 2 if {plane.rows, plane.columns} == {n - 2, n - 1} else n
    return viewer.add_shapes(
        None,
        ndim=kept,
        name=f"{image.name} regions",
        scale=image.scale[-kept:],
        translate=image.translate[-kept:],
        units=image.units[-kept:],
        axis_labels=image.axis_labels[-kept:],
        features={NAME: np.array([], dtype=object)},
        feature_defaults={NAME: ""},
        text={"string": "{name}", "size": 11, "color": _COLOUR, "anchor": "upper_left"},
        edge_color=_COLOUR,
        edge_width=1,
        face_color="transparent",
    )


def fill_names(shapes: Any) -> None:
    """Give the shapes that still lack a name their default one, if the layer has names at all.

    The next shape to be drawn is to have none: napari would give it that of the last one.
    """
    if NAME not in shapes.features:
        return
    for number, name in enumerate(shapes.features[NAME]):
        if not (isinstance(name, str) and name.strip()):
            rename(shapes, number, _name(shapes, number))
    defaults = shapes.feature_defaults.copy()
    if defaults[NAME].iloc[0] != "":
        defaults[NAME] = ""
        shapes.feature_defaults = defaults


def rename(shapes: Any, number: int, name: str) -> None:
    """Give a shape a name, kept in the layer's features."""
    features = shapes.features.copy()
    if NAME not in features:
        features[NAME] = ""
    features[NAME] = features[NAME].astype(object)
    features.loc[features.index[number], NAME] = name
    shapes.features = features
    shapes.refresh_text()


def _name(shapes: Any, number: int) -> str:
    if NAME in shapes.features:
        name = shapes.features[NAME].iloc[number]
        if isinstance(name, str) and name.strip():
            return name.strip()
    return f"{str(shapes.shape_type[number]).capitalize()} {number + 1}"


def _homogeneous(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.append(points, np.ones((len(points), 1)), axis=1)
