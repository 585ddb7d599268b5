"""The question which swaths, polarisations and bursts of a Sentinel-1 product shall be opened."""

from collections.abc import Iterable, Sequence

from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz.io.measurements import Measurement, MeasurementChoice, ProductPart

_CO_POLARISED = ("VV", "HH")
_SWATH_TIP = "Open the images of this swath: a strip of the ground beside those of the others"
_POLARISATION_TIP = "Open the images that were sent and received in these polarisations"
_BURST_TIPS = "The first burst to open", "The last burst to open"


class _Memory:
    """The last answer of this session, offered first the next time."""

    part: ProductPart | None = None


class ProductDialog(QDialog):
    """Asks with check boxes; the answer is offered again in the same session.

    Parameters
    ----------
    measurements : sequence of Measurement
        Those that there are.
    """

    def __init__(self, measurements: Sequence[Measurement], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("lossviz product")
        self.setWindowTitle("Open a Sentinel-1 product")
        self._measurements = tuple(measurements)
        swaths = sorted({one.swath for one in measurements})
        polarisations = sorted({one.polarisation for one in measurements})
        self._most = max(one.bursts for one in measurements)
        self.swaths = {name: QCheckBox(name) for name in swaths}
        self.polarisations = {name: QCheckBox(name) for name in polarisations}
        self.first, self.last = QSpinBox(), QSpinBox()
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self._summary = QLabel()
        self._tell()
        self._build()
        self._offer(_Memory.part)
        for box in (*self.swaths.values(), *self.polarisations.values()):
            box.toggled.connect(self._update)
        for spin in (self.first, self.last):
            spin.valueChanged.connect(self._update)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        self._update()

    def part(self) -> ProductPart:
        """Return what is chosen."""
        choice = MeasurementChoice.of(_checked(self.swaths), _checked(self.polarisations))
        bursts = (self.first.value(), self.last.value())
        return ProductPart(choice, None if bursts in ((1, self._most), (0, 0)) else bursts)

    def _accept(self) -> None:
        _Memory.part = self.part()
        self.accept()

    def _offer(self, last: ProductPart | None) -> None:
        known = None if last is None else last.choice
        if known is None or not any(known.takes(one) for one in self._measurements):
            first = min(self.swaths)
            there = [one.polarisation for one in self._measurements if one.swath == first]
            usual = next((name for name in _CO_POLARISED if name in there), min(there))
            known, last = MeasurementChoice.of([first], [usual]), None
        for boxes, names in (
            (self.swaths, known.swaths),
            (self.polarisations, known.polarisations),
        ):
            for name, box in boxes.items():
                box.setChecked(names is None or name in names)
        for spin in (self.first, self.last):
            spin.setRange(min(1, self._most), self._most)
        bursts = (1, self._most) if last is None or last.bursts is None else last.bursts
        self.first.setValue(bursts[0])
        self.last.setValue(bursts[1])

    def _update(self) -> None:
        # An empty choice would mean all; here it means nothing.
        named = bool(_checked(self.swaths)) and bool(_checked(self.polarisations))
        choice = self.part().choice
        taken = sum(choice.takes(one) for one in self._measurements) if named else 0
        in_order = self.first.value() <= self.last.value()
        if not in_order:
            self._summary.setText("The last burst lies before the first.")
        else:
            layers = "1 layer" if taken == 1 else f"{taken} layers"
            self._summary.setText(f"Opens {layers}." if taken else "There is no such image.")
        ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        assert ok is not None  # it was asked for above
        ok.setEnabled(taken > 0 and in_order)

    def _tell(self) -> None:
        for boxes, tip in ((self.swaths, _SWATH_TIP), (self.polarisations, _POLARISATION_TIP)):
            for box in boxes.values():
                box.setToolTip(tip)
        for spin, tip in zip((self.first, self.last), _BURST_TIPS, strict=True):
            spin.setToolTip(tip)
        standard = QDialogButtonBox.StandardButton
        for which, tip in (
            (standard.Ok, "Open what is ticked as layers"),
            (standard.Cancel, "Open nothing"),
        ):
            button = self.buttons.button(which)
            assert button is not None  # it was asked for above
            button.setToolTip(tip)

    def _build(self) -> None:
        form = QFormLayout()
        form.addRow("Swaths", _row(self.swaths.values()))
        form.addRow("Polarisations", _row(self.polarisations.values()))
        if self._most > 1:
            form.addRow("Bursts", _row((self.first, QLabel("to"), self.last)))
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel("Which of its images do you want to open?"))
        layout.addLayout(form)
        layout.addWidget(self._summary)
        layout.addWidget(self.buttons)


def _checked(boxes: dict[str, QCheckBox]) -> list[str]:
    return [name for name, box in boxes.items() if box.isChecked()]


def _row(widgets: Iterable[QWidget]) -> QWidget:
    holder = QWidget()
    layout = QHBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    layout.addStretch(1)
    return holder
