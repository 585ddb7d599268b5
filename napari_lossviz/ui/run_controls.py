"""What a run takes: input, preset, device, settings; and the buttons that start and stop it."""

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_lossviz.core import MethodConfig
from napari_lossviz.jobs.registry import Method
from napari_lossviz.ui.device_choice import DeviceChoice
from napari_lossviz.ui.engine_process import EngineProcess
from napari_lossviz.ui.forms import ConfigForm
from napari_lossviz.ui.input_choice import InputChoice
from napari_lossviz.ui.input_pair import InputPair
from napari_lossviz.ui.open_box import OpenBox
from napari_lossviz.ui.panel_settings import PanelSettings
from napari_lossviz.ui.part_choice import PartChoice
from napari_lossviz.ui.preset_choice import PresetChoice
from napari_lossviz.ui.status_label import StatusLabel

_DEVICE = "device"

_START = "Start with the image and settings above"
_FOLLOWS = (
    "The image that is used: it follows the layer you select; results of earlier runs are used "
    "only if you choose them here"
)
_FOLLOW_IN_PAIR = (
    "One of the two images that are used: a layer you open or select goes to where its name "
    "belongs; results of earlier runs are used only if you choose them here"
)


class RunControls(QWidget):
    """The upper half of a run panel.

    Parameters
    ----------
    viewer : napari.Viewer
    method : Method
    engine : EngineProcess
    settings : PanelSettings
    """

    run_asked = Signal()
    cancel_asked = Signal()
    many_asked = Signal()
    """The same settings are wanted for many files."""

    def __init__(
        self,
        viewer: Any,
        method: Method,
        engine: EngineProcess,
        settings: PanelSettings,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.open_box = OpenBox(viewer)
        self._method = method
        self._titles = settings.titles
        alone = method.images == 1
        self.inputs = tuple(
            InputChoice(viewer, settings.accepts, settings.kinds, follows=alone)
            for _ in range(method.images)
        )
        self.input = self.inputs[0]
        self.pair = None if alone else InputPair(viewer, *self.inputs, parent=self)
        for choice in self.inputs:
            choice.setToolTip(_FOLLOWS if alone else _FOLLOW_IN_PAIR)
        self.part = PartChoice(viewer)
        self.preset = PresetChoice(method, settings.sentences)
        self.preset.choose(settings.preselected or method.presets[0])
        self.form = ConfigForm(self.preset.config(), leave_out=(_DEVICE, *settings.leave_out))
        self.device = DeviceChoice(engine, method.name)
        self.run_button = QPushButton("Run")
        self.missing = StatusLabel("lossviz missing inputs")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop the run; the viewer is left as it was before")
        self.many_button = QPushButton("Run on many files…")
        self.many_button.setToolTip(
            "Run with the settings above over files and folders, with a table of all results"
        )
        self.many_button.setVisible(alone)
        self._running = False
        self._may_run = True
        self._build()
        self._connect()
        self._update()

    def config(self) -> MethodConfig:
        """Return the configuration as it is set, device included.

        Raises
        ------
        InputError
            If its values do not fit together.
        """
        config = self.form.config()
        if _DEVICE in type(config).model_fields:
            config = config.replace(device=self.device.device())
        return config

    def set_running(self, running: bool, *, may_run: bool = False) -> None:
        """Offer to cancel, and, where it makes sense meanwhile, to run."""
        self._running = running
        self._may_run = may_run or not running
        self._update()

    def close_controls(self) -> None:
        """Follow the viewer no longer."""
        for choice in self.inputs:
            choice.close_choice()
        if self.pair is not None:
            self.pair.close_pair()
        self.part.close_choice()
        self.open_box.close_box()

    def _on_preset(self, config: MethodConfig) -> None:
        self.form.set_config(config)
        self._update()

    def _update(self) -> None:
        missing = self._missing()
        needed = missing or self.form.error
        self.run_button.setEnabled(not needed and self._may_run)
        self.run_button.setToolTip(needed or _START)
        self.many_button.setEnabled(not self.form.error)
        self.missing.say(missing if self.pair is not None else "")
        self.cancel_button.setEnabled(self._running)

    def _missing(self) -> str:
        """Say which images are still to be chosen; empty: none."""
        titles = [
            title
            for title, choice in zip(self._titles, self.inputs, strict=True)
            if choice.layer is None
        ]
        if not titles:
            return ""
        are = "is" if len(titles) == 1 else "are"
        return f"{' and '.join(titles)} {are} missing: open or select an image, or choose it above"

    def _connect(self) -> None:
        self.preset.chosen.connect(self._on_preset)
        self.form.changed.connect(self._update)
        for choice in self.inputs:
            choice.layer_changed.connect(lambda _: self._update())
        self.run_button.clicked.connect(lambda: self.run_asked.emit())
        self.cancel_button.clicked.connect(lambda: self.cancel_asked.emit())
        self.many_button.clicked.connect(lambda: self.many_asked.emit())

    def _build(self) -> None:
        rows = QFormLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setVerticalSpacing(4)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for title, choice in zip(self._titles, self.inputs, strict=True):
            choice.setMinimumContentsLength(1)
            rows.addRow(title, choice)
        rows.addRow("Part", self.part)
        if len(self._method.presets) > 1:
            rows.addRow("Preset", self.preset)
        if _DEVICE in self._method.load_config().model_fields:
            rows.addRow("Device", self.device)
        buttons = QHBoxLayout()
        buttons.addWidget(self.run_button, 2)
        buttons.addWidget(self.cancel_button, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.open_box)
        layout.addLayout(rows)
        layout.addWidget(self.form)
        layout.addLayout(buttons)
        layout.addWidget(self.many_button)
        layout.addWidget(self.missing)
