"""What the losses see: where and how strongly each pulls the prediction, as layers."""

from functools import partial
from typing import Any

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QSizePolicy, QWidget

from napari_lossviz.core import NamedImage
from napari_lossviz.jobs.loss_maps import gradient_of_loss
from napari_lossviz.losses.catalogue import CATALOGUE
from napari_lossviz.ui.compare.canvas_turn import take_canvas
from napari_lossviz.ui.engine_process import Call, EngineProcess
from napari_lossviz.ui.gradients.grid import GradientGrid
from napari_lossviz.ui.gradients.pair import BETTI, GradientPair
from napari_lossviz.ui.layers import derived_layer
from napari_lossviz.ui.result_layers import add_quietly, remove_quietly
from napari_lossviz.ui.tipped_choice import TippedChoice

NOTHING, ALL = "nothing", "all, side by side"
LOSSES = {loss.title: name for name, loss in CATALOGUE.items()}
_SHORT = {loss.title: loss.short or loss.title for loss in CATALOGUE.values()}
"""What a loss is called above its cell, which is narrow."""


class GradientBox(QWidget):
    """Shows the gradient of one loss, or those of all side by side.

    Others than Betti's come from the engine process.

    Parameters
    ----------
    viewer : napari.Viewer
    engine : EngineProcess
    """

    comparing = Signal()
    """All are about to be side by side: whatever else changes the view has to end."""
    compared = Signal(bool)
    """All are side by side from now on, or no longer."""

    def __init__(self, viewer: Any, engine: EngineProcess, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._engine = engine
        self._pair: GradientPair | None = None
        self._call: Call | None = None
        self._grid: GradientGrid | None = None
        self.shown: dict[str, Any] = {}
        """Layers by title of the loss, those that were made."""
        self.choice = TippedChoice()
        self.choice.addItems([NOTHING, BETTI, *LOSSES, ALL])
        self.choice.setToolTip(
            "Derivative of the loss by each pixel of the prediction. Blue: the loss falls if the "
            "value rises; orange: it must fall. The strongest pull has the fullest colour; a "
            "quarter of it is half as opaque"
        )
        for row in range(self.choice.count()):
            if name := LOSSES.get(self.choice.itemText(row)):
                said = f"{CATALOGUE[name].pulls} ({CATALOGUE[name].source})"
                self.choice.setItemData(row, said, Qt.ItemDataRole.ToolTipRole)
        self.choice.currentTextChanged.connect(self.choice.show_name)
        self.choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.choice.setMinimumContentsLength(8)
        adjust = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.choice.setSizeAdjustPolicy(adjust)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.hide()
        self.one_scale = QCheckBox("One scale for all")
        self.one_scale.setToolTip(
            "Colour all losses by the strongest pull of any of them. Off: each by its own, since a "
            "loss's weight scales it at will"
        )
        self.one_scale.hide()
        rows = QFormLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addRow("Gradient of", self.choice)
        rows.addRow(self.one_scale)
        rows.addRow(self.status)
        self.one_scale.toggled.connect(self._on_scale)
        self.choice.currentTextChanged.connect(self._on_choice)

    @property
    def waiting(self) -> bool:
        """Whether a gradient is still to come."""
        return self._call is not None

    @property
    def grid(self) -> GradientGrid | None:
        """The gradients side by side, while they are."""
        return self._grid

    def set_pair(self, pair: GradientPair | None) -> None:
        """Show gradients of this pair from now on; None: there is none."""
        self._stop()
        self._end_grid()
        before = {} if self._pair is None else self._pair.known
        computed = [layer for title, layer in self.shown.items() if title not in before]
        self._pair = pair
        self.shown = {} if pair is None else dict(pair.known)
        remove_quietly(self._viewer, computed)
        self.choice.setEnabled(pair is not None)
        self.choice.setCurrentText(NOTHING)

    def stop_comparing(self) -> None:
        """Show none, where all are side by side: the grid is in the way of other views."""
        if self.choice.currentText() == ALL:
            self.choice.setCurrentText(NOTHING)

    def close_box(self) -> None:
        """Wait for nothing any more."""
        self._stop()
        self._end_grid()
        self._pair = None

    def _on_choice(self, title: str) -> None:
        self._stop()
        self._end_grid()
        self._say("")
        self._show()

    def _show(self) -> None:
        """Show what is chosen, or compute what it still needs."""
        pair, title = self._pair, self.choice.currentText()
        for other, layer in self.shown.items():
            layer.visible = other == title
        if pair is None or title == NOTHING:
            return
        wanted = (BETTI, *LOSSES) if title == ALL else (title,)
        there = {
            one: self.shown[one] for one in wanted if self.shown.get(one) in self._viewer.layers
        }
        missing = [one for one in wanted if one in LOSSES and one not in there]
        if missing:  # Betti's goes with the result, and is not made again
            self._compute(pair, missing[0])
        elif title == ALL:
            self.comparing.emit()
            take_canvas(self._viewer, self.stop_comparing)
            self.one_scale.show()
            named = {_SHORT.get(one, one): layer for one, layer in there.items()}
            self._grid = GradientGrid(self._viewer, pair, named)
            self._grid.set_one_scale(self.one_scale.isChecked())
            self.compared.emit(True)

    def _compute(self, pair: GradientPair, title: str) -> None:
        self._say(f"computing {title} …")
        call = self._call = self._engine.call(
            f"Gradient of {title}",
            gradient_of_loss,
            LOSSES[title],
            pair.prediction,
            pair.target,
            pair.filtration,
        )
        call.finished.connect(partial(self._add, pair, title))
        call.failed.connect(lambda _, message: self._on_failed(message))
        call.cancelled.connect(lambda: self._on_failed(""))

    def _add(self, pair: GradientPair, title: str, gradient: NDArray[np.float32]) -> None:
        self._call = None
        self._say("")
        if pair is not self._pair or pair.layer not in self._viewer.layers:
            return
        named = NamedImage(f"gradient of {title}", gradient, "gradient")
        layer = Layer.create(*derived_layer(named, pair.image, pair.layer))
        add_quietly(self._viewer, layer)
        self.shown[title] = layer
        self._show()

    def _on_scale(self, shared: bool) -> None:
        if self._grid is not None:
            self._grid.set_one_scale(shared)

    def _end_grid(self) -> None:
        grid, self._grid = self._grid, None
        self.one_scale.hide()
        if grid is not None:
            grid.close()
            self.compared.emit(False)

    def _on_failed(self, message: str) -> None:
        self._call = None
        self._say(message)

    def _stop(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            for signal in (call.finished, call.failed, call.cancelled):
                signal.disconnect()
            call.cancel()

    def _say(self, text: str) -> None:
        self.status.setText(text)
        self.status.setVisible(bool(text))
