"""A combo box of the runs of a session, the latest first."""

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_lossviz.ui.session_runs import SessionRun, SessionRuns
from napari_lossviz.ui.tipped_choice import TippedChoice


class RunChoice(TippedChoice):
    """Lets the user choose a run.

    Parameters
    ----------
    runs : SessionRuns
    tip : str
        What the run is for, while none is chosen.
    """

    run_chosen = Signal()

    def __init__(self, runs: SessionRuns, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = runs
        self._tip = tip
        self.setToolTip(tip)
        self._runs: list[SessionRun] = []
        self._chosen: SessionRun | None = None
        self.setPlaceholderText("choose a run")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        runs.added.connect(self._refresh)
        runs.removed.connect(self._refresh)
        self._refresh()
        self.currentIndexChanged.connect(self._on_index)

    @property
    def run(self) -> SessionRun | None:
        """The run chosen."""
        return self._chosen

    def choose(self, run: SessionRun | None) -> None:
        """Choose a run of the session."""
        self.setCurrentIndex(self._runs.index(run) if run in self._runs else -1)

    def close_choice(self) -> None:
        """Follow the session no longer."""
        self._session.added.disconnect(self._refresh)
        self._session.removed.disconnect(self._refresh)

    def _refresh(self, _: Any = None) -> None:
        self._runs = self._session.runs[::-1]
        blocked = self.blockSignals(True)
        self.clear()
        self.addItems([run.record.name for run in self._runs])
        chosen = self._chosen
        self.setCurrentIndex(self._runs.index(chosen) if chosen in self._runs else -1)
        self.blockSignals(blocked)
        self._on_index(self.currentIndex())

    def _on_index(self, index: int) -> None:
        chosen = self._runs[index] if 0 <= index < len(self._runs) else None
        if chosen is not self._chosen:
            self._chosen = chosen
            self.show_name("" if chosen is None else chosen.record.name)
            self.run_chosen.emit()
