"""The two layers of a method that takes two images, such as a prediction and its target."""

import re
from typing import Any

from qtpy.QtCore import QObject

from napari_lossviz.ui.input_choice import InputChoice

_FIRST = (r"pred|prob|logit|output", r"seg")
_SECOND = (r"target|truth|reference|(?:^|[\W_])gt(?:[\W_]|$)", r"label|mask")
"""What the names of first and second images often hold; of little weight what both may hold, as a
predicted mask does."""


class InputPair(QObject):
    """Fills two input choices from the viewer's layers and its selection.

    A layer that is opened or selected goes to where its name belongs; if that place is taken and
    the other one is free, both are filled. A name that says nothing goes to the first place that
    is free, or to the first one. A layer that is chosen already stays where it is, unless its name
    says nothing and it has to give way. What a method made is chosen by hand only.

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
        choices = (self.first, self.second)
        there = [choice.layer is not None for choice in choices]
        named = _place_of(layer.name)
        place = there.index(False) if named is None and False in there else named or 0
        other = 1 - place
        if there[place] and not there[other]:
            if _place_of(choices[place].layer.name) == place:
                place = other
            else:
                choices[other].choose(choices[place].layer)
        choices[place].choose(layer)


def _place_of(name: str) -> int | None:
    """Return 0 or 1 for the name of a first or second image; None: it does not tell."""
    for first, second in zip(_FIRST, _SECOND, strict=True):
        found = [re.search(one, name, re.IGNORECASE) is not None for one in (first, second)]
        if any(found):
            return None if all(found) else found.index(True)
    return None
