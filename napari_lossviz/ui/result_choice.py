"""Which result the sections of a dock act on: follows new results and the viewer's selection."""

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_lossviz.ui.layers import role_of
from napari_lossviz.ui.result_layers import ResultLayers, results_in
from napari_lossviz.ui.tipped_choice import TippedChoice


class ResultChoice(TippedChoice):
    """A combo box of the results shown in a viewer.

    Selecting a layer of a result chooses that result; selecting an image chooses its latest one.

    Parameters
    ----------
    viewer : napari.Viewer
    method : str
        Only its results count.
    """

    result_chosen = Signal(object)
    """`ResultLayers`, or None where there is no result."""

    def __init__(self, viewer: Any, method: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._method = method
        self._results: list[ResultLayers] = []
        self._chosen: ResultLayers | None = None
        self.setPlaceholderText("no result yet")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "The result that is edited, compared and exported: the latest, or the one whose layer "
            "you select"
        )
        layers = viewer.layers
        layers.events.removed.connect(self._refresh)
        layers.events.renamed.connect(self._refresh)
        layers.selection.events.active.connect(self._follow)
        self.currentIndexChanged.connect(self._on_index)
        self.activated.connect(self._bring_up)
        self._refresh()

    @property
    def result(self) -> ResultLayers | None:
        """The chosen result."""
        return self._chosen

    def add(self, result: ResultLayers) -> None:
        """Choose a new result."""
        self._refresh()
        self.choose(result)

    def choose(self, result: ResultLayers | None) -> None:
        """Choose a result; one that is not shown counts as None."""
        self.setCurrentIndex(self._results.index(result) if result in self._results else -1)

    def close_choice(self) -> None:
        """Follow the viewer no longer."""
        layers = self._viewer.layers
        layers.events.removed.disconnect(self._refresh)
        layers.events.renamed.disconnect(self._refresh)
        layers.selection.events.active.disconnect(self._follow)

    def _follow(self, event: Any = None) -> None:
        active = self._viewer.layers.selection.active
        if active is None:
            return
        owners = [result for result in self._results if active in result.all_layers()]
        inputs = [result for result in self._results if active is result.source]
        if self._chosen not in (owners or inputs):
            for result in (owners or inputs)[-1:]:
                self.choose(result)

    def _refresh(self, event: Any = None) -> None:
        found = results_in(self._viewer)
        self._results = [layers for layers in found if layers.result.method == self._method]
        blocked = self.blockSignals(True)
        self.clear()
        self.addItems([result.denoised.name for result in self._results])
        self.blockSignals(blocked)
        chosen = self._chosen if self._chosen in self._results else None
        if chosen is None and self._results:
            chosen = self._results[-1]
        index = -1 if chosen is None else self._results.index(chosen)
        blocked = self.blockSignals(True)
        self.setCurrentIndex(index)
        self.blockSignals(blocked)
        self._take(chosen)

    def _bring_up(self, _index: int) -> None:
        """Show what was chosen by hand: other results, and their images, would lie over it."""
        if self._chosen is None:
            return
        for result in self._results:
            if role_of(result.denoised) == "result":
                result.denoised.visible = result is self._chosen
            if result.source is not self._chosen.source:
                result.source.visible = False
        self._chosen.source.visible = True

    def _on_index(self, index: int) -> None:
        self._take(self._results[index] if 0 <= index < len(self._results) else None)

    def _take(self, chosen: ResultLayers | None) -> None:
        self.show_name("" if chosen is None else chosen.denoised.name)
        if chosen is not self._chosen:
            self._chosen = chosen
            self.result_chosen.emit(chosen)
