"""The end of a dock. `closeEvent` does not fire for a docked widget, so other signs are watched."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol

from qtpy.QtCore import QCoreApplication, QEvent, QObject, QTimer
from qtpy.QtWidgets import QWidget


def end_all(ends: Iterable[Callable[[], None]]) -> None:
    """Call what ends the parts of a dock; one whose Qt half is gone already is passed over."""
    for end in ends:
        with suppress(RuntimeError):
            end()


class _End(Protocol):
    def __call__(self, *, window_stays: bool) -> None: ...


class DockLife(QObject):
    """Calls a function once, when the dock or its window is closed, or the program quits.

    A dock closed with its cross is taken out of napari's frame, and lives on without a parent; a
    dock whose window closes goes down with it, without a word.

    Parameters
    ----------
    dock : QWidget
    viewer : napari.Viewer
    end : callable
        Called with whether the window stays. If not, the dock's Qt half may be gone: then it
        touches no widget that may be.
    """

    def __init__(self, dock: QWidget, viewer: Any, end: _End) -> None:
        super().__init__()
        self._dock = dock
        self._end: _End | None = end
        self._was_in_frame = False
        self._window: Any = viewer.window._qt_window
        dock.installEventFilter(self)
        self._window.installEventFilter(self)
        dock.destroyed.connect(self.finish)
        self._window.destroyed.connect(self.finish)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.finish)

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:  # noqa: N802
        """Watch the dock's parent and the window's end."""
        if a1 is not None and a0 is self._dock and a1.type() == QEvent.Type.ParentChange:
            if self._dock.parentWidget() is not None:
                self._was_in_frame = True
            elif self._was_in_frame:
                self._finish(window_stays=True)
        if a1 is not None and a0 is not self._dock:  # the window, which napari may hand out wrapped
            asked = a1.type() == QEvent.Type.Close
            if a1.type() == QEvent.Type.DeferredDelete or (asked and not a1.spontaneous()):
                self.finish()
            elif asked:  # by the user, who may be asked back: known only afterwards
                QTimer.singleShot(0, self._finish_if_closed)
        return False

    def _finish_if_closed(self) -> None:
        try:
            closed = not self._window.isVisible()
        except RuntimeError:  # Qt deleted it already
            closed = True
        if closed:
            self.finish()

    def finish(self, *_: Any) -> None:
        """End it now, as the window goes."""
        self._finish(window_stays=False)

    def _finish(self, *, window_stays: bool) -> None:
        end, self._end = self._end, None
        if end is not None:
            end(window_stays=window_stays)
