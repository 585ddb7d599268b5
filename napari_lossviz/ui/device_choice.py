"""The device of a run: names and free memory, asked from the engine process."""

from typing import Any

from qtpy.QtWidgets import QComboBox, QSizePolicy, QWidget

from napari_lossviz.jobs import engine_worker
from napari_lossviz.jobs.engine_worker import Device
from napari_lossviz.ui.engine_process import EngineProcess, Job

AUTOMATIC = "auto"


class DeviceChoice(QComboBox):
    """A combo box of the devices; "auto" until the engine process has told which there are.

    Parameters
    ----------
    engine : EngineProcess
    method : str
        Name of the method, which the engine process loads on this occasion.
    """

    def __init__(self, engine: EngineProcess, method: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._method = method
        self._job: Job | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "Where training runs, with the memory that is free now; automatic takes the fastest"
        )
        self.addItem("Automatic", AUTOMATIC)

    def device(self) -> str:
        """Return the device's name, as a configuration takes it."""
        return str(self.currentData())

    def set_device(self, name: str) -> None:
        """Choose a device; one that is not known yet is added."""
        index = self.findData(name)
        if index < 0:
            self.addItem(name, name)
            index = self.count() - 1
        self.setCurrentIndex(index)

    def refresh(self) -> None:
        """Ask the engine process, unless it is busy."""
        if self._engine.busy or (self._job is not None and not self._job.ended):
            return
        self._job = self._engine.ask(engine_worker.list_devices, self._method)
        self._job.finished.connect(self._show)

    def showPopup(self) -> None:  # noqa: N802
        """Show the list, and bring the free memory up to date meanwhile."""
        self.refresh()
        super().showPopup()

    def _show(self, devices: list[Device]) -> None:
        chosen = self.device()
        entries: list[tuple[str, Any]] = [
            (f"Automatic: {_described(devices[0])}", AUTOMATIC),
            *((_described(device), device.name) for device in devices),
        ]
        # In place, since the list may be open.
        for index, (text, name) in enumerate(entries):
            if index < self.count():
                self.setItemText(index, text)
                self.setItemData(index, name)
            else:
                self.addItem(text, name)
        while self.count() > len(entries):
            self.removeItem(self.count() - 1)
        self.setCurrentIndex(max(self.findData(chosen), 0))


def _described(device: Device) -> str:
    return f"{device.title}, {device.free_memory / 2**30:.1f} GB free"
