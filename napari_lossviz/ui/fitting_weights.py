"""Chooses the weights that fit a radar image's sensor, as long as the user chose none by hand."""

from typing import Any, get_args

from qtpy.QtWidgets import QWidget

from napari_lossviz.core import InputError
from napari_lossviz.merlin.config import Sensor
from napari_lossviz.merlin.sensors import other_sensor, sensor_mode
from napari_lossviz.ui.field_widgets import in_words
from napari_lossviz.ui.layers import image_from_layer
from napari_lossviz.ui.run_controls import RunControls
from napari_lossviz.ui.status_label import StatusLabel

_WEIGHTS = "weights"


class FittingWeights(StatusLabel):
    """Says which weights were chosen for an image, or that those chosen by hand do not fit.

    Parameters
    ----------
    controls : RunControls
        Of MERLIN: their image and form.
    """

    def __init__(self, controls: RunControls, parent: QWidget | None = None) -> None:
        super().__init__("lossviz fitting weights", parent)
        self._controls = controls
        self._field = controls.form.fields[_WEIGHTS]
        self._by_hand = False
        self._field.changed.connect(self._on_hand)
        controls.preset.chosen.connect(self._on_preset)
        controls.input.layer_changed.connect(self._propose)
        self._propose()

    def _on_hand(self) -> None:
        self._by_hand = True
        self._propose()

    def _on_preset(self, _: Any = None) -> None:
        self._by_hand = False  # a preset sets everything
        self._propose()

    def _propose(self, _: Any = None) -> None:
        layer, weights = self._controls.input.layer, self._field.value()
        self.say("")
        if layer is None or weights not in get_args(Sensor):
            return
        try:
            image = image_from_layer(layer)
        except InputError:  # axes that nobody knows: the run will say so
            return
        mode = sensor_mode(image)
        if self._by_hand:
            if mode is not None and mode != weights:
                words = (in_words(mode), in_words(weights), in_words(weights))
                self.say(other_sensor(image.name, *words))
            return
        usual = getattr(self._controls.preset.config(), _WEIGHTS)
        self._field.set_value(mode or usual)
        if mode is not None and mode != usual:
            self.say(f"Weights {in_words(mode)} are chosen: the product says it is such an image.")
