"""The region that is judged: a Shapes layer, from and to QuPath's GeoJSON."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QPushButton, QVBoxLayout, QWidget
from superqt import QFlowLayout

from napari_lossviz.core import InputError, LossvizError
from napari_lossviz.io.qupath_regions import read_qupath_regions, write_qupath_regions
from napari_lossviz.ui.compare.layer_choice import LayerChoice
from napari_lossviz.ui.edit.outlines import outlines_layer, outlines_of
from napari_lossviz.ui.result_layers import add_quietly

_KINDS = "GeoJSON (*.geojson *.json)"


class RegionRow(QWidget):
    """A choice among Shapes layers; below it, buttons to draw one and for files.

    Parameters
    ----------
    viewer : napari.Viewer
    reference : callable
        Returns the layer in whose pixels regions lie, or None.
    """

    failed = Signal(str)
    """Why a file could not be read or written."""

    def __init__(
        self, viewer: Any, reference: Callable[[], Any], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._reference = reference
        self.choice = LayerChoice(viewer, "shapes", "everywhere", optional=True)
        self.draw_button = QPushButton()
        self.draw_button.setText("Draw")
        self.draw_button.setToolTip(
            "Add a Shapes layer and drag rectangles; other shapes are among the layer controls"
        )
        self.open_button = QPushButton()
        self.open_button.setText("Open…")
        self.open_button.setToolTip(
            "Regions from QuPath (GeoJSON), in pixels of the full resolution"
        )
        self.save_button = QPushButton()
        self.save_button.setText("Save…")
        self.save_button.setToolTip(
            "The selected shapes, or all of them, as GeoJSON that QuPath opens"
        )
        buttons = QFlowLayout()  # a large font needs two lines
        buttons.setSpacing(4)
        for button in (self.draw_button, self.open_button, self.save_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.choice)
        layout.addLayout(buttons)
        self.draw_button.clicked.connect(self.draw)
        self.open_button.clicked.connect(self._ask_and_open)
        self.save_button.clicked.connect(self._ask_and_save)
        self.choice.layer_changed.connect(lambda _: self.update_buttons())
        self.update_buttons()

    @property
    def layer(self) -> Any:
        """The Shapes layer chosen, or None."""
        return self.choice.layer

    def outlines(self) -> list[Any]:
        """Return the outlines (N, 2) chosen, (y, x) in pixels of the reference; empty: everywhere.

        Raises
        ------
        InputError
            If a layer is chosen that has none.
        """
        if self.layer is None:
            return []
        return list(outlines_of(self.layer, self._reference(), self._viewer.dims.point))

    def draw(self) -> None:
        """Add an empty Shapes layer over the reference, choose it, and let rectangles be drawn."""
        layer = Layer.create(*outlines_layer(self._reference()))
        self._viewer.add_layer(layer)  # selected: the mouse draws in it
        self.choice.choose(layer)
        layer.mode = "add_rectangle"

    def lift(self) -> None:
        """Put the regions above layers that came after them; the selection stays as it is."""
        layers = self._viewer.layers
        if self.layer in layers:
            layers.move(layers.index(self.layer), len(layers))

    def open_file(self, path: Path) -> None:
        """Add the regions of a file as a Shapes layer, and choose it.

        Raises
        ------
        InputError
            If it holds none.
        """
        regions = read_qupath_regions(path)
        _, settings, kind = outlines_layer(self._reference())
        settings |= {
            "name": path.stem,
            "shape_type": "polygon",
            "features": {"name": [region.name for region in regions]},
        }
        layer = Layer.create([region.outline for region in regions], settings, kind)
        add_quietly(self._viewer, layer)
        self.choice.choose(layer)

    def save_file(self, path: Path, *, overwrite: bool = False) -> None:
        """Write the outlines.

        Raises
        ------
        InputError, OutputExistsError, OutputError
        """
        if self.layer is None:
            raise InputError("no region chosen to save: draw one in a Shapes layer")
        outlines = self.outlines()
        names = self.layer.features.get("name")
        known = names is not None and len(names) == len(outlines)
        titles = [str(name) for name in names] if known else ()
        write_qupath_regions(outlines, path, names=titles, overwrite=overwrite)

    def update_buttons(self) -> None:
        """Offer what can be done now."""
        there = self._reference() is not None
        self.draw_button.setEnabled(there)
        self.open_button.setEnabled(there)
        self.save_button.setEnabled(there and self.layer is not None)

    def close_row(self) -> None:
        """Follow the viewer no longer."""
        self.choice.close_choice()

    def _ask_and_open(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Open regions", "", _KINDS)
        if name:
            self._try(lambda: self.open_file(Path(name)))

    def _ask_and_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Save regions", "regions.geojson", _KINDS)
        if name:  # the dialog has asked
            self._try(lambda: self.save_file(Path(name), overwrite=True))

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except LossvizError as error:
            self.failed.emit(str(error))
