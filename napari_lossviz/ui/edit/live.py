"""One result under edit: its history, the thread that refilters, the layers that follow."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Qt, QTimer, Signal

from napari_lossviz.core import Box, Edit
from napari_lossviz.core.replay import touches_slice
from napari_lossviz.filter2noise.edit import EditSession, Update
from napari_lossviz.filter2noise.edit_worker import EditWorker
from napari_lossviz.ui.edit.history import EditHistory, Edits
from napari_lossviz.ui.edit.layer_writer import EDITS_KEY, LayerWriter
from napari_lossviz.ui.edit.placement import slice_axes
from napari_lossviz.ui.layers import METADATA_KEY

if TYPE_CHECKING:
    from napari_lossviz.ui.result_layers import ResultLayers

Maps = Mapping[str, NDArray[np.float32]]
_Message = tuple[Update, Maps, Edits]

BASE_KEY = "base_edits"
"""Under our key of a denoised layer's metadata: those of its edits that no brush made."""

_SETTLE = 120
"""Milliseconds without a change after which other slices are brought up to date."""


class LiveEdits(QObject):
    """Edits of one result, and its layers kept in step with them.

    The slice shown is refiltered at once, the others it touches in the background, nearest first.

    Parameters
    ----------
    layers : ResultLayers
        Of a `Filter2NoiseResult`.

    Raises
    ------
    InputError
        If the denoised layer does not show the result any more.
    """

    edits_changed = Signal()
    """The list of edits is another one (not emitted while a stroke goes on)."""
    written = Signal(int)
    """New pixels of this slice are in the layers; they are shown next."""
    waiting = Signal(int)
    """How many slices are not up to date; 0 when all are."""
    failed = Signal(str)
    """An update failed, with its reason."""

    _arrived = Signal()

    def __init__(self, layers: "ResultLayers") -> None:
        super().__init__()
        result: Any = layers.result
        self.writer = LayerWriter(layers)
        known = layers.denoised.metadata.get(METADATA_KEY, {})
        start: Edits = known.get(EDITS_KEY, tuple(result.edits))
        self._base: Edits = known.get(BASE_KEY, ())
        self.history = EditHistory(start[len(self._base) :])
        self._start = start
        self._result = replace(result, edits=start)
        self.count: int = result.predicted.count
        self.per_stack: int = result.leading[-1] if "z" in slice_axes(result.source.axes) else 1
        self.shown = 0
        self._contained: dict[int, Edits] = {}  # what the layers' slices contain, where written
        # Pixels edited before: where exactly is not known any more.
        self._unknown = set(range(self.count)) if start != tuple(result.edits) else set[int]()
        self._unknown = {n for n in self._unknown if _of_slice(start, n)}
        self._in_stroke = False
        self._worker: EditWorker | None = None
        self._closed = self._broken = False
        self._messages: SimpleQueue[_Message | Exception] = SimpleQueue()  # from the thread
        self._arrived.connect(self._take_messages, Qt.ConnectionType.QueuedConnection)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLE)
        self._timer.timeout.connect(self._settle)
        if self._unknown:
            self._timer.start()

    @property
    def edits(self) -> Edits:
        """The edits that count now: those under the brush's, then the brush's."""
        return (*self._base, *self.history.edits)

    @property
    def base(self) -> Edits:
        """Those of the edits that no brush made."""
        return self._base

    # what the user does

    def begin(self, edit: Edit, n: int) -> None:
        """Start a stroke on slice `n`."""
        self._in_stroke = True
        self.shown = n
        self.history.add(edit)
        self._started().submit(self.edits, n)

    def grow(self, edit: Edit, n: int) -> None:
        """Put a longer stroke in place of the one that was begun."""
        if self._in_stroke and not self._closed:
            self.history.grow(edit)
            self._started().submit(self.edits, n)

    def finish(self) -> None:
        """End the stroke."""
        if self._in_stroke:
            self._in_stroke = False
            self._changed()

    def add(self, *edits: Edit) -> None:
        """Append edits as one step."""
        self.finish()
        if edits:
            self.history.add(*edits)
            self._changed()

    def replace(self, edits: Edits) -> None:
        """Put another list in place of the present one, as one step."""
        self.finish()
        self.history.replace(edits)
        self._changed()

    def undo(self) -> None:
        """Take the last step back."""
        self.finish()
        self.history.undo()
        self._changed()

    def redo(self) -> None:
        """Do again what was undone last."""
        self.finish()
        self.history.redo()
        self._changed()

    def set_base(self, edits: Edits) -> None:
        """Put edits under those of the brush, such as an overall strength; no step of the history.

        Below the brush's, so that a growing stroke stays the last edit, which alone is replayed.
        """
        if edits != self._base:
            self.finish()
            self._base = edits
            self.writer.denoised.metadata.setdefault(METADATA_KEY, {})[BASE_KEY] = edits
            self._changed()

    def show(self, n: int, *, prepare: bool = False) -> None:
        """Tell which slice is on the screen; it is brought up to date first.

        Parameters
        ----------
        n : int
        prepare : bool
            Make the slice ready for the brush, so that the first stroke does not wait.
        """
        self.shown = n
        if prepare or self._is_stale(n):
            self._started().submit(self.edits, n)

    def stale_slices(self) -> list[int]:
        """Return the slices whose pixels in the layers lack an edit, nearest to the shown first."""
        stale = [n for n in range(self.count) if self._is_stale(n)]
        return sorted(stale, key=lambda n: abs(n - self.shown))

    def finish_updates(self, timeout: float) -> bool:
        """Wait until all slices are up to date; return whether they are.

        Parameters
        ----------
        timeout : float
            Seconds to wait at most.
        """
        self.finish()
        end = time.monotonic() + timeout
        self._broken = False
        while not (self.up_to_date or self._closed or self._broken):
            if time.monotonic() > end:
                break
            worker = self._started()
            if worker.idle:
                worker.submit_background(self.edits, self.stale_slices())
            worker.wait(0.05)
            self._take_messages()
        return self.up_to_date

    def close(self) -> None:
        """Stop the thread; the layers keep what they show."""
        self._closed = True
        self._in_stroke = False
        with suppress(RuntimeError):  # where the program ends with the window, Qt's half is gone
            self._timer.stop()
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    # the thread and what comes of it

    def _started(self) -> EditWorker:
        if self._worker is None:
            session = EditSession(self._result)

            def deliver(update: Update) -> None:
                maps = session.maps(update.n, update.map_box)
                mine = _of_slice(session.edits, update.n)
                if update.n in self._unknown:
                    whole = Box.whole(session.denoised(update.n).shape)
                    maps = session.maps(update.n)
                    update = Update(update.n, whole, session.denoised(update.n), whole)
                send((update, maps, mine))

            def send(message: _Message | Exception) -> None:
                self._messages.put(message)
                self._arrived.emit()

            self._worker = EditWorker(session, deliver, send)
        return self._worker

    def _take_messages(self) -> None:
        while not self._messages.empty():
            message = self._messages.get()
            if self._closed or not self.writer.intact:
                continue
            if isinstance(message, Exception):
                self._broken = True
                self.failed.emit(str(message) or type(message).__name__)
            else:
                self._write(*message)

    def _write(self, update: Update, maps: Maps, contained: Edits) -> None:
        self.writer.write(update, maps)
        self._contained[update.n] = contained
        self._unknown.discard(update.n)
        self._broken = False
        self.written.emit(update.n)
        if update.n == self.shown and not (update.box.empty and update.map_box.empty):
            self.writer.refresh(thumbnail=not self._in_stroke)
        if not self._in_stroke:
            self._timer.start()

    @property
    def up_to_date(self) -> bool:
        """Whether the layers contain the edits, and nothing under way will change them again."""
        if self._worker is not None and not self._worker.idle:
            return False
        return self._messages.empty() and not self.stale_slices()

    def _changed(self) -> None:
        self.writer.denoised.metadata.setdefault(METADATA_KEY, {})[EDITS_KEY] = self.edits
        # An older request under way would be written over pixels that are right now.
        overtaken = self._worker is not None and not self._worker.idle
        if overtaken or self._is_stale(self.shown):
            self._started().submit(self.edits, self.shown)
        self._timer.start()
        self.edits_changed.emit()

    def _settle(self) -> None:
        """Ask for what is not up to date, once the user pauses."""
        if self._in_stroke or self._closed:
            return
        stale = self.stale_slices()
        if self._worker is not None or stale:
            self._started().submit_background(self.edits, stale)
        self.waiting.emit(len(stale))

    def _is_stale(self, n: int) -> bool:
        known = self._contained.get(n)
        if known is None:
            if n in self._unknown:
                return True
            known = _of_slice(self._start, n)
        return known != _of_slice(self.edits, n)


def _of_slice(edits: Edits, n: int) -> Edits:
    return tuple(edit for edit in edits if touches_slice(edit, n))
