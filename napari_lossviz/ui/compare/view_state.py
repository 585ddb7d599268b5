"""How the viewer looked, to put it back exactly."""

from typing import Any

_DISPLAY = (
    "contrast_limits_range",  # before the limits, which it would clip
    "contrast_limits",
    "gamma",
    "colormap",
    "interpolation2d",
    "opacity",
    "blending",
)
_GRID = ("stride", "shape", "spacing", "enabled")
_CAMERA = ("angles", "center", "zoom")


class ViewState:
    """Camera, grid, visibility of all layers and the display settings of some.

    Parameters
    ----------
    viewer : napari.Viewer
    layers : sequence of napari.layers.Image
        Whose contrast, colormap, opacity and so on are remembered too.

    Attributes
    ----------
    visible : dict of layer to bool
        Which layers were visible.
    """

    def __init__(self, viewer: Any, layers: tuple[Any, ...]) -> None:
        self._viewer = viewer
        self.visible = {layer: layer.visible for layer in viewer.layers}
        self._display = {
            layer: {name: getattr(layer, name) for name in display_settings(layer)}
            for layer in layers
        }
        self._grid = {name: getattr(viewer.canvas.grid, name) for name in _GRID}
        self._camera = {name: getattr(viewer.scene.camera, name) for name in _CAMERA}
        self._ndisplay = viewer.dims.ndisplay

    def restore(self) -> None:
        """Put everything back; layers that are gone and layers that are new are left alone."""
        for layer, settings in self._display.items():
            for name, value in settings.items():
                _set(layer, name, value)
        for layer, visible in self.visible.items():
            if layer in self._viewer.layers:
                _set(layer, "visible", visible)
        self.restore_grid_and_camera()

    def restore_grid_and_camera(self) -> None:
        """Put only grid and camera back.

        The camera stays where it is if the viewer went between 2D and 3D meanwhile.
        """
        for name, value in self._grid.items():
            _set(self._viewer.canvas.grid, name, value)
        if self._viewer.dims.ndisplay == self._ndisplay:
            for name, value in self._camera.items():
                _set(self._viewer.scene.camera, name, value)


def display_settings(layer: Any) -> tuple[str, ...]:
    """Return the names of the settings that decide how an Image layer's values look."""
    return _DISPLAY[4:] if layer.rgb else _DISPLAY


def _set(owner: Any, name: str, value: Any) -> None:
    """Set an attribute unless it has that value: setting costs a redraw."""
    if getattr(owner, name) != value:
        setattr(owner, name, value)
