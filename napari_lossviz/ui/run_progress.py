"""How a run goes: bar with the time left, loss curves, and which loss map to look at."""

import time
from collections.abc import Iterable, Mapping, Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_lossviz.ui.activity import Activity
from napari_lossviz.ui.busy_bar import BusyBar
from napari_lossviz.ui.plots.loss_curves import LossCurves
from napari_lossviz.ui.time_left import TimeLeft, words

_OFF = "off"


class RunProgress(QWidget):
    """The middle of a run panel; hidden parts appear when there is something to show."""

    term_chosen = Signal(str)
    """The loss term whose map is wanted; empty: none."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._activity = Activity(title, self)
        self._active = False
        self._time_left = TimeLeft()
        self.bar = BusyBar()
        self.bar.setToolTip("Progress and the time left")
        self.curves = LossCurves()
        self.terms = QComboBox()
        self.terms.setToolTip("Show as a layer where this term of the loss acts, pixel by pixel")
        self._term_row = QWidget()
        row = QHBoxLayout(self._term_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel("Loss map"))
        row.addWidget(self.terms, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in (self.bar, self.curves, self._term_row):
            layout.addWidget(widget)
            widget.hide()
        self.terms.addItem(_OFF)
        self.terms.currentTextChanged.connect(
            lambda text: self.term_chosen.emit("" if text == _OFF else text)
        )

    @property
    def term(self) -> str:
        """The loss term whose map is wanted; empty: none."""
        text = self.terms.currentText()
        return "" if text == _OFF else text

    @property
    def active(self) -> bool:
        """Whether the bar is running."""
        return self._active

    def start(self, text: str, *, curves: bool) -> None:
        """Show a bar of unknown length; napari's activity dock gets one too.

        Parameters
        ----------
        text : str
        curves : bool
            Whether curves of this run may come: those of an earlier one go then.
        """
        self._active = True
        self._time_left = TimeLeft()
        self.bar.setRange(0, 0)
        self.bar.setFormat(text)
        self.bar.show()
        if curves:
            self.curves.set_history({})
        self._activity.show(0, 0, text)

    def step(
        self,
        done: int,
        total: int,
        text: str,
        losses: Iterable[tuple[int, Mapping[str, float]]] = (),
    ) -> None:
        """Show steps done, and the losses of the latest ones."""
        if not self._active:
            return
        left = words(self._time_left.update(done, total, time.monotonic()))
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(done)
        said = " · ".join(part for part in (text, left) if part)
        self.bar.setFormat(f"%p% · {said}" if said else "%p%")
        self.curves.add(losses)
        self._activity.show(done, total, said)

    def stop(self) -> None:
        """Take the bars away; curves stay to be looked at."""
        self._active = False
        self._activity.hide()
        self.bar.hide()

    def offer_terms(self, terms: Sequence[str]) -> None:
        """Offer loss maps of these terms; the chosen one stays chosen."""
        entries = [_OFF, *terms]
        if entries != [self.terms.itemText(i) for i in range(self.terms.count())]:
            chosen = self.terms.currentText()
            blocked = self.terms.blockSignals(True)
            self.terms.clear()
            self.terms.addItems(entries)
            self.terms.setCurrentText(chosen if chosen in entries else _OFF)
            self.terms.blockSignals(blocked)
        self._term_row.setVisible(bool(terms))
