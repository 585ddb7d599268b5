"""A combo box whose tooltip says what it is for and what is chosen, which may be cut off."""

from qtpy.QtWidgets import QComboBox, QWidget


class TippedChoice(QComboBox):
    """A combo box; its tooltip has the name of what is chosen above what it is for."""

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

    def _show_tip(self) -> None:
        super().setToolTip("\n".join(part for part in (self._name, self._purpose) if part))
