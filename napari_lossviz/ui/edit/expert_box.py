"""For experts: which map, which stage, which operation."""

from dataclasses import dataclass, replace

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout, QLabel, QWidget

from napari_lossviz.core.edits import ALL_MAPS, Operation
from napari_lossviz.ui.edit.brush import Brush


@dataclass(frozen=True)
class MapInfo:
    """A map to choose.

    Attributes
    ----------
    name : str
    unit : str
        Of its values.
    typical : float
        Its median as predicted, where "set" starts from.
    """

    name: str
    unit: str
    typical: float


_OPERATIONS: dict[Operation, str] = {
    "multiply": "Multiply by",
    "add": "Add",
    "set": "Set to",
    "smooth": "Smooth over",
    "restore": "Restore",
}
_WHAT = {
    "sigma_x": "sigma_x (along x)",
    "sigma_y": "sigma_y (along y)",
    "sigma_r": "sigma_r (intensity)",
    "angle": "angle (of sigma_x)",
    "sigma_residual": "sigma_residual (given back)",
    "sigma_z": "sigma_z (slices)",
    "sigma_t": "sigma_t (times)",
}


class ExpertBox(QWidget):
    """Map, stage, operation and its value."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._maps: list[MapInfo] = []
        self.map = _combo("Map that the brush changes")
        self.stage = _combo("Stage of the filter whose map is changed")
        self.operation = _combo("What happens to the map under the brush")
        self.value = QDoubleSpinBox()
        self.value.setDecimals(3)
        self.value.setKeyboardTracking(False)
        self.value.setToolTip(
            "By what, or to what, the map is changed at full strength of the brush"
        )
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(2)
        layout.addRow("Map", self.map)
        layout.addRow("Stage", self.stage)
        layout.addRow("Operation", self.operation)
        self._value_label = QLabel("Value")
        layout.addRow(self._value_label, self.value)
        self.map.currentIndexChanged.connect(self._on_map)
        self.stage.currentIndexChanged.connect(lambda _i: self.changed.emit())
        self.operation.currentIndexChanged.connect(self._on_operation)
        self.value.valueChanged.connect(lambda _v: self.changed.emit())

    def set_maps(self, maps: list[MapInfo], stages: int) -> None:
        """Offer the maps and stages of a result; the choice stays where it can."""
        known = self._maps, self.stage.count() - 1
        self._maps = maps
        if ([m.name for m in known[0]], known[1]) == ([m.name for m in maps], stages):
            self._on_map()
            return
        self.map.blockSignals(True)
        self.map.clear()
        self.map.addItem("All sigma maps", ALL_MAPS)
        for info in maps:
            self.map.addItem(_WHAT.get(info.name, info.name), info.name)
        self.map.blockSignals(False)
        self.stage.clear()
        self.stage.addItem("All stages", None)
        for stage in range(stages):
            self.stage.addItem(f"Stage {stage + 1}", stage)
        self.stage.setEnabled(stages > 1)
        self._on_map()

    def applied_to(self, brush: Brush) -> Brush:
        """Return the brush with what is chosen here."""
        return replace(
            brush,
            map=self.map.currentData() or ALL_MAPS,
            stage=self.stage.currentData(),
            operation=self.operation.currentData() or "multiply",
            value=self.value.value(),
        )

    def _map_info(self) -> MapInfo | None:
        name = self.map.currentData()
        return next((info for info in self._maps if info.name == name), None)

    def _on_map(self) -> None:
        """Offer only operations that have a meaning: maps of several units share no value."""
        chosen = self.operation.currentData()
        self.operation.blockSignals(True)
        self.operation.clear()
        for name, title in _OPERATIONS.items():
            if self._map_info() is not None or name not in ("add", "set"):
                self.operation.addItem(title, name)
        self.operation.setCurrentIndex(max(0, self.operation.findData(chosen)))
        self.operation.blockSignals(False)
        self._on_operation()

    def _on_operation(self) -> None:
        operation = self.operation.currentData()
        if operation is None:
            return
        info = self._map_info()
        unit = f" {info.unit}" if info is not None and info.unit else ""
        typical = info.typical if info is not None else 1.0
        low, high, start, suffix = {
            "multiply": (0.01, 100.0, 2.0, ""),
            "add": (-1e6, 1e6, typical / 2, unit),
            "set": (-1e6, 1e6, typical, unit),
            "smooth": (0.5, 50.0, 3.0, " px"),
            "restore": (0.0, 1.0, 1.0, ""),
        }[operation]
        self.value.blockSignals(True)
        self.value.setSuffix(suffix)
        self.value.setRange(low, high)
        self.value.setValue(start)
        self.value.setSingleStep(max(0.1, abs(start) / 10))
        self.value.blockSignals(False)
        self.value.setVisible(operation != "restore")
        self._value_label.setVisible(operation != "restore")
        self.changed.emit()


def _combo(tooltip: str) -> QComboBox:
    combo = QComboBox()
    combo.setToolTip(tooltip)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)
    return combo
