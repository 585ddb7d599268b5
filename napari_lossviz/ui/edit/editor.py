"""The Edit section of the dock: which result it acts on, and what follows."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_lossviz.core import Edit, LossvizError
from napari_lossviz.filter2noise.maps import MAP_UNITS
from napari_lossviz.filter2noise.result import Filter2NoiseResult
from napari_lossviz.ui.edit.actions import EditActions
from napari_lossviz.ui.edit.editor_panel import EditorPanel
from napari_lossviz.ui.edit.expert_box import MapInfo
from napari_lossviz.ui.edit.interpolation import gap_to_fill
from napari_lossviz.ui.edit.keys import LARGER, REDO, SMALLER, UNDO, LayerKeys, bind_in_panel
from napari_lossviz.ui.edit.live import LiveEdits
from napari_lossviz.ui.edit.painter import Painter

if TYPE_CHECKING:
    from napari_lossviz.ui.result_layers import ResultLayers

NO_RESULT = "Run Filter2Noise first: its sigma maps are then edited here."
_RESIZE = 1.15


class SigmaEditor(EditorPanel):
    """Paints sigma maps of a result; the denoised layer follows under the brush.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    edits_changed = Signal(object)
    """The current list of edits, a tuple."""

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(viewer, parent)
        self._viewer = viewer
        self._layers: ResultLayers | None = None
        self._live: LiveEdits | None = None
        # results not shown now, with edits to undo or slices that still lack one
        self._kept: list[tuple[ResultLayers, LiveEdits]] = []
        self._painter: Painter | None = None
        self._keys: LayerKeys | None = None
        self._closed = False
        self._trouble = NO_RESULT
        self._waiting = 0
        self._actions = EditActions(viewer, self, self._current)
        self._connect()
        self._update_state()

    # what the dock calls

    def edits(self) -> tuple[Edit, ...]:
        """Return the current list of edits."""
        return () if self._live is None else self._live.edits

    def base(self) -> tuple[Edit, ...]:
        """Return those of the edits that no brush made, see `set_base`."""
        return () if self._live is None else self._live.base

    def set_result(self, layers: "ResultLayers | None") -> None:
        """Edit this result from now on; None disables the editor and says why."""
        if self._closed or (layers is not None and layers is self._layers):
            return
        self._leave()
        self._trouble = NO_RESULT
        if layers is not None:
            try:
                self._enter(layers)
            except LossvizError as error:
                self._trouble = str(error)
        self._update_state()
        self.edits_changed.emit(self.edits())

    def set_base(self, edits: tuple[Edit, ...]) -> None:
        """Put edits under those of the brush, such as an overall strength.

        They are no step of undo and redo, and are not saved with the edits. Restore and reset go
        back to the predicted maps, without them.
        """
        if self._live is not None:
            self._live.set_base(edits)

    def finish_updates(self, timeout: float = 60.0) -> bool:
        """Bring all slices up to date, before an export; return whether they are.

        Parameters
        ----------
        timeout : float
            Seconds to wait at most.
        """
        return self._live is None or self._live.finish_updates(timeout)

    def close_session(self) -> None:
        """Stop all threads, give keys and callbacks back; the layers keep their pixels."""
        if self._closed:
            return
        self._leave()
        self._closed = True
        for _, live in self._kept:
            live.close()
        self._kept.clear()
        self.regions.release()
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        self._viewer.layers.selection.events.active.disconnect(self._update_status)
        self._viewer.dims.events.point.disconnect(self._on_slice)

    def _connect(self) -> None:
        self.paint.toggled.connect(self._on_paint)
        self.undo_buttons.undo_asked.connect(self.undo)
        self.undo_buttons.redo_asked.connect(self.redo)
        self.brush_panel.changed.connect(self._on_brush)
        bind_in_panel(self, "Ctrl+Z", self.undo)
        bind_in_panel(self, "Ctrl+Shift+Z", self.redo)
        self._viewer.layers.events.removed.connect(self._on_removed)
        self._viewer.layers.selection.events.active.connect(self._update_status)
        self._viewer.dims.events.point.connect(self._on_slice)
        # The dock's own end calls close_session; without one, the threads still stop.
        self.destroyed.connect(lambda: self.close_session())

    # from one result to another

    def _current(self) -> "tuple[ResultLayers, LiveEdits] | None":
        if self._layers is None or self._live is None:
            return None
        return self._layers, self._live

    def _enter(self, layers: "ResultLayers") -> None:
        result = layers.result
        if not isinstance(result, Filter2NoiseResult):
            self._trouble = "Only results of Filter2Noise have sigma maps to edit."
            return
        live = next((live for known, live in self._kept if known is layers), None)
        if live is None:
            live = LiveEdits(layers)
            live.failed.connect(self._on_failure)
        self._kept = [(known, kept) for known, kept in self._kept if known is not layers]
        layers.denoised.events.data.connect(self._on_data)
        live.edits_changed.connect(self._on_edits)
        live.waiting.connect(self._on_waiting)
        self._layers, self._live, self._trouble = layers, live, ""
        targets = [layers.denoised, *live.writer.followers]
        self._painter = Painter(
            self._viewer,
            targets,
            layers.denoised,
            live.writer.axes,
            self.brush,
            live,
            self._refuse,
        )
        actions = {
            UNDO: self.undo,
            REDO: self.redo,
            SMALLER: lambda: self.brush_panel.resize_by(1 / _RESIZE),
            LARGER: lambda: self.brush_panel.resize_by(_RESIZE),
        }
        self._keys = LayerKeys(targets, actions, self._painter.pause)
        self._offer(result)
        self._on_slice()
        self._on_paint(self.paint.isChecked())

    def _offer(self, result: Filter2NoiseResult) -> None:
        """Fit the widgets to a result."""
        predicted, source = result.predicted, result.source
        unit = source.value_unit
        maps = [
            MapInfo(
                name,
                unit if name == "sigma_r" else MAP_UNITS[name],
                float(np.median(predicted.expanded(name, 0, 0))),
            )
            for name in predicted.names
        ]
        self.brush_panel.set_maps(maps, predicted.stages)
        self.brush_panel.set_image_size(predicted.height, predicted.width)
        self.scope.set_image(unit, result.intensity_range, predicted.count)
        self.files.set_maps(predicted.names, predicted.stages)

    def _leave(self) -> None:
        """Stop to edit the present result; its edits are kept as long as its layer is there."""
        if self._painter is not None:
            self._painter.detach()
        if self._keys is not None:
            self._keys.release()
        if self._live is not None and self._layers is not None:
            self._layers.denoised.events.data.disconnect(self._on_data)
            self._live.finish()
            with suppress(TypeError, RuntimeError):  # Qt has done so where the panel is destroyed
                self._live.edits_changed.disconnect(self._on_edits)
                self._live.waiting.disconnect(self._on_waiting)
            history = self._live.history
            if history.can_undo or history.can_redo or not self._live.up_to_date:
                self._kept.append((self._layers, self._live))
            else:
                self._live.close()
        self._layers = self._live = self._painter = self._keys = None
        self._waiting = 0

    def _on_removed(self, event: Any) -> None:
        """Follow the viewer: the layer of a result is gone, or one that follows it."""
        layer = event.value
        if self._layers is not None and self._live is not None and self._painter is not None:
            if layer is self._layers.denoised:
                self._give_up(f"The layer {layer.name!r} was removed. {NO_RESULT}")
                return
            self._painter.forget(layer)
            self._live.writer.forget(layer)
        for pair in list(self._kept):
            if layer is pair[0].denoised:
                pair[1].close()
                self._kept.remove(pair)
            else:
                pair[1].writer.forget(layer)

    def _on_data(self, event: Any = None) -> None:
        """Leave a layer alone whose data the user has replaced."""
        if self._live is not None and not self._live.writer.intact:
            name = self._live.writer.denoised.name
            self._give_up(f"The data of the layer {name!r} was replaced. {NO_RESULT}")

    def _give_up(self, trouble: str) -> None:
        """Stop to edit the present result for good."""
        live = self._live
        self._leave()
        if live is not None:
            live.close()
        self._kept = [pair for pair in self._kept if pair[1] is not live]
        self._trouble = trouble
        self._update_state()
        self.edits_changed.emit(())

    # painting

    def _on_paint(self, on: bool) -> None:
        if self._painter is not None and self._live is not None and self._layers is not None:
            if on:
                self._layers.denoised.visible = True
                self._painter.attach()
                self._viewer.layers.selection.active = self._layers.denoised
                self._live.show(self._shown(), prepare=True)
            else:
                self._painter.detach()
        self._update_status()

    def _on_brush(self) -> None:
        if self._painter is not None:
            self._painter.resize()

    def _refuse(self, reason: str) -> None:
        self.status.setText(reason)

    def _shown(self) -> int:
        n = None if self._painter is None else self._painter.shown_slice()
        if n is None:
            return 0 if self._live is None else self._live.shown
        return n

    def _on_slice(self, event: Any = None) -> None:
        if self._live is not None:
            self._live.show(self._shown(), prepare=self.paint.isChecked())
            self._show_gap()

    # edits that are not painted

    def undo(self) -> None:
        """Take the last edit back."""
        if self._live is not None:
            self._live.undo()

    def redo(self) -> None:
        """Do again what was undone last."""
        if self._live is not None:
            self._live.redo()

    def reset(self) -> None:
        """Go back to the predicted maps."""
        self._actions.reset()

    # what is shown of all this

    def _on_edits(self) -> None:
        self._update_state()
        self.edits_changed.emit(self.edits())

    def _on_waiting(self, slices: int) -> None:
        self._waiting = slices
        self._update_status()

    def _on_failure(self, reason: str) -> None:
        show_error(f"The edit could not be applied: {reason}")

    def _show_gap(self) -> None:
        if self._live is not None:
            gap = gap_to_fill(self._live.edits, self._shown(), self._live.per_stack)
            self.scope.set_gap(gap)

    def _update_state(self) -> None:
        live = self._live
        self.set_usable(live is not None)
        history = None if live is None else live.history
        self.undo_buttons.set_possible(
            history is not None and history.can_undo, history is not None and history.can_redo
        )
        self.files.set_possible(history is not None and bool(history.edits))
        self._show_gap()
        self._update_status()

    def _update_status(self, event: Any = None) -> None:
        if self._closed:
            return
        if self._layers is None:
            text = self._trouble
        elif self._waiting:
            text = f"{self._waiting} slices are being brought up to date …"
        elif getattr(self._viewer.layers.selection.active, "_type_string", "") == "shapes":
            text = "Click corner after corner, double-click ends the region; then Apply inside."
        elif not self.paint.isChecked():
            text = f"Press Paint, then drag on {self._layers.denoised.name!r}."
        elif self._painter is not None and not self._painter.selected:
            text = f"Painting pauses: select the layer {self._layers.denoised.name!r} to go on."
        else:
            text = "Drag paints. Space and drag moves the image, [ and ] change the size."
        self.status.setText(text)
