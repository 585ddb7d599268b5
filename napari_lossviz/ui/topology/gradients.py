"""What the losses see: where and how strongly each pulls the prediction, as layers."""

from functools import partial
from typing import Any

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QSizePolicy, QWidget

from napari_lossviz.core import NamedImage
from napari_lossviz.jobs.loss_maps import gradient_of_loss
from napari_lossviz.ui.engine_process import Call, EngineProcess
from napari_lossviz.ui.layers import derived_layer
from napari_lossviz.ui.result_layers import ResultLayers, add_quietly

NOTHING, BETTI = "nothing", "Betti matching"
LOSSES = {"Dice": "dice", "clDice": "cldice", "cross-entropy": "cross_entropy"}


class GradientBox(QWidget):
    """Shows the gradient of one loss at a time; others than Betti's come from the engine process.

    Parameters
    ----------
    viewer : napari.Viewer
    engine : EngineProcess
    """

    def __init__(self, viewer: Any, engine: EngineProcess, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._engine = engine
        self._layers: ResultLayers | None = None
        self._call: Call | None = None
        self.shown: dict[str, Any] = {}
        """Layers by title of the loss, those that were made."""
        self.choice = QComboBox()
        self.choice.addItems([NOTHING, BETTI, *LOSSES])
        self.choice.setToolTip(
            "Derivative of the loss by each pixel of the prediction. Blue: the loss falls if the "
            "value rises; orange: it must fall; strongest colour: the strongest pull"
        )
        self.choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.hide()
        rows = QFormLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addRow("Gradient of", self.choice)
        rows.addRow(self.status)
        self.choice.currentTextChanged.connect(self._on_choice)

    @property
    def waiting(self) -> bool:
        """Whether a gradient is still to come."""
        return self._call is not None

    def set_result(self, layers: ResultLayers | None) -> None:
        """Show gradients of this result from now on."""
        self._stop()
        for title, layer in self.shown.items():
            if title != BETTI and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._layers = layers
        self.shown = {} if layers is None else {BETTI: layers.denoised}
        self.choice.setEnabled(layers is not None)
        self.choice.setCurrentText(NOTHING)

    def close_box(self) -> None:
        """Wait for nothing any more."""
        self._stop()
        self._layers = None

    def _on_choice(self, title: str) -> None:
        self._stop()
        self._say("")
        layers = self._layers
        for other, layer in self.shown.items():
            layer.visible = other == title
        if layers is None or title == NOTHING:
            return
        if self.shown.get(title) in self._viewer.layers:
            return
        if title == BETTI:
            return
        result = layers.result
        self._say("computing …")
        call = self._call = self._engine.call(
            f"Gradient of {title}",
            gradient_of_loss,
            LOSSES[title],
            result.prediction,
            result.target,
        )
        call.finished.connect(partial(self._add, layers, title))
        call.failed.connect(lambda _, message: self._on_failed(message))
        call.cancelled.connect(lambda: self._on_failed(""))

    def _add(self, layers: ResultLayers, title: str, gradient: NDArray[np.float32]) -> None:
        self._call = None
        self._say("")
        if layers is not self._layers or layers.source not in self._viewer.layers:
            return
        named = NamedImage(f"gradient of {title}", gradient, "gradient")
        layer = Layer.create(*derived_layer(named, layers.result.source, layers.source))
        layer.visible = True
        add_quietly(self._viewer, layer)
        self.shown[title] = layer

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
