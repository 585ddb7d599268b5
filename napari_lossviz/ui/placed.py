"""Where a layer lies that belongs to another one."""

from typing import Any

from napari_lossviz.ui.layers import METADATA_KEY, ROLE_KEY


def placed_like(layer: Any, role: str) -> dict[str, Any]:
    """Return the settings of a layer of a role that lies where an image's layer lies."""
    return {
        "scale": layer.scale,
        "translate": layer.translate,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
        "affine": layer.affine,
        "metadata": {METADATA_KEY: {ROLE_KEY: role}},
    }
