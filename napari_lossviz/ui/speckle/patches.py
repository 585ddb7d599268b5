"""The homogeneous areas that were found, as a layer."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_lossviz.core import Box
from napari_lossviz.ui.layers import LayerData


def patches_layer(patches: Sequence[Box], source: Any) -> LayerData:
    """Return the Shapes layer of some boxes on an image's layer.

    Parameters
    ----------
    patches : sequence of Box
    source : napari.layers.Image
    """
    corners = [
        np.array([(box.y0, box.x0), (box.y0, box.x1), (box.y1, box.x1), (box.y1, box.x0)]) - 0.5
        for box in patches
    ]
    settings = {
        "name": f"{source.name} homogeneous areas",
        "shape_type": "rectangle",
        "scale": tuple(source.scale[-2:]),
        "translate": tuple(source.translate[-2:]),
        "units": tuple(source.units[-2:]),
        "axis_labels": tuple(source.axis_labels[-2:]),
        "face_color": "transparent",
        "edge_color": "cyan",
        "edge_width": 1,
    }
    return corners, settings, "shapes"
