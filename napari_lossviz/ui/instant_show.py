"""Shows the instant result of every image that is chosen, once, in layers of its own."""

from functools import partial
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_lossviz.core import InputError, MethodConfig, NamedImage, Result
from napari_lossviz.jobs.registry import Method
from napari_lossviz.ui.instant import InstantRun
from napari_lossviz.ui.layers import METADATA_KEY, image_from_layer, role_of
from napari_lossviz.ui.live_view import LiveView
from napari_lossviz.ui.result_layers import ResultLayers, add_result, followers, results_in
from napari_lossviz.ui.turns import Turns


class InstantShow(QObject):
    """Keeps in mind which images were shown; an image whose pixels are replaced counts as new.

    Parameters
    ----------
    viewer : napari.Viewer
    method : Method
    preset : str
        Name of the torch-free preset.
    """

    began = Signal()
    ended = Signal()
    """With or without a result; before `ready` and `failed`."""
    ready = Signal(object)
    """`ResultLayers`."""
    failed = Signal(str)

    def __init__(
        self, viewer: Any, method: Method, preset: str, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._method = method
        self._live: LiveView | None = None
        self._turns = Turns(self)
        # Weakly, the results too: they hold their source's layer, and with it all its pixels.
        self._seen: WeakKeyDictionary[Any, tuple[int, ReferenceType[ResultLayers] | None]] = (
            WeakKeyDictionary()
        )
        self.run = InstantRun(method, preset, self)
        self.run.first_slice.connect(self._on_first_slice)
        self.run.part.connect(self._on_part)
        self.run.finished.connect(self._on_finished)
        self.run.failed.connect(self._on_failed)

    @property
    def running(self) -> bool:
        """Whether a result is on its way."""
        return self.run.running

    def offer(self, layer: Any) -> None:
        """Show the instant result of a layer, unless it was shown, failed, or is a result."""
        if layer is None or role_of(layer):
            return
        known = self._seen.get(layer)
        if known is None and any(one.source is layer for one in results_in(self._viewer)):
            self._seen[layer] = (id(layer.data), None)  # another dock has shown it
        elif known is None or known[0] != id(layer.data):
            self.start(layer, self._method.preset(self.run.preset))

    def start(self, layer: Any, config: MethodConfig) -> None:
        """Compute and show the result of a layer, whatever was shown before."""
        self.cancel()
        self.began.emit()
        self.run.start(layer, config, place_on_screen(self._viewer, layer))

    def cancel(self) -> None:
        """Stop what is on its way."""
        if self.run.running:
            self.run.cancel()
            self._end()

    def close(self, *, tidy: bool) -> None:
        """Stop all threads, and add nothing any more.

        Parameters
        ----------
        tidy : bool
            The window stays: show what has come whole, and take away what shows the way there.
        """
        if tidy:
            self._turns.finish()
        self._turns.clear()
        self.run.close()
        live, self._live = self._live, None
        if tidy and live is not None:
            live.end()

    def _end(self) -> None:
        if self._live is not None:
            self._live.end()
            self._live = None
        self.ended.emit()

    def _on_first_slice(self, layer: Any, array: np.ndarray, place: tuple[int, ...]) -> None:
        if layer in self._viewer.layers:
            image = image_from_layer(layer)
            self._live = LiveView(self._viewer, image, layer, place, leads=False)
            self._live.show({"denoised": array})

    def _on_part(self, index: tuple[int | slice, ...], pixels: np.ndarray) -> None:
        if self._live is not None:
            self._live.show_part(index, pixels)

    def _on_finished(self, layer: Any, result: Result, images: list[NamedImage]) -> None:
        live, self._live = self._live, None
        self._turns.add(partial(self._add, layer, result, images, live))
        self.ended.emit()

    def _add(
        self, layer: Any, result: Result, images: list[NamedImage], live: LiveView | None
    ) -> None:
        if layer not in self._viewer.layers:
            if live is not None:
                live.end()
            return
        _, earlier = self._seen.get(layer, (0, None))
        before = None if earlier is None else earlier()
        layers = add_result(
            self._viewer,
            result,
            layer,
            label=self.run.preset,
            images=images,
            main_only=True,
            preview=None if live is None else live.give_preview(),
        )
        self._seen[layer] = (id(layer.data), ref(layers))
        self._turns.add(partial(self.ready.emit, layers), *followers(self._viewer, layers))
        if before is not None and not _was_edited(before):
            self._turns.add(*before.removals(self._viewer))

    def _on_failed(self, layer: Any, message: str) -> None:
        self._end()
        self._seen[layer] = (id(layer.data), None)  # not again by itself
        self.failed.emit(message)


def place_on_screen(viewer: Any, layer: Any) -> dict[str, int]:
    """Return the index along t and z of the slice of a layer that is on the screen.

    Empty for a single image, and where the axes cannot be told.
    """
    try:
        axes = image_from_layer(layer).axes
    except InputError:
        return {}
    shown = axes.replace("c", "")
    if "c" in axes and not layer.rgb:
        shown = "c" + shown
    point = dict(zip(shown, layer.world_to_data(viewer.dims.point), strict=True))
    size = dict(zip(shown, layer.data.shape, strict=False))
    return {
        axis: int(np.clip(np.round(point[axis]), 0, size[axis] - 1))
        for axis in "tz"
        if axis in point
    }


def _was_edited(layers: ResultLayers) -> bool:
    return bool(layers.denoised.metadata.get(METADATA_KEY, {}).get("edits"))
