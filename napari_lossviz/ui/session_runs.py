"""The runs of a viewer's session, whichever dock made them, and those read from recipes.

What is kept of a run is light: settings, figures, losses. Its layers are held weakly, so that the
memory of a result that the user removes is free again.
"""

from dataclasses import replace
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary, ref

from qtpy.QtCore import QObject, Signal

from napari_lossviz.jobs.run_record import RunRecord, record_of


class SessionRun:
    """A run of this session, or one that was saved.

    Parameters
    ----------
    record : RunRecord
    layers : ResultLayers, optional
        Where its images are shown.
    """

    def __init__(self, record: RunRecord, layers: Any = None) -> None:
        self.record = record
        self._layers = None if layers is None else ref(layers)

    def layers_in(self, viewer: Any) -> Any:
        """Return its `ResultLayers` while the main one is in the viewer, else None."""
        layers = None if self._layers is None else self._layers()
        return layers if layers is not None and layers.denoised in viewer.layers else None


class SessionRuns(QObject):
    """The runs of one viewer, in the order in which they came."""

    added = Signal(object)
    """A `SessionRun`."""
    removed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[SessionRun] = []
        self._numbers = count(1)

    def remember(self, layers: Any) -> SessionRun:
        """Keep what is to be known of a result that was just shown."""
        return self.add(record_of(layers.result, layers.denoised.name), layers)

    def add(self, record: RunRecord, layers: Any = None) -> SessionRun:
        """Keep a run under a number of its own; a recipe that is there already gives way."""
        if record.recipe is not None:
            for run in [one for one in self.runs if one.record.recipe == record.recipe]:
                self.remove(run)
        run = SessionRun(replace(record, name=f"{next(self._numbers)}. {record.name}"), layers)
        self.runs.append(run)
        self.added.emit(run)
        return run

    def remove(self, run: SessionRun) -> None:
        """Forget a run; its layers stay."""
        self.runs.remove(run)
        self.removed.emit(run)


_OF: "WeakKeyDictionary[Any, SessionRuns]" = WeakKeyDictionary()


def runs_of(viewer: Any) -> SessionRuns:
    """Return the runs of a viewer; they live as long as it does."""
    if viewer not in _OF:
        _OF[viewer] = SessionRuns()
    return _OF[viewer]
