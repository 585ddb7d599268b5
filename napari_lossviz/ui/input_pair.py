"""The two layers of a method that takes two images, such as a prediction and its target."""

import re
from typing import Any

from qtpy.QtCore import QObject

from napari_lossviz.ui.input_choice import InputChoice

_SECOND = re.compile(r"target|truth|reference|label|mask|(?:^|[\W_])gt(?:[\W_]|$)", re.IGNORECASE)
"""What the name of a second image often holds."""


class InputPair(QObject):
    """Fills two input choices from the viewer's layers and its selection.

    A layer that is opened or selected becomes the second image if its name says so, or if only the
    second one is missing, and the first image otherwise; one that is chosen already stays where it
    is. What a method made is chosen by hand only.

    Parameters
    ----------
    viewer : napari.Viewer
    first, second : InputChoice
        Made with ``follows=False``.
    """

    def __init__(
        self, viewer: Any, first: InputChoice, second: InputChoice, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.first, self.second = first, second
        for layer in viewer.layers:
            self._offer(layer)
        self._follow()
        viewer.layers.selection.events.active.connect(self._follow)

    def close_pair(self) -> None:
        """Follow the viewer no longer."""
        self._viewer.layers.selection.events.active.disconnect(self._follow)

    def _follow(self, event: Any = None) -> None:
        active = self._viewer.layers.selection.active
        if active is not None:
            self._offer(active)

    def _offer(self, layer: Any) -> None:
        if not self.first.is_input(layer) or layer in (self.first.layer, self.second.layer):
            return
        only_second = self.second.layer is None and self.first.layer is not None
        if only_second or _SECOND.search(layer.name):
            self.second.choose(layer)
        else:
            self.first.choose(layer)
