"""Where the losses of two runs act: their maps side by side, coloured by one scale."""

from typing import Any

from napari_lossviz.core import Image
from napari_lossviz.ui.compare.modes import ComparisonView, Mode
from napari_lossviz.ui.lab.loss_map import LossMap

WORDS = ("A", "B")


class MapPair:
    """Shows maps of two runs next to each other until it is stopped; then the viewer is as before.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.view = ComparisonView(viewer, WORDS)
        self._made: list[Any] = []
        self.view.stopped.connect(self._hide)

    def show(self, maps: list[LossMap], images: list[Image | None]) -> tuple[float, float]:
        """Show two maps, and return the limits of their common scale.

        Parameters
        ----------
        maps : list of LossMap
        images : list of Image, optional
            What each of them reads.
        """
        self.stop()
        layers = [one.show(self._viewer, image) for one, image in zip(maps, images, strict=True)]
        ends = [layer.contrast_limits for layer in layers]
        limits = min(float(low) for low, _ in ends), max(float(high) for _, high in ends)
        for layer in layers:
            layer.visible = False  # as it is afterwards
        self._made = layers
        self.view.start(Mode.SIDE_BY_SIDE, *layers)
        for layer in layers:
            layer.visible = True
            layer.colorbar.position = "bottom_right"  # the captions are above
        # the two are linked: the other one follows
        layers[0].contrast_limits_range = layers[1].contrast_limits_range = limits
        layers[0].contrast_limits = layers[1].contrast_limits = limits
        return limits

    def stop(self) -> None:
        """Show the viewer as it was."""
        self.view.stop()
        self._hide()

    def close(self) -> None:
        """Stop for good."""
        self.view.close()
        self._hide()

    def _hide(self, _: str = "") -> None:
        made, self._made = self._made, []
        for layer in made:
            if layer in self._viewer.layers:
                layer.visible = False
