"""One widget for one field of a configuration, made from its type, bounds, unit and description."""

import math
import types
from collections.abc import Sequence
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from magicgui.widgets import CheckBox, ComboBox, LineEdit, SpinBox
from pydantic.fields import FieldInfo
from qtpy.QtCore import QObject, Signal
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QDoubleSpinBox, QGridLayout, QHBoxLayout, QSizePolicy, QWidget

from napari_lossviz.ui.path_row import PathRow

NOT_GIVEN = "automatic"
"""How None reads in a choice."""

OWN_VALUE = "value"
"""How a value of one's own reads beside words such as "auto"."""

OWN_FILE = "own file…"
"""How it reads where it is a file."""

_MOST_DIGITS = 15
_LARGEST_INT = 2**53


class FloatBox(QDoubleSpinBox):
    """A spin box for numbers of any magnitude: six digits, and exponents where they are shorter."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.setDecimals(_MOST_DIGITS)
        self.setRange(low, high)
        self.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        self.setKeyboardTracking(False)

    def textFromValue(self, v: float) -> str:  # noqa: N802, Qt's name
        """Return the shortest text."""
        return f"{v:.6g}"

    def valueFromText(self, text: str | None) -> float:  # noqa: N802
        """Return the number of a text."""
        try:
            return float((text or "").replace(",", "."))
        except ValueError:
            return self.value()

    def typed(self) -> float:
        """Return what is in the box, even if Qt has not taken it yet."""
        text = self.text()
        if text == self.textFromValue(self.value()):
            return self.value()  # with all its digits
        return min(max(self.valueFromText(text), self.minimum()), self.maximum())

    def validate(self, input: str | None, pos: int) -> Any:
        """Let everything be typed that may become a number."""
        text = (input or "").replace(",", ".")
        try:
            number = float(text)
        except ValueError:
            usable = set(text) <= set("0123456789+-.eE ")
            state = QValidator.State.Intermediate if usable else QValidator.State.Invalid
            return state, input, pos
        fits = math.isfinite(number) and self.minimum() <= number <= self.maximum()
        return QValidator.State.Acceptable if fits else QValidator.State.Intermediate, input, pos

    def stepBy(self, steps: int) -> None:  # noqa: N802
        """Step by a tenth of the leading digit's power."""
        value = self.value()
        power = 10.0 ** math.floor(math.log10(abs(value))) if value else 0.1
        self.setValue(float(f"{value + steps * power / 10:.6g}"))


class FieldWidget(QObject):
    """A field's value in a widget.

    Parameters
    ----------
    name : str
        Of the field.
    field : FieldInfo
        Its declaration with `core.setting`.
    """

    changed = Signal()

    def __init__(self, name: str, field: FieldInfo, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.name = name
        words, kind = _alternatives(field.annotation)
        self._words = words
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        unit = str(extra.get("unit", ""))
        self.advanced = bool(extra.get("advanced", True))
        self.title = title_of(name) + (f" ({unit})" if unit else "")
        self.tooltip = _tooltip(field, unit)
        self._choice: ComboBox | None = None
        self._value: _Value | None = None
        files = str(extra.get("file_kinds", ""))
        self._own = OWN_FILE if files else OWN_VALUE
        if words:
            choices = [_shown(word) for word in words] + ([self._own] if kind is not None else [])
            self._choice = ComboBox(choices=choices, tooltip=self.tooltip)
            self._choice.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            self._choice.changed.connect(self._on_choice)
        if kind is not None:
            self._value = _Value(kind, _bounds(field), self.tooltip, self.changed.emit, files)
        self.widget = self._assembled()

    def value(self) -> Any:
        """Return the value, as the configuration takes it."""
        if self._choice is not None:
            chosen = str(self._choice.value)
            for word in self._words:
                if _shown(word) == chosen:
                    return word
        assert self._value is not None
        return self._value.get()

    def set_value(self, value: Any) -> None:
        """Show a value; nothing is emitted."""
        blocked = self.blockSignals(True)
        is_word = any(value is word or value == word for word in self._words)
        if self._choice is not None:
            self._choice.value = _shown(value) if is_word else self._own
        if not is_word and self._value is not None:
            self._value.set(value)
        self._show_value_if_wanted()
        self.blockSignals(blocked)

    def _assembled(self) -> QWidget:
        parts: list[QWidget] = []
        if self._choice is not None:
            parts.append(self._choice.native)
        if self._value is not None:
            parts.extend(self._value.widgets)
        if len(parts) == 1:
            parts[0].setMinimumWidth(40)
            return parts[0]
        row = QWidget()
        # A choice and one number fit side by side in a narrow dock, several numbers do not.
        beside = len(parts) == 2
        layout = QHBoxLayout(row) if beside else QGridLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for i, part in enumerate(parts):
            # Labels and tooltips say what belongs in there: no part may widen the dock.
            part.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            if isinstance(layout, QHBoxLayout):
                layout.addWidget(part, 1)
            elif i == 0:
                layout.addWidget(part, 0, 0, 1, 2)
            else:
                layout.addWidget(part, (i + 1) // 2, (i + 1) % 2)
        return row

    def _on_choice(self) -> None:
        self._show_value_if_wanted()
        self.changed.emit()

    def _show_value_if_wanted(self) -> None:
        if self._choice is not None and self._value is not None:
            for widget in self._value.widgets:
                widget.setVisible(str(self._choice.value) == self._own)


class _Value:
    """A number, several numbers, a text, the path of a file, or a yes or no."""

    def __init__(
        self, kind: Any, bounds: tuple[float, float], tooltip: str, changed: Any, files: str = ""
    ) -> None:
        self._tuple = get_origin(kind) is tuple
        kinds: Sequence[Any] = get_args(kind) if self._tuple else (kind,)
        if files:
            row = PathRow("file", "Choose a file", "a file", files)
            row.path_changed.connect(lambda: changed())
            self._parts: list[Any] = [row]
        else:
            self._parts = [self._part(one, bounds, tooltip, changed) for one in kinds]
        self.widgets = [part if isinstance(part, QWidget) else part.native for part in self._parts]

    def get(self) -> Any:
        values = [_value_of(part) for part in self._parts]
        return tuple(values) if self._tuple else values[0]

    def set(self, value: Any) -> None:
        for part, one in zip(self._parts, value if self._tuple else (value,), strict=True):
            if isinstance(part, FloatBox):
                part.setValue(float(one))
            elif isinstance(part, PathRow):
                part.set_path(one)
            else:
                part.value = one

    @staticmethod
    def _part(kind: Any, bounds: tuple[float, float], tooltip: str, changed: Any) -> Any:
        if kind is bool:
            widget: Any = CheckBox(tooltip=tooltip)
        elif kind is int:
            low, high = max(bounds[0], -_LARGEST_INT), min(bounds[1], _LARGEST_INT)
            widget = SpinBox(min=int(low), max=int(high), value=int(max(low, 0)), tooltip=tooltip)
            widget.native.setKeyboardTracking(False)
        elif kind is float:
            box = FloatBox(max(bounds[0], -1e15), min(bounds[1], 1e15))
            box.setToolTip(tooltip)
            box.valueChanged.connect(lambda _: changed())
            return box
        elif kind is str:
            widget = LineEdit(tooltip=tooltip)
        else:
            raise TypeError(f"no widget for a field of type {kind!r}")
        widget.changed.connect(lambda _: changed())
        return widget


def _value_of(part: Any) -> Any:
    # What was typed counts at once: Qt takes it when the box loses the focus, and a button that is
    # pressed does not get it everywhere.
    if isinstance(part, FloatBox):
        return part.typed()
    if isinstance(part, SpinBox):
        try:
            return min(max(int(part.native.text()), part.min), part.max)
        except ValueError:  # nothing, or a sign alone
            return part.value
    return part.text if isinstance(part, PathRow) else part.value


def in_words(name: str) -> str:
    """Return a name of the program as people write it: ``fine_tune`` reads "fine-tune"."""
    return name.strip("_").replace("fine_tune", "fine-tune").replace("_", " ")


def title_of(name: str) -> str:
    """Return a name as a title: ``learning_rate`` reads "Learning rate"."""
    return in_words(name).capitalize()


def _shown(word: Any) -> str:
    return NOT_GIVEN if word is None else in_words(str(word))


def _alternatives(annotation: Any) -> tuple[list[Any], Any]:
    """Return the words (literals, None) that a field takes, and the type of its other values."""
    members = (
        get_args(annotation)
        if get_origin(annotation) in (Union, types.UnionType)
        else (annotation,)
    )
    words: list[Any] = []
    kinds: list[Any] = []
    for member in members:
        if get_origin(member) is Literal:
            words.extend(get_args(member))
        elif member is type(None):
            words.append(None)
        else:
            kinds.append(member)
    if len(kinds) > 1:
        raise TypeError(f"no widget for a field of type {annotation!r}")
    return words, kinds[0] if kinds else None


def _bounds(field: FieldInfo) -> tuple[float, float]:
    low, high = -math.inf, math.inf
    for rule in field.metadata:
        if isinstance(rule, Ge | Gt):
            low = max(low, float(rule.ge if isinstance(rule, Ge) else rule.gt))  # type: ignore[arg-type]
        if isinstance(rule, Le | Lt):
            high = min(high, float(rule.le if isinstance(rule, Le) else rule.lt))  # type: ignore[arg-type]
    return low, high


def _tooltip(field: FieldInfo, unit: str) -> str:
    low, high = _bounds(field)
    limits = []
    if math.isfinite(low):
        above = any(isinstance(rule, Gt) for rule in field.metadata)
        limits.append(f"{'above' if above else 'from'} {low:g}")
    if math.isfinite(high):
        limits.append(f"up to {high:g}")
    text = field.description or ""
    if limits:
        text += f" ({' '.join(limits)}{' ' + unit if unit else ''})"
    # As rich text, a tooltip breaks its lines.
    return f"<qt>{text.replace('<', '&lt;')}</qt>"
