"""The buttons that choose how to look at a pair, and the settings of each way."""

from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)
from superqt import QFlowLayout

from napari_lossviz.ui.compare.modes import FLIP_KEY, Mode

_STEPS = 1000
_TIPS = {
    Mode.OFF: "Show the layers as they were",
    Mode.SWIPE: "Before left of a divider that you drag across the canvas, after right of it",
    Mode.BLINK: "Before and after in turn at the same place",
    Mode.SIDE_BY_SIDE: "Before and after next to each other, moved and zoomed together",
}


class ModeBar(QWidget):
    """Off, swipe, blink, side by side."""

    mode_chosen = Signal(object)
    """A `Mode`."""

    boundary_moved = Signal(float)
    rate_changed = Signal(float)
    """Flips a second, 0 for by hand."""

    flip_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons: dict[Mode, QPushButton] = {}
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        row = QHBoxLayout()
        row.setSpacing(2)
        for mode, tip in _TIPS.items():
            button = QPushButton(str(mode).capitalize())
            button.setCheckable(True)
            button.setToolTip(tip)
            self._group.addButton(button)
            self.buttons[mode] = button
            row.addWidget(button, 2 if mode == Mode.SIDE_BY_SIDE else 1)
        self.buttons[Mode.OFF].setChecked(True)
        self._group.buttonClicked.connect(self._on_clicked)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setValue(_STEPS // 2)
        self.slider.setToolTip("Where the divider is")
        self.slider.valueChanged.connect(lambda value: self.boundary_moved.emit(value / _STEPS))
        self.automatic = QCheckBox("By itself")
        self.automatic.setToolTip("Flip at the rate beside; off: by hand only")
        self.automatic.setChecked(True)
        self.automatic.toggled.connect(self._on_rate)
        self.rate = QDoubleSpinBox()
        self.rate.setRange(0.2, 5.0)
        self.rate.setSingleStep(0.2)
        self.rate.setDecimals(1)
        self.rate.setValue(1.4)
        self.rate.setSuffix(" / s")
        self.rate.setToolTip("Flips a second")
        self.rate.valueChanged.connect(self._on_rate)
        key = QKeySequence(FLIP_KEY).toString()
        self.flip = QPushButton(f"Flip ({key})")
        self.flip.setToolTip(f"Show the other image; key {key} on the canvas does the same")
        self.flip.clicked.connect(self.flip_asked)
        self._pages = {
            Mode.OFF: _page(),
            Mode.SWIPE: _page(QLabel("Divider"), self.slider),
            Mode.BLINK: _page(self.automatic, self.rate, self.flip),
            Mode.SIDE_BY_SIDE: _page(QLabel("Other layers are hidden meanwhile.")),
        }
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        # No stack: one is as wide as its widest page.
        for page in self._pages.values():
            layout.addWidget(page)
        self.show_mode(Mode.OFF)

    def show_mode(self, mode: Mode) -> None:
        """Mark a mode as the one in use, without choosing it anew."""
        self.buttons[mode].setChecked(True)
        for of, page in self._pages.items():
            page.setVisible(of == mode and mode != Mode.OFF)

    def show_boundary(self, boundary: float) -> None:
        """Show where the divider is, without moving it."""
        self.slider.blockSignals(True)
        self.slider.setValue(round(boundary * _STEPS))
        self.slider.blockSignals(False)

    def flips_a_second(self) -> float:
        """Return the rate to blink with, 0 for by hand."""
        return float(self.rate.value()) if self.automatic.isChecked() else 0.0

    def _on_clicked(self, clicked: Any) -> None:
        mode = next(mode for mode, button in self.buttons.items() if button is clicked)
        self.mode_chosen.emit(mode)

    def _on_rate(self) -> None:
        self.rate.setEnabled(self.automatic.isChecked())
        self.rate_changed.emit(self.flips_a_second())


def _page(*widgets: QWidget) -> QWidget:
    page = QWidget()
    # Where the font is large the widgets need two lines, except for a slider, which can shrink.
    slider = any(isinstance(widget, QSlider) for widget in widgets)
    layout = QHBoxLayout(page) if slider else QFlowLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    return page
