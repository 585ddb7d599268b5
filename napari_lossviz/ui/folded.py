"""A part of a form that is folded away until it is wanted."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWIDGETSIZE_MAX, QSizePolicy, QWidget
from superqt import QCollapsible

_LOOKS = """
QPushButton { text-align: left; border: none }
QPushButton:focus { text-decoration: underline }
"""


class Folded(QCollapsible):
    """Shows a title; a click on it, or the space bar, shows and hides the content.

    What is folded away is hidden, so that the Tab key passes it by, and unfolded it has all the
    height that it asks for, also when its labels break into more lines.

    Parameters
    ----------
    title : str
    tip : str
        Tooltip of the title.
    content : QWidget
    """

    def __init__(
        self, title: str, tip: str, content: QWidget, parent: QWidget | None = None
    ) -> None:
        super().__init__(title, parent, expandedIcon="▾", collapsedIcon="▸")
        self.setDuration(0)
        # The usual policy and alignment would squeeze rows that break into two lines.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        layout = self.layout()
        assert layout is not None  # the base class has made it
        layout.setAlignment(Qt.AlignmentFlag(0))
        button = self.toggleButton()
        button.setToolTip(tip)
        button.setStyleSheet(_LOOKS)
        self.setContent(content)
        self.toggled.connect(self._on_toggled)
        self.collapse(animate=False)

    def _on_toggled(self, unfolded: bool) -> None:
        self.content().setVisible(unfolded)
        if unfolded:
            self.content().setMaximumHeight(QWIDGETSIZE_MAX)
