"""Weaker or stronger than what was found for the image: one slider, no training anew."""

import math

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QWidget
from superqt.utils import QSignalThrottler

LARGEST = 4.0
_STEPS = 100
_INTERVAL = 60
"""Milliseconds between two filterings while the slider moves."""


class StrengthSlider(QWidget):
    """A factor on sigma_r from 1/4 to 4, on a logarithmic scale."""

    strength_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(-_STEPS, _STEPS)
        self.slider.setPageStep(_STEPS // 10)
        self.slider.setToolTip(
            "Weaker (left) or stronger (right) than the strength found for the image; no training "
            "anew. Restore and reset in the sigma editor go back to a strength of 1"
        )
        self._figure = QLabel()
        self._figure.setMinimumWidth(self._figure.fontMetrics().horizontalAdvance("× 0.00 "))
        self.reset_button = QToolButton()
        self.reset_button.setText("Reset")
        self.reset_button.setToolTip("Back to the strength found for the image")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(QLabel("Strength"))
        layout.addWidget(self.slider, 1)
        layout.addWidget(self._figure)
        layout.addWidget(self.reset_button)
        self._throttler = QSignalThrottler(parent=self)
        self._throttler.setTimeout(_INTERVAL)
        self._throttler.triggered.connect(lambda: self.strength_changed.emit(self.strength()))
        self.slider.valueChanged.connect(self._on_value)
        self.reset_button.clicked.connect(lambda: self.slider.setValue(0))
        self._show()

    def strength(self) -> float:
        """Return the factor, rounded as it is shown."""
        exact = LARGEST ** (self.slider.value() / _STEPS)
        return float(f"{exact:.3g}")

    def set_strength(self, strength: float) -> None:
        """Show a factor; nothing is emitted."""
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(round(_STEPS * math.log(strength) / math.log(LARGEST)))
        self.slider.blockSignals(blocked)
        self._show()

    def _on_value(self) -> None:
        self._show()
        self._throttler.throttle()

    def _show(self) -> None:
        strength = self.strength()
        self._figure.setText(f"× {strength:.2f}")
        self.reset_button.setEnabled(strength != 1)
