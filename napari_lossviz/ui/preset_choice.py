"""The preset of a method, with one sentence about each."""

from collections.abc import Mapping, Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_lossviz.core import MethodConfig
from napari_lossviz.jobs.registry import Method
from napari_lossviz.ui.field_widgets import in_words, title_of


class PresetChoice(QWidget):
    """A combo box of presets above the sentence about the chosen one.

    Parameters
    ----------
    method : Method
    sentences : mapping of str to str
        One for each preset.
    """

    chosen = Signal(object)
    """The configuration of the preset."""

    def __init__(
        self, method: Method, sentences: Mapping[str, str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._method = method
        self._sentences = sentences
        self.box = QComboBox()
        self.box.addItems([title_of(name) for name in method.presets])
        self.box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.box.setToolTip("A preset sets everything below; change what you like afterwards")
        self._label = QLabel()
        self._label.setWordWrap(True)
        self._label.setEnabled(False)  # quieter than what can be changed
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.box)
        layout.addWidget(self._label)
        self.setFocusProxy(self.box)
        self.box.currentIndexChanged.connect(self._on_index)
        self._say()

    @property
    def name(self) -> str:
        """Name of the chosen preset."""
        return self._method.presets[self.box.currentIndex()]

    def config(self) -> MethodConfig:
        """Return the configuration of the chosen preset."""
        return self._method.preset(self.name)

    def run_label(self, config: MethodConfig, told: Sequence[str]) -> str:
        """Return what tells a run from others of its method: the preset, and where it was left.

        Parameters
        ----------
        config : MethodConfig
            Of the run.
        told : sequence of str
            Fields that are told where they differ from the preset.
        """
        if len(self._method.presets) < 2:
            return ""
        usual = self.config()
        parts = [in_words(self.name)]
        for name in told:
            value = getattr(config, name)
            if value != getattr(usual, name):
                parts.append(
                    f"no {in_words(name)}" if value is None else f"{in_words(name)} {value}"
                )
        return ", ".join(parts)

    def choose(self, name: str) -> None:
        """Choose a preset."""
        self.box.setCurrentIndex(self._method.presets.index(name))

    def _on_index(self) -> None:
        self._say()
        self.chosen.emit(self.config())

    def _say(self) -> None:
        self._label.setText(self._sentences.get(self.name, ""))
