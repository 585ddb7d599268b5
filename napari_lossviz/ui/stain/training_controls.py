"""What a training takes: pairs, preset, device, settings, the file of the checkpoint."""

from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_lossviz.core import InputError, MethodConfig
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.jobs.train_stain import free_output, is_stopped
from napari_lossviz.stain.config import TRANSLATION_FIELDS
from napari_lossviz.ui.device_choice import DeviceChoice
from napari_lossviz.ui.engine_process import EngineProcess
from napari_lossviz.ui.forms import ConfigForm
from napari_lossviz.ui.path_row import PathRow
from napari_lossviz.ui.preset_choice import PresetChoice
from napari_lossviz.ui.stain.training_source import TrainingSource

SENTENCES = {
    "default": "As published, with flips and turns: days of work for a GPU.",
    "paper": "As published: 1024-pixel tiles, crops of 512; days of work for a GPU.",
    "small": "A small network for a first try without a GPU.",
}
_METHOD = "stain_training"
_START = "Start with the pairs and settings above"
_NO_PAIRS = "Pairs are missing: choose two different layers, or the folders, above"
_KEPT = ("seed", "microns_per_pixel")
_OWN = ("device", "output", "leave_out", "preview_pairs")
_HIDDEN = tuple(name for name in TRANSLATION_FIELDS if name not in _KEPT) + _OWN


class TrainingControls(QWidget):
    """The upper half of the Train section.

    Parameters
    ----------
    viewer : napari.Viewer
    engine : EngineProcess
    """

    run_asked = Signal()
    cancel_asked = Signal()

    def __init__(self, viewer: Any, engine: EngineProcess, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._running = False
        self.source = TrainingSource(viewer)
        self.preset = PresetChoice(find_method(_METHOD), SENTENCES)
        self.preset.choose("small")
        self.device = DeviceChoice(engine, _METHOD)
        self.form = ConfigForm(self.preset.config(), leave_out=_HIDDEN)
        self.output = PathRow(
            "new file", "File of the checkpoint", "file to write", "Checkpoints (*.safetensors)"
        )
        self.output.setToolTip("Written when the training ends; its state lies beside it meanwhile")
        self.output.set_path(free_output(str(Path.home() / "stain_model.safetensors")))
        self.run_button = QPushButton("Train")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop; what was trained is kept, and can go on")
        self._build()
        self.preset.chosen.connect(self._on_preset)
        self.form.changed.connect(self._update)
        self.source.source_changed.connect(self._update)
        self.output.path_changed.connect(self._update)
        self.run_button.clicked.connect(lambda: self.run_asked.emit())
        self.cancel_button.clicked.connect(lambda: self.cancel_asked.emit())
        self._update()

    def config(self, left_out: tuple[str, ...]) -> MethodConfig:
        """Return the configuration as it is set.

        Parameters
        ----------
        left_out : tuple of str
            Names of pairs.

        Raises
        ------
        InputError
            If its values do not fit together.
        """
        return self.form.config().replace(
            device=self.device.device(), output=self.output.text, leave_out=", ".join(left_out)
        )

    def set_running(self, running: bool) -> None:
        """Offer to cancel instead of to train."""
        self._running = running
        self._update()

    def is_stopped(self) -> bool:
        """Whether a training that was stopped can go on to the file named."""
        return is_stopped(self.output.text)

    def offer_next_output(self) -> None:
        """Name a file that is not there yet."""
        self.output.set_path(free_output(self.output.text))

    def close_controls(self) -> None:
        """Follow the viewer no longer."""
        self.source.close_source()

    def _on_preset(self, config: MethodConfig) -> None:
        self.form.set_config(config)
        self._update()

    def _update(self) -> None:
        missing = self._missing()
        self.run_button.setText("Continue" if self.is_stopped() else "Train")
        self.run_button.setEnabled(not missing and not self._running)
        self.run_button.setToolTip(missing or _START)
        self.cancel_button.setEnabled(self._running)

    def _missing(self) -> str:
        """Return what stands against a start; empty for nothing."""
        try:
            self.form.config()
        except InputError as error:
            return str(error)
        if self.source.chosen() is None:
            return _NO_PAIRS
        return "" if self.output.text else "Name the file of the checkpoint first"

    def _build(self) -> None:
        rows = QFormLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setVerticalSpacing(4)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows.addRow("Preset", self.preset)
        rows.addRow("Device", self.device)
        below = QFormLayout()
        below.setContentsMargins(0, 0, 0, 0)
        below.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        below.addRow("Checkpoint", self.output)
        buttons = QHBoxLayout()
        buttons.addWidget(self.run_button, 2)
        buttons.addWidget(self.cancel_button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.source)
        layout.addLayout(rows)
        layout.addWidget(self.form)
        layout.addLayout(below)
        layout.addLayout(buttons)
