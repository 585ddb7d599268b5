"""Which trained generator translates: chosen by file, its card shown, its fit to the image told."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from napari_lossviz import samples
from napari_lossviz.core import Image, LossvizError
from napari_lossviz.jobs.train_stain import model_card
from napari_lossviz.ui.background import Task
from napari_lossviz.ui.engine_process import Call, EngineProcess
from napari_lossviz.ui.stain.words import card_in_short, fit_in_short, look_in_short

_KINDS = "Checkpoints (*.safetensors *.pth *.pt)"


class CheckpointBox(QWidget):
    """Offers the demonstration checkpoint and any file; reads the card of what is chosen.

    Parameters
    ----------
    engine : EngineProcess
        Reads the authors' files, which takes torch.
    """

    checkpoint_changed = Signal(str)
    """The path of a checkpoint that can be used; empty: none."""

    def __init__(self, engine: EngineProcess, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._reading: Task | Call | None = None
        self._card: Mapping[str, Any] | None = None
        self._path = ""
        self._image: Image | None = None
        self._microns = 0.0
        self._refusal = ""
        self._looking: Task | None = None
        self._looked_at: tuple[Any, Any] = (None, None)
        self._look = ""
        self.box = QComboBox()
        self.box.setPlaceholderText("choose a checkpoint")
        self.box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.box.setToolTip("The trained generator that translates")
        self.choose_button = QToolButton()
        self.choose_button.setText("…")
        self.choose_button.setToolTip(
            "A .safetensors file that a training wrote, or the authors' latest_net_G.pth"
        )
        self.card = QLabel()
        self.card.setTextFormat(Qt.TextFormat.RichText)
        self.warning = QLabel()
        self.warning.setStyleSheet("color: #ffb74d;")
        self.error = QLabel()
        self.error.setStyleSheet("color: #e8575a;")
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(QLabel("Checkpoint"), 0, 0)
        layout.addWidget(self.box, 0, 1)
        layout.addWidget(self.choose_button, 0, 2)
        layout.setColumnStretch(1, 1)
        for row, label in enumerate((self.card, self.error, self.warning), start=1):
            label.setWordWrap(True)
            label.setMinimumWidth(1)  # a long name must not widen the dock
            label.hide()
            layout.addWidget(label, row, 0, 1, 3)
        with suppress(LossvizError):  # installed without the sample data: any file can be chosen
            self.box.addItem("Demonstration", str(samples.stain_checkpoint()))
        self.box.setCurrentIndex(-1)
        self.box.currentIndexChanged.connect(self._on_index)
        self.choose_button.clicked.connect(self._ask)

    @property
    def path(self) -> str:
        """The checkpoint that can be used; empty for none."""
        return self._path

    def choose(self, path: str | Path) -> None:
        """Choose a file, and read its card anew."""
        index = self.box.findData(str(path))
        if index < 0:
            self.box.addItem(Path(path).name, str(path))
            index = self.box.count() - 1
        if index == self.box.currentIndex():
            self._on_index(index)
        else:
            self.box.setCurrentIndex(index)

    def set_image(self, image: Image | None, microns: float, refusal: str = "") -> None:
        """Tell how the checkpoint fits an image.

        Parameters
        ----------
        image : Image, optional
        microns : float
            Per pixel, as the user says; 0: what the image says.
        refusal : str
            Why the layer that the user selected was not taken; empty: it was.
        """
        self._image, self._microns, self._refusal = image, microns, refusal
        self._look_at(image)
        self._tell()

    def close_box(self) -> None:
        """Wait for no card and no look at an image any more."""
        self._stop_reading()
        self._look_at(None)

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self._reading = None

    def _look_at(self, image: Image | None) -> None:
        """Look at an image's colours, once for each image and checkpoint."""
        seen = (None if image is None else image.array, self._card)
        if seen[0] is self._looked_at[0] and seen[1] is self._looked_at[1]:
            return
        if self._looking is not None:
            self._looking.cancel()
        self._looking, self._looked_at, self._look = None, seen, ""
        if image is not None and self._card is not None:
            self._looking = Task(look_in_short, image, self._card)
            self._looking.done.connect(self._on_look)
            self._looking.start()  # what cannot be read is told by the run

    def _on_look(self, said: str) -> None:
        self._look = said
        self._tell()

    def _tell(self) -> None:
        said = ""
        if self._image is not None and self._card is not None:
            said = fit_in_short(self._image, self._card, self._microns)
        _show(self.warning, " ".join(one for one in (self._refusal, said, self._look) if one))

    def _ask(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Choose a checkpoint", "", _KINDS)
        if path:
            self.choose(path)

    def _on_index(self, index: int) -> None:
        self._stop_reading()
        self._take(None, "")
        path = str(self.box.itemData(index) or "")
        if not path:
            return
        self.box.setToolTip(path)
        if Path(path).suffix == ".safetensors":
            task = self._reading = Task(model_card, path)
            task.done.connect(lambda card: self._take(card, path))
            task.failed.connect(lambda error: self._fail(str(error)))
            task.start()
        else:
            _show(self.card, "Reading …")
            call = self._reading = self._engine.call("Reading a checkpoint", model_card, path)
            call.finished.connect(lambda card: self._take(card, path))
            call.failed.connect(lambda _, message: self._fail(message))

    def _take(self, card: Mapping[str, Any] | None, path: str) -> None:
        self._card, self._path = card, path
        _show(self.error, "")
        _show(self.card, "" if card is None else card_in_short(card))
        self.set_image(self._image, self._microns, self._refusal)
        self.checkpoint_changed.emit(path)

    def _fail(self, message: str) -> None:
        self._take(None, "")
        _show(self.error, message)


def _show(label: QLabel, text: str) -> None:
    label.setText(text)
    label.setVisible(bool(text))
