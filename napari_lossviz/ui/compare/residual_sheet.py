"""The sheet that tests the residual, what was removed, for structure."""

from functools import partial
from typing import Any

import numpy as np
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_lossviz.metrics import ResidualStructure, residual_structure
from napari_lossviz.ui.compare.figures import MARGINS, FigureSheet, Pair, wrapped_label
from napari_lossviz.ui.compare.latest import LatestWork
from napari_lossviz.ui.compare.plane import Plane, same_shape, to_world, value_unit
from napari_lossviz.ui.compare.residual_words import explanation, headline
from napari_lossviz.ui.compare.scale import in_decibel, same_scale

_METHOD = (
    "Residual = before minus after. The test is the correlation of its magnitude with the edge "
    "strength of the image after, in the slice shown. What chance gives is found by moving the "
    "residual across the image."
)

_CLOSE = 6.0
"""Pixels of the screen for one of the image, at least, where a place is shown."""


class ResidualSheet(FigureSheet):
    """Says whether what was removed looks like noise.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._plane: Plane | None = None
        self._strongest: tuple[int, int] | None = None
        self.headline = wrapped_label("lossvizResidualHeadline")
        self.headline.setStyleSheet("font-weight: bold")
        self.explanation = wrapped_label("lossvizResidualExplanation")
        self.go = QPushButton("Show the place")
        self.go.setToolTip("Move the view to where the residual follows edges most")
        self.go.clicked.connect(self._show_place)
        self.method = wrapped_label("lossvizResidualMethod", _METHOD)
        self.method.setEnabled(False)
        self._work = LatestWork(self)
        self._work.finished.connect(self._show)
        self._work.failed.connect(self._fail)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*MARGINS)
        for widget in (self.headline, self.explanation, self.go, self.method):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.show_nothing()

    def show_pair(self, pair: Pair) -> None:
        """Test in a thread; see the base class."""
        same_shape(pair.before, pair.after)
        same_scale(pair.before, pair.after)
        self._plane = pair.after
        if not self.headline.text():
            self.explanation.setText("Measuring…")
        counted = pair.before.valid & pair.after.valid
        copies = (np.array(pair.before.values), np.array(pair.after.values), counted)
        self._work.submit(partial(residual_structure, *copies, decibel=in_decibel(pair.after)))

    def show_nothing(self) -> None:
        """Empty the sheet; see the base class."""
        self._work.cancel()
        self._plane = self._strongest = None
        self.headline.setText("")
        self.explanation.setText("")
        self.go.hide()

    def forget(self) -> None:
        """Hold no layer; see the base class."""
        self._plane = None

    def close_sheet(self) -> None:
        """Stop; see the base class."""
        self._work.cancel()

    def _show(self, structure: ResidualStructure) -> None:
        if self._plane is None:
            return
        self.headline.setText(headline(structure))
        self.explanation.setText(explanation(structure, value_unit(self._plane.layer)))
        self._strongest = structure.strongest
        self.go.setVisible(structure.strongest is not None)

    def _fail(self, error: Exception) -> None:
        self.show_nothing()
        self.explanation.setText(str(error))

    def _show_place(self) -> None:
        plane, place = self._plane, self._strongest
        if plane is None or place is None:
            return
        pixel = np.array([0.0 if at is None else float(at) for at in plane.index] + [1.0])
        pixel[[plane.rows, plane.columns]] = place
        world = to_world(plane.layer, plane.world_units) @ pixel
        camera = self._viewer.scene.camera
        camera.center = (*camera.center[:-2], world[plane.rows], world[plane.columns])
        pixel_size = float(
            np.linalg.norm(to_world(plane.layer, plane.world_units)[:-1, plane.rows])
        )
        camera.zoom = max(camera.zoom, _CLOSE / pixel_size)
