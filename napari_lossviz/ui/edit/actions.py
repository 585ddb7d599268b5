"""Edits that are not painted: regions, everywhere, filled slices, reset, files."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Layer
from napari.utils.notifications import show_error
from qtpy.QtWidgets import QFileDialog

from napari_lossviz.core import LossvizError, Reset
from napari_lossviz.ui.edit.edit_files import load_edits, save_edits
from napari_lossviz.ui.edit.editor_panel import EditorPanel
from napari_lossviz.ui.edit.interpolation import edits_between, gap_to_fill
from napari_lossviz.ui.edit.live import LiveEdits
from napari_lossviz.ui.edit.outlines import outlines_layer, outlines_of

if TYPE_CHECKING:
    from napari_lossviz.ui.result_layers import ResultLayers

_FILES = "JSON (*.json)"


class EditActions:
    """What the buttons of the panel do to the result under edit.

    Parameters
    ----------
    viewer : napari.Viewer
    panel : EditorPanel
    current : callable
        Gives the result under edit and its edits, or None.
    """

    def __init__(
        self,
        viewer: Any,
        panel: EditorPanel,
        current: Callable[[], "tuple[ResultLayers, LiveEdits] | None"],
    ) -> None:
        self._viewer = viewer
        self._panel = panel
        self._current = current
        panel.scope.fill_asked.connect(self.fill_gap)
        panel.regions.shapes_asked.connect(self.apply_to_shapes)
        panel.regions.whole_asked.connect(self.apply_everywhere)
        panel.regions.draw_asked.connect(self.draw_regions)
        panel.files.reset_asked.connect(self.reset)
        panel.files.save_asked.connect(self.ask_and_save)
        panel.files.load_asked.connect(self.ask_and_load)

    def apply_to_shapes(self, shapes: Any) -> None:
        """Do inside the shapes of a layer what the brush does."""
        if (current := self._current()) is None:
            return
        layers, live = current
        try:
            outlines = outlines_of(shapes, layers.denoised, self._viewer.dims.point)
        except LossvizError as error:
            self._complain(error)
            return
        brush = self._panel.brush()
        live.add(*(brush.region(vertices, live.shown) for vertices in outlines))

    def apply_everywhere(self) -> None:
        """Do to every pixel of the slices in scope what the brush does."""
        if (current := self._current()) is not None:
            _, live = current
            live.add(self._panel.brush().whole(live.shown))

    def draw_regions(self) -> None:
        """Add a Shapes layer to draw in, with the polygon tool at hand."""
        if (current := self._current()) is not None:
            layers, _ = current
            layer = self._viewer.add_layer(Layer.create(*outlines_layer(layers.denoised)))
            layer.mode = "add_polygon"
            self._panel.regions.choose(layer)

    def fill_gap(self) -> None:
        """Interpolate for the slices between two painted ones."""
        if (current := self._current()) is not None:
            _, live = current
            gap = gap_to_fill(live.edits, live.shown, live.per_stack)
            if gap is not None:
                live.add(*edits_between(live.edits, *gap))

    def reset(self, which: tuple[str, int] | None = None) -> None:
        """Go back to the predicted maps: all, or one map of one stage."""
        if (current := self._current()) is None:
            return
        _, live = current
        if which is None:
            live.replace(())
            return
        name, stage = which
        ranges = [edit.slices for edit in live.history.edits]
        touched = [pair for pair in ranges if pair is not None]
        slices = None
        if touched and len(touched) == len(ranges):
            slices = min(a for a, _ in touched), max(b for _, b in touched)
        live.add(Reset(map=name, stage=stage, operation="restore", slices=slices))

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the edits to a JSON file."""
        if (current := self._current()) is not None:
            _, live = current
            save_edits(live.history.edits, path, overwrite=overwrite)

    def load(self, path: str | Path) -> None:
        """Replace the edits by those of a JSON file."""
        if (current := self._current()) is not None:
            layers, live = current
            predicted = layers.result.predicted
            live.replace(load_edits(path, predicted.names, predicted.stages))

    def ask_and_save(self) -> None:
        """Ask for a file and write the edits to it."""
        path, _ = QFileDialog.getSaveFileName(self._panel, "Save edits", "edits.json", _FILES)
        if path:
            try:
                self.save(path, overwrite=True)  # the dialog has asked
            except LossvizError as error:
                self._complain(error)

    def ask_and_load(self) -> None:
        """Ask for a file and take the edits from it."""
        path, _ = QFileDialog.getOpenFileName(self._panel, "Load edits", "", _FILES)
        if path:
            try:
                self.load(path)
            except LossvizError as error:
                self._complain(error)

    def _complain(self, error: LossvizError) -> None:
        self._panel.status.setText(str(error))
        show_error(str(error))
