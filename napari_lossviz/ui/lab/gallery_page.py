"""The gallery of losses: what each pulls at, on a prediction and a target of the user's."""

from functools import partial
from html import escape
from typing import Any

import numpy as np
from napari.layers import Layer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFormLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz.betti.config import BettiConfig
from napari_lossviz.core import Image, InputError, NamedImage
from napari_lossviz.losses.catalogue import CATALOGUE
from napari_lossviz.ui.compare.layer_choice import LayerChoice
from napari_lossviz.ui.engine_process import EngineProcess, Run
from napari_lossviz.ui.gradients import GradientBox
from napari_lossviz.ui.gradients.box import ALL
from napari_lossviz.ui.gradients.pair import BETTI, pair_of_matching
from napari_lossviz.ui.layers import derived_layer, image_from_layer, role_of
from napari_lossviz.ui.result_layers import add_quietly, remove_quietly
from napari_lossviz.ui.sample_layers import cells_pair, roads_pair, vessels_pair
from napari_lossviz.ui.status_label import StatusLabel
from napari_lossviz.ui.tipped_choice import TippedChoice

SAMPLES = {
    "roads": roads_pair,
    "vessels": vessels_pair,
    "cells": cells_pair,
}
_GRADIENT = "gradient"
_NO_SIZE = "pixel"
_SAMPLE = "or open a sample …"
_COLOURS = "Blue must rise, orange must fall; the fullest colour is the pull that stands above."
_PULLS = {
    BETTI: "Pulls only at the pixels where a feature of the topology appears or ends.",
    **{loss.title: f"{loss.pulls} ({loss.source})" for loss in CATALOGUE.values()},
}


class GalleryPage(QWidget):
    """Shows the gradients of several losses side by side, in one colormap.

    Each is coloured up to its strongest pull, which stands above it, or all up to the strongest.

    Parameters
    ----------
    viewer : napari.Viewer
    engine : EngineProcess
    """

    def __init__(self, viewer: Any, engine: EngineProcess, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._engine = engine
        self._engine.hold(self)
        self._run: Run | None = None
        self._made: Any = None
        self._shown_on: Any = None
        self._samples: list[Any] = []
        kinds = ("image", "labels")
        self.prediction = _PlainLayers(viewer, kinds, "choose the prediction")
        self.prediction.setToolTip("Probabilities or a mask")
        self.target = _PlainLayers(viewer, kinds, "choose the target")
        self.target.setToolTip("The mask that the prediction should be")
        self.samples = TippedChoice()
        self.samples.addItems([_SAMPLE, *SAMPLES])
        self.samples.setToolTip("Open a prediction with planted errors, and its truth")
        self.samples.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.button = QPushButton("Show all losses side by side")
        self.button.setToolTip("Take the gradients of all losses; the image is matched first")
        self.gradients = GradientBox(viewer, engine)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.RichText)
        self.status = StatusLabel("lossviz gallery status")
        self._build()
        self._connect()
        self.gradients.set_pair(None)
        self._on_layers()

    @property
    def waiting(self) -> bool:
        """Whether something is still to come."""
        return self._run is not None or self.gradients.waiting

    def start(self) -> None:
        """Match the two images; then the gradients are taken one after the other."""
        prediction, target = self.prediction.layer, self.target.layer
        if prediction is None or target is None or self._run is not None:
            return
        self._forget()
        try:
            image, mask = (_values(layer) for layer in (prediction, target))
        except InputError as error:
            self.status.fail(str(error))
            return
        self.status.say("Matching …")
        run = self._run = self._engine.submit("betti", image, BettiConfig(), others=(mask,))
        run.finished.connect(partial(self._on_matched, prediction))
        run.failed.connect(lambda _, message: self._on_failed(message))
        run.cancelled.connect(lambda: self._on_failed(""))
        self._on_layers()

    def stop(self) -> None:
        """Give the canvas back."""
        self.gradients.stop_comparing()

    def close_page(self) -> None:
        """Wait for nothing any more."""
        run, self._run = self._run, None
        if run is not None:
            run.cancel()
        self._engine.release(self)
        self.gradients.close_box()
        for choice in (self.prediction, self.target):
            choice.close_choice()
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        self._viewer.layers.events.inserted.disconnect(self._on_inserted)
        self._samples.clear()

    def _on_matched(self, layer: Any, result: Any) -> None:
        self._run = None
        self._on_layers()
        self.status.say("\n".join(result.warnings))
        if layer not in self._viewer.layers:
            return
        named = NamedImage(f"gradient of {BETTI}", result.gradient(), _GRADIENT)
        self._shown_on = layer
        self._made = Layer.create(*derived_layer(named, result.source, layer))
        add_quietly(self._viewer, self._made)
        self.gradients.set_pair(pair_of_matching(result, layer, {BETTI: self._made}))
        self.gradients.choice.setCurrentText(ALL)

    def _on_failed(self, message: str) -> None:
        self._run = None
        self._on_layers()
        self.status.fail(message)

    def _forget(self) -> None:
        """Take away what was of other images."""
        self.gradients.set_pair(None)
        made, self._made, self._shown_on = self._made, None, None
        if made is not None:
            remove_quietly(self._viewer, [made])

    def _on_inserted(self, event: Any) -> None:
        """Give samples that are there already, and what is shown on them, a newcomer's units."""
        # asked of the layers: what the list tells of all is not yet that with the newcomer
        units = event.value.units
        if not self._samples or str(units[-1]) == _NO_SIZE:
            return
        shown = self._shown_on in self._samples
        for layer in self._viewer.layers:
            ours = layer in self._samples or (shown and role_of(layer) == _GRADIENT)
            if ours and str(layer.units[-1]) == _NO_SIZE:
                _measure_like(layer, units)

    def _on_removed(self, event: Any) -> None:
        self._samples = [layer for layer in self._samples if layer is not event.value]
        if self._made is not None and event.value in (self._made, self._shown_on):
            self._forget()

    def _on_layers(self, _: Any = None) -> None:
        both = self.prediction.layer is not None and self.target.layer is not None
        self.button.setEnabled(both and self._run is None)

    def _on_choice(self, title: str) -> None:
        shown = _PULLS if title == ALL else {title: _PULLS[title]} if title in _PULLS else {}
        told = [f"<p><b>{escape(name)}</b>: {escape(said)}</p>" for name, said in shown.items()]
        self.words.setText(f"<p>{escape(_COLOURS)}</p>{''.join(told)}" if told else "")
        self.words.setVisible(bool(told))

    def _on_sample(self, row: int) -> None:
        sample = SAMPLES.get(self.samples.itemText(row))
        if sample is None:
            return
        units = self._viewer.layers.extent.units if len(self._viewer.layers) else None
        for data in sample():
            layer = Layer.create(*data)
            _measure_like(layer, units)
            self._samples.append(layer)
            self._viewer.add_layer(layer)
            choice = self.target if "target" in layer.name else self.prediction
            choice.choose(layer)
        self.samples.setCurrentIndex(0)

    def _connect(self) -> None:
        for choice in (self.prediction, self.target):
            choice.layer_changed.connect(self._on_layers)
        self.samples.activated.connect(self._on_sample)
        self.button.clicked.connect(self.start)
        self.gradients.choice.currentTextChanged.connect(self._on_choice)
        self._viewer.layers.events.removed.connect(self._on_removed)
        # napari's canvas hears of it first, draws, and tells once; then they agree
        self._viewer.layers.events.inserted.connect(self._on_inserted)

    def _build(self) -> None:
        rows = QFormLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows.addRow("Prediction", self.prediction)
        rows.addRow("Target", self.target)
        rows.addRow("", self.samples)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        layout.addLayout(rows)
        layout.addWidget(self.button)
        layout.addWidget(self.status)
        layout.addWidget(self.gradients)
        layout.addWidget(self.words)
        layout.addStretch(1)
        self.words.hide()


class _PlainLayers(LayerChoice):
    """Offers images as they were opened, not what a method or this page made."""

    def offers(self, layer: Any) -> bool:
        """Whether a layer is no gradient, map or feature."""
        return role_of(layer) in ("", "result")


def _values(layer: Any) -> Image:
    """Return a layer's image; labels as the mask of all, since losses of pixels know one class."""
    image = image_from_layer(layer)
    if layer._type_string != "labels":
        return image
    return image.replace(array=np.asarray(image.array) > 0)


def _measure_like(layer: Any, units: Any) -> None:
    """Give a sample, whose pixels have no size, the units of the layers that are there already.

    Of pixels beside mm napari would tell at every drawing that they do not agree.
    """
    if units:
        layer.units = (units[0],) * (layer.ndim - len(units)) + tuple(units[-layer.ndim :])
