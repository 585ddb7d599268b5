"""Show one pair of a training: its tile in the layers, or its images from their files."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from napari.layers import Layer

from napari_lossviz.core import Image
from napari_lossviz.ui.layers import image_layer
from napari_lossviz.ui.result_layers import add_quietly
from napari_lossviz.ui.stain.preview_box import COLOURS, MEAN, limits_of, units_in

_ROOM = 1.1
_GAP = 1.05


def show_tile(viewer: Any, layer: Any, rows: tuple[int, int], columns: tuple[int, int]) -> None:
    """Bring a tile of a layer into sight.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : napari.layers.Image
    rows, columns : (int, int)
        Start and stop in its pixels.
    """
    corners = [np.asarray(layer.data_to_world(place), float)[-2:]
               for place in zip(rows, columns, strict=True)]  # fmt: skip
    _look_at(viewer, *corners)


def show_pair(viewer: Any, name: str, maps: Mapping[str, np.ndarray]) -> None:
    """Add the images of a pair and its mean trust as layers side by side, and look at them.

    Parameters
    ----------
    viewer : napari.Viewer
    name : str
    maps : mapping
        Of `jobs.train_stain.inspect_pair`.
    """
    side = maps["source"].shape[1]
    extent = viewer.layers.extent.world
    bottom = float(extent[1][-2]) if len(viewer.layers) else 0.0
    left = float(extent[0][-1]) if len(viewer.layers) else 0.0
    step = float(np.asarray(viewer.layers.extent.step)[-1]) if len(viewer.layers) else 1.0
    top = bottom + (_GAP - 1) * side * step if len(viewer.layers) else 0.0
    units = units_in(viewer)
    for place, key in enumerate((*COLOURS, MEAN)):
        array = maps[key]
        axes = "yxc" if array.ndim == 3 else "yx"
        data, settings, kind = image_layer(Image(array, axes, name=f"{name} {key}"))
        settings["scale"] = (step, step)
        settings["translate"] = (top, left + place * side * step * _GAP)
        settings["units"] = units
        if array.ndim == 2:
            settings["metadata"]["lossviz"]["role"] = "map"
            settings |= {"colormap": "viridis", "contrast_limits": limits_of(key)}
        add_quietly(viewer, Layer.create(data, settings, kind))
    size = side * step
    end = np.array([top + size, left + size * (1 + 3 * _GAP)])
    _look_at(viewer, np.array([top, left]), end)


def _look_at(viewer: Any, low: np.ndarray, high: np.ndarray) -> None:
    """Show a box of the world (y, x), with some room around it."""
    camera = viewer.scene.camera
    viewer.reset_view()  # everything, whatever the size of the canvas
    everything = np.ptp(np.asarray(viewer.layers.extent.world)[:, -2:], axis=0)
    camera.zoom *= float(np.min(everything / np.abs(high - low))) / _ROOM
    middle = 0.5 * (low + high)
    camera.center = (0.0, float(middle[0]), float(middle[1]))
