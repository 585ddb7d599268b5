"""What a run takes: input, preset, device, settings; and the buttons that start and stop it."""

from collections.abc import Callable, Mapping
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_lossviz.core import Image, InputError, MethodConfig
from napari_lossviz.jobs.registry import Method
from napari_lossviz.ui.device_choice import DeviceChoice
from napari_lossviz.ui.engine_process import EngineProcess
from napari_lossviz.ui.forms import ConfigForm
from napari_lossviz.ui.input_choice import InputChoice
from napari_lossviz.ui.open_box import OpenBox
from napari_lossviz.ui.part_choice import PartChoice
from napari_lossviz.ui.preset_choice import PresetChoice

_DEVICE = "device"


class RunControls(QWidget):
    """The upper half of a run panel.

    Parameters
    ----------
    viewer : napari.Viewer
    method : Method
    engine : EngineProcess
    sentences : mapping of str to str
        About each preset.
    leave_out : tuple of str
        Fields that the preset alone decides.
    accepts : callable
        Whether the method can use an image.
    """

    run_asked = Signal()
    cancel_asked = Signal()

    def __init__(
        self,
        viewer: Any,
        method: Method,
        engine: EngineProcess,
        sentences: Mapping[str, str],
        leave_out: tuple[str, ...] = (),
        accepts: Callable[[Image], bool] = lambda image: True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.open_box = OpenBox(viewer)
        self.input = InputChoice(viewer, accepts)
        self.input.setToolTip(
            "The image that is used: it follows the layer you select; results of earlier runs are "
            "used only if you choose them here"
        )
        self.part = PartChoice(viewer)
        self.preset = PresetChoice(method, sentences)
        self.form = ConfigForm(self.preset.config(), leave_out=(_DEVICE, *leave_out))
        self.device = DeviceChoice(engine, method.name)
        self.run_button = QPushButton("Run")
        self.run_button.setToolTip("Start with the image and settings above")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop the run; the viewer is left as it was before")
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
        self.input.close_choice()
        self.part.close_choice()
        self.open_box.close_box()

    def _on_preset(self, config: MethodConfig) -> None:
        self.form.set_config(config)
        self._update()

    def _update(self) -> None:
        try:
            self.form.config()
        except InputError:
            usable = False
        else:
            usable = self.input.layer is not None
        self.run_button.setEnabled(usable and self._may_run)
        self.cancel_button.setEnabled(self._running)

    def _connect(self) -> None:
        self.preset.chosen.connect(self._on_preset)
        self.form.changed.connect(self._update)
        self.input.layer_changed.connect(lambda _: self._update())
        self.run_button.clicked.connect(lambda: self.run_asked.emit())
        self.cancel_button.clicked.connect(lambda: self.cancel_asked.emit())

    def _build(self) -> None:
        rows = QFormLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setVerticalSpacing(4)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.input.setMinimumContentsLength(1)
        rows.addRow("Image", self.input)
        rows.addRow("Part", self.part)
        rows.addRow("Preset", self.preset)
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
