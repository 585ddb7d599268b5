"""Thumbnails of layers that nobody has seen yet."""

from typing import Any

import numpy as np


def draw_thumbnail(layer: Any) -> None:
    """Draw the thumbnail of a hidden image layer from its middle slice.

    napari slices a layer only when it is visible: until then its thumbnail would be black, and a
    list of maps a list of black squares.

    Parameters
    ----------
    layer : napari.layers.Image
        Of one channel, its array in memory.
    """
    if layer.rgb or not isinstance(layer.data, np.ndarray):
        return
    plane = layer.data[tuple(side // 2 for side in layer.data.shape[:-2])]
    side = layer.thumbnail.shape[0]
    step = max(1, -(-max(plane.shape) // side))
    small = np.nan_to_num(plane[::step, ::step].astype(np.float64))
    low, high = layer.contrast_limits
    shares = np.clip((small - low) / max(high - low, np.finfo(float).tiny), 0, 1)
    layer.thumbnail = layer.colormap.map(shares.ravel()).reshape(*small.shape, 4)
