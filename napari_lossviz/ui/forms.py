"""The form of a configuration, generated from its fields: one for all methods."""

from collections.abc import Collection
from typing import Any

from pydantic import ValidationError
from qtpy.QtCore import Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QFormLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_lossviz.core import InputError, MethodConfig
from napari_lossviz.ui.field_widgets import FieldWidget, title_of
from napari_lossviz.ui.folded import Folded

_NARROW = 36
"""Letters of the form's width; with fewer, as at a large font, all labels go above their fields."""


class ConfigForm(QWidget):
    """Shows and edits a configuration: the few fields that people change, the others folded.

    Parameters
    ----------
    config : MethodConfig
        What it starts with; it may be set to any other of the same class.
    leave_out : collection of str
        Fields that somebody else sets; they keep the values of the configuration set last.
    """

    changed = Signal()
    """The user changed a field; the configuration may be invalid now."""

    def __init__(
        self,
        config: MethodConfig,
        *,
        leave_out: Collection[str] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._base = config
        self.fields = {
            name: FieldWidget(name, field, self)
            for name, field in type(config).model_fields.items()
            if name not in leave_out
        }
        self._error = QLabel()
        self._error.setObjectName("lossviz form error")
        self._error.setWordWrap(True)
        self._error.setStyleSheet("color: #e8575a;")
        self._build()
        for widget in self.fields.values():
            widget.changed.connect(self._on_change)
        self.set_config(config)

    def config(self) -> MethodConfig:
        """Return the configuration that the form shows.

        Raises
        ------
        InputError
            If its values do not fit together; the message says which and why.
        """
        values = {name: widget.value() for name, widget in self.fields.items()}
        try:
            return self._base.replace(**values)
        except ValidationError as error:
            raise InputError(_complaints(error)) from error

    def set_config(self, config: MethodConfig) -> None:
        """Show a configuration; `changed` is not emitted."""
        self._base = config
        for name, widget in self.fields.items():
            widget.set_value(getattr(config, name))
        self._show_error()

    @property
    def error(self) -> str:
        """What is wrong with the values, empty if nothing is."""
        try:
            self.config()
        except InputError as error:
            return str(error)
        return ""

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802, Qt's name
        """Leave the fields room for their values."""
        super().resizeEvent(event)
        self._error.ensurePolished()  # else the letters are those of the usual font size
        narrow = self.width() < _NARROW * self._error.fontMetrics().averageCharWidth()
        wrap = QFormLayout.RowWrapPolicy
        for rows in self._rows:
            rows.setRowWrapPolicy(wrap.WrapAllRows if narrow else wrap.WrapLongRows)

    def _on_change(self) -> None:
        self._show_error()
        self.changed.emit()

    def _show_error(self) -> None:
        message = self.error
        self._error.setText(message)
        self._error.setVisible(bool(message))

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        basic = QWidget()
        folded = QWidget()
        self._rows = (QFormLayout(basic), QFormLayout(folded))
        for rows, wanted in zip(self._rows, (False, True), strict=True):
            rows.setContentsMargins(0, 0, 0, 0)
            rows.setVerticalSpacing(4)
            rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
            for widget in self.fields.values():
                if widget.advanced is wanted:
                    rows.addRow(_label(widget), widget.widget)
        self.more = Folded("More settings", "What few need to change", folded)
        layout.addWidget(basic)
        layout.addWidget(self.more)
        layout.addWidget(self._error)
        self.more.setVisible(any(widget.advanced for widget in self.fields.values()))


def _label(widget: FieldWidget) -> QLabel:
    label = QLabel(widget.title)
    label.setToolTip(widget.tooltip)
    label.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Preferred)
    return label


def _complaints(error: ValidationError) -> str:
    """Return what pydantic complains of, for people."""
    lines: dict[str, None] = {}
    for item in error.errors():
        place: Any = item["loc"][0] if item["loc"] else ""
        text = item["msg"].removeprefix("Value error, ")
        lines[f"{title_of(str(place))}: {text}" if place else text] = None
    return "\n".join(lines)
