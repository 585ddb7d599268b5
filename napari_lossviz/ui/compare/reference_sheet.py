"""The sheet of PSNR and SSIM against a reference layer, within a stated data range."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz.core import InputError
from napari_lossviz.metrics import ImageQuality, image_quality
from napari_lossviz.ui.compare.figures import MARGINS, FigureSheet, Pair, in_short, wrapped_label
from napari_lossviz.ui.compare.latest import LatestWork
from napari_lossviz.ui.compare.layer_choice import LayerChoice
from napari_lossviz.ui.compare.plane import Plane, same_shape, shown_plane, value_unit
from napari_lossviz.ui.compare.scale import DecibelPlane, on_scale_of, same_scale

_HOW = "Choose a reference: the same image without noise, such as the truth of a simulation."


class ReferenceSheet(FigureSheet):
    """How near both images are to a reference.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._ranged_for: tuple[Any, bool] | None = None
        self._compared: Plane | None = None
        self._unit = ""
        self.reference = LayerChoice(viewer, "image", "choose a reference")
        self.reference.setToolTip("The image without noise that both are measured against")
        self.reference.layer_changed.connect(self._on_reference)
        self.low, self.high = _limit("Low end"), _limit("High end")
        for limit in (self.low, self.high):
            limit.valueChanged.connect(self._on_range)
        self.from_contrast = QPushButton("Contrast limits")
        self.from_contrast.setToolTip(
            "Take the contrast limits of the reference as range; of the image before, where the "
            "reference was turned into dB"
        )
        self.from_contrast.clicked.connect(self._take_contrast)
        self.from_values = QPushButton("Full range")
        self.from_values.setToolTip("Take the lowest and highest value of the reference's slice")
        self.from_values.clicked.connect(self._take_values)
        self.note = wrapped_label("lossvizRange")
        self.cells = {
            (figure, side): QLabel("–")
            for figure in ("PSNR", "SSIM")
            for side in ("before", "after")
        }
        self.message = wrapped_label("lossvizReferenceMessage", _HOW)
        self._work = LatestWork(self)
        self._work.finished.connect(self._show)
        self._work.failed.connect(self._fail)
        self._build()
        self._set_range_enabled(False)

    def show_pair(self, pair: Pair) -> None:
        """Measure in a thread; see the base class."""
        layer = self.reference.layer
        if layer is None:
            self.show_nothing()
            self.message.setText(_HOW)
            return
        same_scale(pair.before, pair.after)
        reference = on_scale_of(shown_plane(self._viewer, layer), pair.before)
        same_shape(pair.before, reference)
        same_shape(pair.after, reference)
        self._compared = pair.before
        converted = isinstance(reference, DecibelPlane)
        self._show_unit(value_unit(pair.before.layer if converted else layer))
        if self._ranged_for != (layer, converted):
            self._ranged_for = layer, converted
            self._set_range(*self._contrast(reference))
        window = self.low.value(), self.high.value()
        if not window[1] > window[0]:
            raise InputError("The high end of the data range must lie above its low end")
        self._set_range_enabled(True)
        self.message.setText("Measuring…")
        (noisy, clean, target), counted = _copies(pair.before, pair.after, reference)
        self._work.submit(partial(_qualities, noisy, clean, target, counted, window))

    def show_nothing(self) -> None:
        """Empty the sheet; see the base class."""
        self._work.cancel()
        for cell in self.cells.values():
            cell.setText("–")
        self.message.setText("")

    def forget(self) -> None:
        """Hold no layer; see the base class."""
        self._compared = None

    def close_sheet(self) -> None:
        """Stop; see the base class."""
        self._work.cancel()
        self.reference.close_choice()

    def _on_reference(self, layer: Any) -> None:
        self._show_unit("" if layer is None else value_unit(layer))
        if layer is None:
            self._ranged_for = None  # it, and all its pixels, may be gone
        self._set_range_enabled(layer is not None)
        self.outdated.emit()

    def _show_unit(self, unit: str) -> None:
        self._unit = unit
        for limit in (self.low, self.high):
            limit.setSuffix(f" {unit}" if unit else "")

    def _reference_plane(self) -> Plane | None:
        """Return the reference's slice on the scale of the pair; None says why there is none."""
        layer = self.reference.layer
        if layer is None:
            return None
        try:
            plane = shown_plane(self._viewer, layer)
            return plane if self._compared is None else on_scale_of(plane, self._compared)
        except InputError as error:
            self.message.setText(str(error))
            return None

    def _contrast(self, reference: Plane) -> tuple[float, float]:
        """Return contrast limits on the scale that is compared on."""
        compared = self._compared if isinstance(reference, DecibelPlane) else None
        layer = reference.layer if compared is None else compared.layer
        low, high = layer.contrast_limits
        return float(low), float(high)

    def _on_range(self) -> None:
        self._state_range()
        self.outdated.emit()

    def _take_contrast(self) -> None:
        plane = self._reference_plane()
        if plane is not None:
            self._set_range(*self._contrast(plane))
            self.outdated.emit()

    def _take_values(self) -> None:
        plane = self._reference_plane()
        if plane is None:
            return
        values = plane.values[plane.valid]
        if values.size:
            self._set_range(float(values.min()), float(values.max()))
            self.outdated.emit()

    def _set_range(self, low: float, high: float) -> None:
        for limit, value in ((self.low, low), (self.high, high)):
            limit.blockSignals(True)
            limit.setDecimals(_decimals(high - low))
            limit.setSingleStep(max(abs(high - low) / 20, 10.0 ** -limit.decimals()))
            limit.setValue(value)
            limit.blockSignals(False)
        self._state_range()

    def _state_range(self) -> None:
        width = in_short(self.high.value() - self.low.value())
        unit = f" {self._unit}" if self._unit else ""
        self.note.setText(
            f"Of all pixels of the plane shown, background too. Data range {width}{unit}, "
            "for PSNR and SSIM alike; values beyond its ends count as the ends."
        )

    def _set_range_enabled(self, enabled: bool) -> None:
        for widget in (self.low, self.high, self.from_contrast, self.from_values):
            widget.setEnabled(enabled)
        self.note.setVisible(enabled)

    def _show(self, result: tuple[ImageQuality, ImageQuality]) -> None:
        for side, quality in zip(("before", "after"), result, strict=True):
            self.cells["PSNR", side].setText(
                "equal" if np.isinf(quality.psnr) else f"{quality.psnr:.2f} dB"
            )
            self.cells["SSIM", side].setText(f"{quality.ssim:.4f}")
        self.message.setText("")

    def _fail(self, error: Exception) -> None:
        self.show_nothing()
        self.message.setText(str(error))

    def _build(self) -> None:
        choice = QHBoxLayout()
        choice.addWidget(QLabel("Reference"))
        choice.addWidget(self.reference, 1)
        limits = QHBoxLayout()
        limits.addWidget(QLabel("Range"))
        limits.addWidget(self.low, 1)
        limits.addWidget(QLabel("to"))
        limits.addWidget(self.high, 1)
        presets = QHBoxLayout()
        presets.addWidget(self.from_contrast)
        presets.addWidget(self.from_values)
        figures = QGridLayout()
        tips = {
            "PSNR": "Peak signal-to-noise ratio: higher is nearer to the reference",
            "SSIM": "Structural similarity (Gaussian weights, 1.5 pixels): 1 is equal",
        }
        for column, side in enumerate(("before", "after"), start=1):
            heading = QLabel(side.capitalize())
            figures.addWidget(heading, 0, column, Qt.AlignmentFlag.AlignRight)
        for row, (figure, tip) in enumerate(tips.items(), start=1):
            heading = QLabel(figure)
            heading.setToolTip(tip)
            figures.addWidget(heading, row, 0)
            for column, side in enumerate(("before", "after"), start=1):
                cell = self.cells[figure, side]
                cell.setObjectName(f"lossviz{figure}{side}")
                cell.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                figures.addWidget(cell, row, column, Qt.AlignmentFlag.AlignRight)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*MARGINS)
        for part in (choice, limits, presets):
            layout.addLayout(part)
        layout.addWidget(self.note)
        layout.addLayout(figures)
        layout.addWidget(self.message)
        layout.addStretch(1)


def _qualities(
    before: NDArray[Any],
    after: NDArray[Any],
    reference: NDArray[Any],
    counted: NDArray[np.bool_],
    window: tuple[float, float],
) -> tuple[ImageQuality, ImageQuality]:
    return (
        image_quality(before, reference, window, counted),
        image_quality(after, reference, window, counted),
    )


def _copies(
    before: Plane, after: Plane, reference: Plane
) -> tuple[list[NDArray[Any]], NDArray[np.bool_]]:
    """Return the values of three slices, 0 where one of them has none, and where all have one."""
    counted = before.valid & after.valid & reference.valid
    images = [np.where(counted, plane.values, 0) for plane in (before, after, reference)]
    return images, counted


def _limit(tip: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(-1e12, 1e12)
    box.setToolTip(f"{tip} of the data range")
    box.setKeyboardTracking(False)
    box.setMinimumWidth(60)
    return box


def _decimals(width: float) -> int:
    """Return how many decimals show a thousandth of a range."""
    if not width > 0:
        return 3
    return int(np.clip(np.ceil(3 - np.log10(width)), 0, 9))
