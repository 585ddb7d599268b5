"""A combo box for long names: shortened in their middle, and in full in the tooltip."""

from qtpy.QtCore import Qt
from qtpy.QtGui import QPaintEvent
from qtpy.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter, QWidget

_PADDING = 8
"""Pixels that style sheets leave around the text, whose rectangle Qt tells without them."""


class TippedChoice(QComboBox):
    """A combo box; its tooltip has the name of what is chosen above what it is for.

    Names differ at their ends, by a number or a preset: what does not fit is left out between.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._purpose = ""
        self._name = ""

    def setToolTip(self, tip: str | None) -> None:  # noqa: N802, Qt's name
        """Set what it is for."""
        self._purpose = tip or ""
        self._show_tip()

    def show_name(self, name: str) -> None:
        """Set the name of what is chosen; empty: nothing is."""
        self._name = name
        self._show_tip()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802, Qt's name
        """Draw the box with its text shortened in the middle."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        field = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox,
            option,
            QStyle.SubControl.SC_ComboBoxEditField,
            self,
        )
        text = option.currentText if self.currentIndex() >= 0 else self.placeholderText()
        option.currentText = self.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideMiddle, max(field.width() - _PADDING, 0)
        )
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def _show_tip(self) -> None:
        super().setToolTip("\n".join(part for part in (self._name, self._purpose) if part))
