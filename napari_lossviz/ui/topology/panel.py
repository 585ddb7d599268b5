"""The Features section: figures, error navigator, plots, and what the losses see."""

from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz.ui.engine_process import EngineProcess
from napari_lossviz.ui.field_widgets import FloatBox
from napari_lossviz.ui.gradients import GradientBox, pair_of_result
from napari_lossviz.ui.result_layers import ResultLayers
from napari_lossviz.ui.topology.barcode import Barcode
from napari_lossviz.ui.topology.canvas_keys import CanvasKeys
from napari_lossviz.ui.topology.caption import Caption
from napari_lossviz.ui.topology.chosen import ChosenFeature
from napari_lossviz.ui.topology.diagram import Diagram
from napari_lossviz.ui.topology.feature_list import FeatureList
from napari_lossviz.ui.topology.overlays import Overlays
from napari_lossviz.ui.topology.picking import Picking
from napari_lossviz.ui.topology.table_view import FeatureTableView
from napari_lossviz.ui.topology.words import CONVENTIONS, figures_as_sums

NO_RESULT = "Run Betti matching first; the features of both images are then listed here."

_STEPS = 1000
_LINES = 4
"""Of the caption: two for each side of a match."""
_SOON = 40
"""Milliseconds from a move of the slider to what it changes."""


class FeaturesPanel(QWidget):
    """Lists the features of a result and shows them on the images.

    Parameters
    ----------
    viewer : napari.Viewer
    engine : EngineProcess
    """

    def __init__(self, viewer: Any, engine: EngineProcess, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layers: ResultLayers | None = None
        self._highest = 1.0
        self.features = FeatureList(self)
        self.view = FeatureTableView(self.features)
        self.overlays = Overlays(viewer, self.features)
        self.chosen = ChosenFeature(viewer, self.features, self.overlays, self)
        self.picking = Picking(viewer, self.features, self.overlays)
        self.barcode = Barcode(self.features)
        self.diagram = Diagram(self.features)
        self.gradients = GradientBox(viewer, engine)
        self.figures = QLabel(NO_RESULT)
        self.figures.setWordWrap(True)
        self.caption = Caption(_LINES)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.least = FloatBox(0.0, 1e12)
        for widget in (self.slider, self.least):
            widget.setMinimumWidth(60)
        tip = (
            "Features of a lower persistence count as noise: they are not listed, and what matches "
            "only such a one is false or missed. The figures above count everything"
        )
        for widget in (self.slider, self.least):
            widget.setToolTip(tip)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON)
        self._build()
        self._connect()
        self.view.bind_keys(self)
        self.keys = CanvasKeys(viewer, self.view.keys())
        self.set_result(None)

    def set_result(self, layers: ResultLayers | None) -> None:
        """Show the features of this result from now on; None: there is none."""
        if layers is not None and layers is self._layers:
            return
        self._layers = layers
        result = None if layers is None else layers.result
        self.features.set_result(result)
        self.overlays.show(layers)
        self.chosen.show(layers)
        self.gradients.set_pair(None if layers is None else pair_of_result(layers))
        self.figures.setText(NO_RESULT if result is None else figures_as_sums(result))
        self.figures.setToolTip("" if result is None else CONVENTIONS)
        for widget in (self.view, self.slider, self.least):
            widget.setEnabled(result is not None)
        if result is not None:
            persistence = result.features(0.0).persistence
            finite = persistence[persistence < float("inf")]
            self._highest = float(finite.max()) if len(finite) else 1.0
            self._show_least(self.features.least)

    def restore(self, layers: ResultLayers) -> None:
        """Show again what the user removed of a result's features, if it is the one listed."""
        made = (*self.overlays.layers.values(), self.chosen.points, self.chosen.pixels)
        if layers is self._layers and any(one not in self._viewer.layers for one in made):
            self.overlays.show(layers)
            self.chosen.show(layers)
            self.chosen.draw_again()

    def close_panel(self) -> None:
        """Follow the viewer no longer; the layers stay."""
        self._layers = None
        self.picking.close()
        self.keys.release()
        self._soon.stop()
        self.chosen.stop()
        self.gradients.close_box()

    def _on_slider(self, step: int) -> None:
        # by the square, since there is far more noise than anything else
        self._show_least(float(f"{self._highest * (step / _STEPS) ** 2:.3g}"), move=False)
        self._soon.start()

    def _on_box(self, value: float) -> None:
        self._show_least(value)
        self._soon.start()

    def _show_least(self, value: float, *, move: bool = True) -> None:
        blocked = self.least.blockSignals(True)
        self.least.setValue(value)
        self.least.blockSignals(blocked)
        if move:
            blocked = self.slider.blockSignals(True)
            share = min(value / self._highest, 1.0) if self._highest > 0 else 0.0
            self.slider.setValue(round(share**0.5 * _STEPS))
            self.slider.blockSignals(blocked)

    def _describe(self, text: str) -> None:
        self.caption.setText(text)

    def _connect(self) -> None:
        self.slider.valueChanged.connect(self._on_slider)
        self.least.valueChanged.connect(self._on_box)
        self._soon.timeout.connect(lambda: self.features.set_least(self.least.value()))
        self.chosen.described.connect(self._describe)
        self.gradients.compared.connect(self.chosen.set_aside)

    def _build(self) -> None:
        noise = QHBoxLayout()
        noise.addWidget(self.slider, 1)
        noise.addWidget(self.least)
        rows = QFormLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addRow("Persistence ≥", noise)
        plots = QHBoxLayout()
        plots.setSpacing(2)
        plots.addWidget(self.barcode, 1)
        plots.addWidget(self.diagram, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        layout.addWidget(self.figures)
        layout.addLayout(rows)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.caption)
        layout.addLayout(plots)
        layout.addWidget(self.gradients)
