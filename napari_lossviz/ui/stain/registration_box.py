"""Bring one layer into register with another: a new layer, and a check view."""

from importlib.util import find_spec
from typing import Any

import numpy as np
from napari.layers import Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz.core import Image, LossvizError, NamedImage
from napari_lossviz.jobs.engine_worker import without_headers
from napari_lossviz.jobs.train_stain import register_images
from napari_lossviz.stain.align import refuse_large
from napari_lossviz.ui.busy_bar import BusyBar
from napari_lossviz.ui.engine_process import Call, EngineProcess
from napari_lossviz.ui.layers import derived_layer, image_from_layer
from napari_lossviz.ui.result_layers import add_quietly
from napari_lossviz.ui.stain.colour_choice import ColourChoice

_UNTRUSTED = (
    "The densities of both hardly agree: look at the check view before you use it, or choose "
    "regions that show the same tissue."
)


class RegistrationBox(QWidget):
    """Registers in the engine process; the viewer gets the registered layer and a chequerboard.

    Parameters
    ----------
    viewer : napari.Viewer
    engine : EngineProcess
    """

    registered = Signal(object, object)
    """The registered layer, and the fixed one."""

    def __init__(self, viewer: Any, engine: EngineProcess, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._engine = engine
        self._call: Call | None = None
        self.moving = ColourChoice(viewer, "the section to move")
        self.moving.setToolTip("A new layer shows it where the other one lies")
        self.fixed = ColourChoice(viewer, "the section that stays")
        self.fixed.setToolTip("The other section is brought into register with it")
        self.elastic = QCheckBox("Bend what is left")
        self.elastic.setToolTip("Elastic, by SimpleITK: slower, and it may fold thin tissue")
        if find_spec("SimpleITK") is None:
            self.elastic.setEnabled(False)
            self.elastic.setToolTip("Needs SimpleITK: pip install 'napari-lossviz[registration]'")
        self.button = QPushButton("Register to…")
        self.button.setToolTip(
            "Find turn, scale, shift, shear and stretch, mirrored if need be; adds a new layer"
        )
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop; no layer is added")
        self.bar = BusyBar()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setMinimumWidth(1)  # a long name must not widen the dock
        self._build()
        self.button.clicked.connect(self.start)
        self.cancel_button.clicked.connect(self.cancel)
        for choice in (self.moving, self.fixed):
            choice.layer_changed.connect(lambda _: self._update())
        self._end()

    @property
    def running(self) -> bool:
        """Whether a registration goes on."""
        return self._call is not None

    def start(self) -> None:
        """Register the one layer to the other."""
        moving, fixed = self.moving.layer, self.fixed.layer
        if self._call is not None or moving is None or fixed is None:
            return
        try:
            images = [image_from_layer(layer) for layer in (moving, fixed)]
            for image in images:
                refuse_large(image)
        except LossvizError as error:
            self._say(str(error), bad=True)
            return
        self._say("")
        self.bar.setRange(0, 0)
        self.bar.setFormat("starting")
        self.bar.show()
        self._call = self._engine.call(
            "Registration",
            register_images,
            *(without_headers(image) for image in images),
            self.elastic.isChecked(),
        )
        self._call.stepped.connect(self._on_step)
        self._call.finished.connect(lambda found: self._show(found, images[1], moving, fixed))
        self._call.failed.connect(lambda _, message: self._on_failed(message))
        self._call.cancelled.connect(self._on_cancelled)
        self._update()

    def cancel(self) -> None:
        """Stop it."""
        if self._call is not None:
            self._call.cancel()

    def close_box(self) -> None:
        """Stop, and follow the viewer no longer."""
        if self._call is not None:
            self._call.cancel()
        self._call = None
        self.moving.close_choice()
        self.fixed.close_choice()

    def _on_step(self, step: Any) -> None:
        self.bar.setRange(0, step.total)
        self.bar.setValue(step.done)
        self.bar.setFormat(step.text)

    def _show(self, found: Any, frame: Image, moving: Any, fixed: Any) -> None:
        if self._call is None:  # the dock closed meanwhile
            return
        self._end()
        if fixed not in self._viewer.layers:
            return
        # The layers lie on the fixed one, and no file holds them.
        source = frame.replace(name=moving.name, origin=frame.origin.__class__(), metadata={})
        made = [
            self._layer(name, pixels, source, fixed)
            for name, pixels in (("check view", found.check), ("registered", found.pixels))
        ]
        made[0].visible = False
        for layer in made:
            add_quietly(self._viewer, layer)
        if moving in self._viewer.layers:
            moving.visible = False
        one = found.registration
        how = "Mirrored left to right, then turned" if one.mirrored else "Turned"
        said = (
            f"{how} by {one.angle:.1f}°, scale {one.scale:.3f}, correlation of the densities "
            f"{one.correlation:.2f}."
        )
        self._say(said if one.trusted else f"{said} {_UNTRUSTED}", bad=not one.trusted)
        self.registered.emit(made[1], fixed)

    def _layer(self, name: str, pixels: np.ndarray, source: Image, fixed: Any) -> Any:
        data = derived_layer(NamedImage(name, pixels, "result"), source, fixed)
        # It is an input like any other: nothing of a run clings to it.
        data[1]["metadata"]["lossviz"].pop("role")
        return Layer.create(*data)

    def _on_failed(self, message: str) -> None:
        self._end()
        self._say(message, bad=True)

    def _on_cancelled(self) -> None:
        self._end()
        self._say("Cancelled.")

    def _end(self) -> None:
        self._call = None
        self.bar.hide()
        self._update()

    def _update(self) -> None:
        chosen = self.moving.layer is not None and self.fixed.layer is not None
        different = self.moving.layer is not self.fixed.layer
        self.button.setEnabled(chosen and different and self._call is None)
        self.cancel_button.setVisible(self._call is not None)

    def _say(self, text: str, *, bad: bool = False) -> None:
        self.status.setStyleSheet("color: #e8575a;" if bad else "")
        self.status.setText(text)
        self.status.setVisible(bool(text))

    def _build(self) -> None:
        rows = QFormLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows.addRow("Move", self.moving)
        rows.addRow("onto", self.fixed)
        buttons = QHBoxLayout()
        buttons.addWidget(self.button, 2)
        buttons.addWidget(self.cancel_button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(rows)
        layout.addWidget(self.elastic)
        layout.addLayout(buttons)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)
        self.status.hide()
