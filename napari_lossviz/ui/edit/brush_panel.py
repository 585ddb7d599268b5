"""The brush: what it does, its size, hardness and strength."""

from dataclasses import replace

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QLabeledSlider

from napari_lossviz.core.edits import Operation
from napari_lossviz.ui.edit.brush import SHARPER, SMOOTHER, Brush
from napari_lossviz.ui.edit.expert_box import ExpertBox, MapInfo

_ACTIONS: tuple[tuple[str, Operation, float, str], ...] = (
    ("Smoother", "multiply", SMOOTHER, "Raise all sigma maps: less noise and less detail here"),
    ("Sharper", "multiply", SHARPER, "Lower all sigma maps: more detail and more noise here"),
    ("Restore", "restore", 1.0, "Bring all sigma maps back to what was predicted here"),
)


class BrushPanel(QWidget):
    """Settings of the brush; a plain choice of three, or map, stage and operation for experts."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = QButtonGroup(self)
        plain = QHBoxLayout()
        plain.setSpacing(2)
        for i, (title, _, _, tooltip) in enumerate(_ACTIONS):
            button = QPushButton()
            button.setText(title)
            button.setToolTip(tooltip)
            button.setCheckable(True)
            button.setChecked(i == 0)
            self._actions.addButton(button, i)
            plain.addWidget(button)
        self._actions.setExclusive(True)
        self._plain = QWidget()
        plain.setContentsMargins(0, 0, 0, 0)
        self._plain.setLayout(plain)

        self.diameter = _slider(1, 400, 30, "Diameter of the brush in pixels ([ and ])")
        self.hardness = _slider(0, 100, 50, "How much of the brush acts fully, in %")
        self.strength = _slider(1, 100, 50, "How strongly a stroke acts, in %")

        self.expert = QCheckBox("Expert settings")
        self.expert.setToolTip(
            "Choose map, stage and operation, instead of smoother, sharper and restore"
        )
        self.expert_box = ExpertBox()
        self.expert_box.setVisible(False)

        sliders = QFormLayout()
        sliders.setContentsMargins(0, 0, 0, 0)
        sliders.setVerticalSpacing(2)
        sliders.addRow("Size (px)", self.diameter)
        sliders.addRow("Hardness (%)", self.hardness)
        sliders.addRow("Strength (%)", self.strength)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._plain)
        layout.addLayout(sliders)
        layout.addWidget(self.expert)
        layout.addWidget(self.expert_box)

        self._actions.idToggled.connect(lambda _id, on: self.changed.emit() if on else None)
        self.expert.toggled.connect(self._on_expert)
        self.expert_box.changed.connect(self.changed)
        for slider in (self.diameter, self.hardness, self.strength):
            slider.valueChanged.connect(lambda _value: self.changed.emit())

    def set_maps(self, maps: list[MapInfo], stages: int) -> None:
        """Offer the maps and stages of a result."""
        self.expert_box.set_maps(maps, stages)

    def set_image_size(self, height: int, width: int) -> None:
        """Fit the largest brush to the image."""
        side = min(height, width)
        self.diameter.setMaximum(max(20, min(400, side)))

    def choose(self, action: str) -> None:
        """Choose "Smoother", "Sharper" or "Restore"."""
        self._actions.button([title for title, *_ in _ACTIONS].index(action)).setChecked(True)

    def brush(self) -> Brush:
        """Return the settings; slices and mask are not known here."""
        brush = Brush(
            size=float(self.diameter.value()),
            hardness=self.hardness.value() / 100,
            strength=self.strength.value() / 100,
        )
        if self.expert.isChecked():
            return self.expert_box.applied_to(brush)
        _, operation, value, _ = _ACTIONS[self._actions.checkedId()]
        return replace(brush, operation=operation, value=value)

    def resize_by(self, factor: float) -> None:
        """Make the brush larger or smaller, by one pixel at least."""
        size = self.diameter.value()
        step = max(1, round(abs(size * factor - size)))
        self.diameter.setValue(size + step if factor > 1 else size - step)

    def _on_expert(self, on: bool) -> None:
        self._plain.setVisible(not on)
        self.expert_box.setVisible(on)
        self.changed.emit()


def _slider(low: int, high: int, value: int, tooltip: str) -> QLabeledSlider:
    slider = QLabeledSlider(Qt.Orientation.Horizontal)
    slider.setRange(low, high)
    slider.setValue(value)
    slider.setToolTip(tooltip)
    return slider
