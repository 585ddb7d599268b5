"""Where an edit acts: intensities and slices."""

from dataclasses import replace

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QWidget,
)

from napari_lossviz.ui.edit.brush import Brush, Scope, mask_choices

_CUSTOM = "Own range"
_SLICES: tuple[tuple[str, Scope], ...] = (
    ("This slice", "shown"),
    ("A range", "range"),
    ("All slices", "all"),
)


class ScopeBox(QWidget):
    """Intensity range and slice range."""

    changed = Signal()
    fill_asked = Signal()
    """Edits are wanted for the slices between two painted ones."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._unit: str | None = None
        self._several = False
        self.intensities = QComboBox()
        self.intensities.setToolTip(
            "Only pixels of these intensities are changed; the others are spared"
        )
        self.low, self.high = QDoubleSpinBox(), QDoubleSpinBox()
        for box, what in ((self.low, "Lowest"), (self.high, "Highest")):
            box.setRange(-1e9, 1e9)
            box.setKeyboardTracking(False)
            box.setToolTip(f"{what} intensity that is changed, in the image's unit")
        self.slices = QComboBox()
        for title, scope in _SLICES:
            self.slices.addItem(title, scope)
        self.slices.setToolTip("Slices that a stroke or a region acts on")
        self.first, self.last = QSpinBox(), QSpinBox()
        for spin, what in ((self.first, "First"), (self.last, "Last")):
            spin.setToolTip(f"{what} slice that is changed, counted from 0 as napari's slider does")
        self.fill = QPushButton("Fill between slices")
        self.fill.clicked.connect(self.fill_asked)

        rows = QFormLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setVerticalSpacing(2)
        rows.addRow("Mask", self.intensities)
        self._range_rows = _add_range(rows, self.low, self.high)
        self._slices_label = QLabel("Slices")
        rows.addRow(self._slices_label, self.slices)
        self._slice_rows = _add_range(rows, self.first, self.last)
        rows.addRow(self.fill)

        for combo in (self.intensities, self.slices):
            combo.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            combo.setMinimumContentsLength(6)
            combo.currentIndexChanged.connect(self._on_choice)
        for box in (self.low, self.high, self.first, self.last):
            box.valueChanged.connect(lambda _value: self.changed.emit())
        self.set_gap(None)
        self.set_image("", (0.0, 1.0), 1)

    def set_image(self, unit: str, intensities: tuple[float, float], count: int) -> None:
        """Fit the choices to an image.

        Parameters
        ----------
        unit : str
            Unit of its values.
        intensities : (float, float)
            Where the own range starts from.
        count : int
            Number of slices.
        """
        if unit != self._unit:
            self._unit = unit
            self.intensities.blockSignals(True)
            self.intensities.clear()
            for title, pair in mask_choices(unit):
                self.intensities.addItem(title, pair)
            self.intensities.addItem(_CUSTOM, None)
            self.intensities.blockSignals(False)
            for box, value in zip((self.low, self.high), intensities, strict=True):
                box.setDecimals(0 if unit == "HU" else 3)
                box.setValue(value)
        for spin in (self.first, self.last):
            spin.setMaximum(count - 1)
        self.last.setValue(count - 1)
        if count == 1:
            self.slices.setCurrentIndex(0)
        self._several = count > 1
        self._on_choice()

    def set_gap(self, gap: tuple[int, int] | None) -> None:
        """Offer to fill the slices between two painted ones, or say how to."""
        self.fill.setEnabled(gap is not None)
        if gap is None:
            self.fill.setText("Fill between slices")
            self.fill.setToolTip(
                "Paint on two slices with others between them: strokes for those are interpolated"
            )
        else:
            first, last = gap[0] + 1, gap[1] - 1
            which = f"slice {first}" if first == last else f"slices {first} to {last}"
            self.fill.setText(f"Fill {which}")
            self.fill.setToolTip(f"Interpolate between the strokes on {gap[0]} and {gap[1]}")

    def applied_to(self, brush: Brush) -> Brush:
        """Return the brush with what is chosen here."""
        pair = self.intensities.currentData()
        if self.intensities.currentText() == _CUSTOM:
            low, high = sorted((self.low.value(), self.high.value()))
            pair = (low, high)
        return replace(
            brush,
            intensity_range=None if pair is None else (float(pair[0]), float(pair[1])),
            scope=self.slices.currentData(),
            slice_range=(self.first.value(), self.last.value()),
        )

    def _on_choice(self) -> None:
        own_range = self.intensities.currentText() == _CUSTOM
        slice_range = self._several and self.slices.currentData() == "range"
        for widget in self._range_rows:
            widget.setVisible(own_range)
        for widget in self._slice_rows:
            widget.setVisible(slice_range)
        for widget in (self.slices, self._slices_label, self.fill):
            widget.setVisible(self._several)
        self.changed.emit()


def _add_range(rows: QFormLayout, low: QWidget, high: QWidget) -> list[QWidget]:
    """Add a row for each end of a range; return all that is in them."""
    added: list[QWidget] = []
    for title, widget in (("from", low), ("to", high)):
        label = QLabel(title)
        rows.addRow(label, widget)
        added += [label, widget]
    return added
