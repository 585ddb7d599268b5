"""The Export section: what to write of a result, and where; written away from the window."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import Qt, QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QFlowLayout

from napari_lossviz.core import Identity, Image, OutputExistsError, Result, Selection
from napari_lossviz.io.atomic import product_around
from napari_lossviz.io.calibration import QUANTITIES
from napari_lossviz.io.radar_output import RadarOutput
from napari_lossviz.io.sar_product import SAR_KEY
from napari_lossviz.jobs.export import export
from napari_lossviz.jobs.export_images import ExportParts
from napari_lossviz.samples import is_sample
from napari_lossviz.ui.background import Task
from napari_lossviz.ui.export_formats import ExportFormats
from napari_lossviz.ui.replace_question import ask_to_replace, refusal_in_words
from napari_lossviz.ui.status_label import StatusLabel

NO_RESULT = "Run a method first; its result is then exported here."
_IDENTITY = {
    Identity.HEADERS: (
        "in DICOM headers only",
        "A derived DICOM keeps the patient, as its study needs; nothing else tells names or paths",
    ),
    Identity.EVERYWHERE: (
        "told everywhere",
        "The recipe names files and series, and results are called like them",
    ),
    Identity.NOWHERE: (
        "left out everywhere",
        "DICOM headers are de-identified too (PS3.15), and no image of other formats is named",
    ),
}
_FOLDER_TIP = "Made if it is missing; what others put there stays"


@dataclass(frozen=True)
class _Request:
    """What is written where, as it was when the button was pressed."""

    result: Callable[[], Result]
    folder: str
    parts: ExportParts
    selection: Selection | None
    identity: Identity


class ExportPanel(QWidget):
    """Exports one result to a folder.

    Parameters
    ----------
    formats : ExportFormats
    """

    exported = Signal(object)
    """The paths written."""

    def __init__(self, formats: ExportFormats, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._formats = formats
        self._possible: frozenset[str] = frozenset()
        self._result: Result | None = None
        self._make: Callable[[], Callable[[], Result]] | None = None
        self._selection: Selection | None = None
        self._task: Task | None = None
        self._written = ""
        self.boxes = {
            name: QCheckBox(title)
            for name, (title, _) in {**formats.entries, **formats.beside}.items()
        }
        self.folder = QLineEdit()
        self.folder.setPlaceholderText("choose a folder")
        self.folder.setMinimumWidth(60)
        self.folder.setToolTip(_FOLDER_TIP)
        self._proposed = ""
        self._browse = QPushButton("Choose…")
        self._browse.setToolTip("Choose the folder")
        self.identity = QComboBox()
        for one, (title, tip) in _IDENTITY.items():
            self.identity.addItem(title, one.value)
            self.identity.setItemData(
                self.identity.count() - 1, tip, int(Qt.ItemDataRole.ToolTipRole)
            )
        self.identity.setToolTip(
            "Where DICOM images tell the patient: derived DICOM files keep their headers, recipe "
            "and names of files tell nothing, unless you choose otherwise"
        )
        self._identity_label = QLabel("Patient")
        if not formats.identity:
            self.identity.hide()
            self._identity_label.hide()
        self.values = QComboBox()
        self.values.addItems(["digital numbers", *QUANTITIES])
        self.values.setToolTip("Calibrated where the product has the tables")
        self.subtract_noise = QCheckBox("Subtract thermal noise")
        self.subtract_noise.setToolTip("Before the calibration, where the product has a table")
        self.merge_bursts = QCheckBox("Merge the bursts")
        self.merge_bursts.setToolTip(
            "One image without seams instead of the bursts below each other; it has no phase, so "
            "that nothing complex can be written; maps keep the rows of the unmerged bursts"
        )
        self._noise = False
        self.button = QPushButton("Export")
        self.button.setToolTip("Write what is ticked above into the folder")
        self.status = StatusLabel("lossviz export status")
        self.status.say(NO_RESULT)
        self.open_button = QPushButton("Show the folder")
        self.open_button.setToolTip("Open the folder that was written")
        self.open_button.hide()
        for box in (self.identity, self.values):  # a dock is narrow, and a font may be large
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(8)
        self._build()
        self._connect()
        self.set_result(None, None)

    def set_result(
        self,
        result: Result | None,
        make: Callable[[], Callable[[], Result]] | None,
        selection: Selection | None = None,
    ) -> None:
        """Offer to export a result.

        Parameters
        ----------
        result : Result, optional
            Before later edits; tells which formats there are. None: nothing to export.
        make : callable, optional
            Called when the export begins; what it returns is called away from the window's thread
            for the result to write, edits included.
        selection : Selection, optional
            The part of its files that the input was, for the recipe.
        """
        if result is not self._result and not self._running:  # said of another result
            self.status.say("")
            self.open_button.hide()
        self._result, self._make, self._selection = result, make, selection
        possible = frozenset() if result is None else self._formats.possible(result.source)
        if result is not None and possible != self._possible:
            usual = self._formats.usual(result.source)
            for name in self._formats.entries:
                self.boxes[name].setEnabled(name in possible)
                self.boxes[name].setChecked(name == usual)
        if result is not None:
            self._possible = possible
            self._offer_calibration(result.source)
        if result is not None and self.folder.text() == self._proposed:
            self._proposed = str(proposed_folder(result))
            self.folder.setText(self._proposed)
        self._update()

    def parts(self) -> ExportParts:
        """Return what is to be written."""
        chosen = {name: box.isChecked() and box.isEnabled() for name, box in self.boxes.items()}
        return ExportParts(
            formats=tuple(name for name in self._formats.entries if chosen[name]),
            **{name: chosen[name] for name in self._formats.beside},
            radar=RadarOutput(
                calibration=QUANTITIES[self.values.currentIndex() - 1] if self._calibrated else "",
                subtract_noise=self._calibrated and self._checked(self.subtract_noise),
                merge_bursts=self._formats.radar and self._checked(self.merge_bursts),
            ),
        )

    def start(self) -> None:
        """Write; what is there already is replaced only if the user says so."""
        folder = self.folder.text().strip()
        if self._make is not None and folder:
            identity = Identity(self.identity.currentData())
            request = _Request(self._make(), folder, self.parts(), self._selection, identity)
            self._write(request, overwrite=False)

    def _write(self, request: _Request, *, overwrite: bool) -> None:
        if self._running:
            return
        remarks: list[str] = []

        def write() -> list[Path]:
            return export(
                request.result(),
                Path(request.folder).expanduser(),
                parts=request.parts,
                selection=request.selection,
                overwrite=overwrite,
                identity=request.identity,
                tell=remarks.append,
            )

        self.status.say("Writing …")
        self.open_button.hide()
        self._task = Task(write)
        self._task.done.connect(lambda written: self._on_done(request, written, remarks))
        self._task.failed.connect(lambda error: self._on_failed(request, error))
        self._task.start()
        self._update()

    def close_panel(self) -> None:
        """Wait for no export any more; one that writes ends whole or not at all."""
        if self._task is not None:
            self._task.cancel()
        self._task = self._make = self._result = None

    @property
    def _calibrated(self) -> bool:
        return self._formats.radar and self.values.isEnabled() and self.values.currentIndex() > 0

    @staticmethod
    def _checked(box: QCheckBox) -> bool:
        return box.isEnabled() and box.isChecked()

    def _offer_calibration(self, source: Image) -> None:
        product = source.metadata.get(SAR_KEY)
        self._noise = product is not None and product.noise is not None
        self.values.setEnabled(product is not None and product.calibration is not None)
        bursts = product is not None and product.tops is not None
        self.merge_bursts.setVisible(bursts)
        self.merge_bursts.setEnabled(bursts)

    @property
    def _running(self) -> bool:
        return self._task is not None

    def _on_done(self, request: _Request, written: list[Path], remarks: list[str]) -> None:
        self._task = None
        self._written = request.folder
        self._update()
        names = ", ".join(path.name for path in written)
        self.status.say(" ".join([f"Written to {request.folder}: {names}", *remarks]))
        self.open_button.show()
        self.exported.emit(written)

    def _on_failed(self, request: _Request, error: Exception) -> None:
        self._task = None
        self._update()
        self.status.say(refusal_in_words(error), bad=True)
        if isinstance(error, OutputExistsError) and "never overwritten" not in str(error):
            name = "lossviz replace export"
            ask_to_replace(self, name, request.folder, lambda: self._write(request, overwrite=True))

    def _choose_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Export to a folder", self.folder.text())
        if path:
            self.folder.setText(path)

    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(self._written).expanduser())))

    def _on_folder(self) -> None:
        self.folder.setToolTip(f"{self.folder.text()}\n{_FOLDER_TIP}".lstrip())
        self._update()

    def _update(self) -> None:
        ready = self._make is not None
        anything = any(box.isChecked() and box.isEnabled() for box in self.boxes.values())
        for widget in (self.folder, self._browse, self.identity):
            widget.setEnabled(ready)
        self.subtract_noise.setEnabled(self._noise and self._calibrated)
        if "complex" in self.boxes:
            merged = self._checked(self.merge_bursts)
            self.boxes["complex"].setEnabled("complex" in self._possible and not merged)
        folder = bool(self.folder.text().strip())
        self.button.setEnabled(ready and anything and folder and not self._running)
        if not ready:
            self.status.say(NO_RESULT)
        elif self.status.text() == NO_RESULT:
            self.status.say("")

    def _connect(self) -> None:
        for box in self.boxes.values():
            box.toggled.connect(lambda _: self._update())
        self.values.currentIndexChanged.connect(lambda _: self._update())
        self.merge_bursts.toggled.connect(lambda _: self._update())
        self.folder.textChanged.connect(lambda _: self._on_folder())
        self._browse.clicked.connect(self._choose_folder)
        self.button.clicked.connect(lambda: self.start())
        self.open_button.clicked.connect(self._open_folder)

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        formats = self._formats
        for title, entries in ((formats.title, formats.entries), ("Beside it", formats.beside)):
            group = QGroupBox(title)
            row = QFlowLayout(group)
            for name, (_, tooltip) in entries.items():
                self.boxes[name].setToolTip(tooltip)
                row.addWidget(self.boxes[name])
            layout.addWidget(group)
        for name in formats.beside:
            self.boxes[name].setChecked(True)
        place = QHBoxLayout()
        place.addWidget(QLabel("Folder"))
        place.addStretch(1)
        place.addWidget(self._browse)
        layout.addLayout(place)
        layout.addWidget(self.folder)
        layout.addWidget(self._identity_label)
        layout.addWidget(self.identity)
        if self._formats.radar:
            values = QHBoxLayout()
            values.addWidget(QLabel("Values"))
            values.addWidget(self.values, 1)
            layout.addLayout(values)
            layout.addWidget(self.subtract_noise)
            layout.addWidget(self.merge_bursts)
        layout.addWidget(self.button)
        layout.addWidget(self.status)
        layout.addWidget(self.open_button)
        layout.addStretch(1)


def proposed_folder(result: Result) -> Path:
    """Return a folder to write a result to: beside the input's, where the user may write.

    Of a product of many files, its folder counts; of an archive, the archive itself.
    A bundled sample lies in the program's own data, and a layer may have no file: then it is a
    folder in the user's home.
    """
    paths = result.source.origin.paths
    if paths:
        home = _home_of(paths[0].absolute())
        beside = home.parent / f"{_plain_name(home)}_{result.method}"
        if home.name and os.access(beside.parent, os.W_OK) and not is_sample(home):
            return beside
        name = _plain_name(home)
    else:
        name = re.sub(r"[^\w-]+", "_", result.source.name).strip("_") or "image"
    return Path.home() / f"{name}_{result.method}"


def _home_of(file: Path) -> Path:
    """Return what an output belongs beside: the product, archive or folder that holds a file."""
    product = product_around(file)
    if product is not None:
        return product
    if file.suffix.lower() == ".zip":
        return file
    # TerraSAR-X and TanDEM-X keep their images in a folder of that name within the product
    return file.parent.parent if file.parent.name == "IMAGEDATA" else file.parent


def _plain_name(home: Path) -> str:
    """Return the name of a product without .SAFE or .zip."""
    name = home.name
    for ending in (".zip", ".safe"):
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    return name
