"""Where the losses of two runs act: their maps side by side, coloured by one scale."""

from typing import Any

from napari_lossviz.core import InputError
from napari_lossviz.ui.compare.modes import ComparisonView, Mode
from napari_lossviz.ui.result_layers import ResultLayers, show_loss

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

    def show(self, first: ResultLayers, second: ResultLayers, term: str) -> tuple[float, float]:
        """Show the maps of one term, and return the limits of their common scale.

        Raises
        ------
        InputError
            If a run has no map of the term.
        """
        self.stop()
        layers = [self._layer(one, term) for one in (first, second)]
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

    def _layer(self, layers: ResultLayers, term: str) -> Any:
        if term not in layers.loss_images:
            raise InputError(f"{layers.denoised.name!r} has no map of the loss {term!r}")
        show_loss(self._viewer, layers, term)
        return layers.losses[term]

    def _hide(self, _: str = "") -> None:
        made, self._made = self._made, []
        for layer in made:
            if layer in self._viewer.layers:
                layer.visible = False


def common_terms(first: ResultLayers | None, second: ResultLayers | None) -> tuple[str, ...]:
    """Return the terms of which both runs have a map."""
    if first is None or second is None or first is second:
        return ()
    return tuple(term for term in first.loss_images if term in second.loss_images)
