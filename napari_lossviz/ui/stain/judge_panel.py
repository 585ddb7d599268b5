"""The Judge section: what a pathologist judges a virtual stain by."""

from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from napari.layers import Layer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz.core import InputError, LossvizError, NamedImage, Step
from napari_lossviz.io.atomic import atomic_path
from napari_lossviz.stain.align import refuse_large
from napari_lossviz.stain.scene import as_rgb_image, pixel_size
from napari_lossviz.ui.background import Task
from napari_lossviz.ui.compare.figures import in_short
from napari_lossviz.ui.judge_page import JUDGE_TIP, SAVE_TIP, TABLE_TIP, tipped_form
from napari_lossviz.ui.layers import derived_layer, image_from_layer
from napari_lossviz.ui.result_layers import ResultLayers, add_quietly, remove_quietly
from napari_lossviz.ui.stain.agreement_plot import AgreementPlot
from napari_lossviz.ui.stain.colour_choice import ColourChoice
from napari_lossviz.ui.stain.judgement import (
    MARKERS,
    TIPS,
    VIRTUAL,
    Judgement,
    Question,
    agreement_in_words,
    as_csv,
    judge,
)
from napari_lossviz.ui.stain.region_row import RegionRow

NO_RESULT = "Translate an image first; its virtual stain is then judged here."
_DENSITY_LIMITS = (0.0, 1.0)


class JudgePanel(QWidget):
    """Figures of the virtual stain, and of a real one in register beside it.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layers: ResultLayers | None = None
        self._task: Task | None = None
        # Those that the user removed are let go.
        self._made: WeakValueDictionary[str, Any] = WeakValueDictionary()
        self.judgement: Judgement | None = None
        self.marker = QComboBox()
        self.marker.addItems(MARKERS)
        self.marker.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.marker.setToolTip(
            "Ki67: share of brown nuclei; ER / PR: H-score of nuclei; HER2: brown rings. Nuclei "
            "are found by a simple detector: compare real and virtual by it, score nothing by it"
        )
        self.real = ColourChoice(viewer, "no real IHC", optional=True)
        self.region = RegionRow(viewer, lambda: self._layers and self._layers.denoised)
        self.tile = QSpinBox()
        self.tile.setRange(8, 4096)
        self.tile.setValue(64)
        self.tile.setSuffix(" px")
        self.tile.setToolTip(
            "Neighbouring sections differ cell by cell: real and virtual are compared by the mean "
            "density of tiles of this side"
        )
        self.as_layers = QCheckBox("DAB and nuclei as layers")
        self.as_layers.setToolTip("Add maps of the DAB density, and the nuclei that were found")
        self.button = QPushButton("Judge")
        self.button.setToolTip(JUDGE_TIP)
        self.bar = QProgressBar()
        self.bar.hide()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setMinimumWidth(1)  # a long name must not widen the dock
        self.outdated = QLabel("These figures are of other choices: press Judge again.")
        self.outdated.setWordWrap(True)
        self.outdated.setStyleSheet("color: #ffb74d;")
        self.outdated.hide()
        self.table = QTableWidget(0, 0)
        self.table.setObjectName("lossvizStain")
        self.table.setToolTip(TABLE_TIP)
        self.table.setTabKeyNavigation(False)
        header: Any = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.plot = AgreementPlot()
        self.save = QPushButton("Save CSV…")
        self.save.setToolTip(SAVE_TIP)
        self._build()
        self.button.clicked.connect(self.start)
        self.save.clicked.connect(self._ask_and_save)
        self.region.failed.connect(lambda words: self._say(words, bad=True))
        self.marker.currentIndexChanged.connect(self._on_choice)
        self.tile.valueChanged.connect(self._on_choice)
        self.real.layer_changed.connect(self._on_choice)
        self.region.choice.layer_changed.connect(self._on_choice)
        self.set_result(None)

    def set_result(self, layers: ResultLayers | None) -> None:
        """Judge this result from now on; None: there is none."""
        if layers is not None and layers is self._layers:
            return
        self._stop()
        self._layers = layers
        self.judgement = None
        self.outdated.hide()
        self.button.setEnabled(layers is not None)
        self.region.update_buttons()
        self._show(None)
        self._say("" if layers is not None else NO_RESULT)

    def start(self) -> None:
        """Take the figures, away from the window's thread."""
        if self._layers is None or self._task is not None:
            return
        try:
            question = self._question(self._layers)
        except LossvizError as error:
            self._say(str(error), bad=True)
            return
        self.button.setEnabled(False)
        self.outdated.hide()
        self.bar.setRange(0, 0)
        self.bar.show()
        self._say("")
        self._task = Task(judge, question, reporting=True)
        self._task.progressed.connect(self._on_step)
        self._task.done.connect(self._on_done)
        self._task.failed.connect(self._on_failed)
        self._task.start()

    def save_table(self, path: Path, *, overwrite: bool = False) -> None:
        """Save figures, agreement and tiles as CSV.

        Raises
        ------
        OutputExistsError, OutputError
            See `atomic_path`.
        """
        if self.judgement is not None:
            with atomic_path(path, overwrite) as temporary:
                temporary.write_text(as_csv(self.judgement), encoding="utf-8")

    def close_panel(self) -> None:
        """Stop, and follow the viewer no longer."""
        self._stop()
        self._layers = None
        self._made.clear()
        self.real.close_choice()
        self.region.close_row()

    def _question(self, layers: ResultLayers) -> Question:
        virtual = layers.result.main_image()
        images = [virtual]
        if self.real.layer is layers.denoised:
            raise InputError("the real IHC chosen is the virtual one: choose another layer")
        if self.real.layer is not None and self.real.layer is layers.source:
            raise InputError(
                f"the real IHC chosen, {layers.source.name}, is the image that was translated: "
                "choose another layer"
            )
        if self.real.layer is not None:
            images.append(as_rgb_image(image_from_layer(self.real.layer)))
        for image in images:
            refuse_large(image)
        source = image_from_layer(layers.source)
        arrays = [image.array for image in images]
        return Question(
            arrays[0],
            arrays[1] if len(arrays) > 1 else None,
            self.marker.currentText(),
            pixel_size(source),
            tile=self.tile.value(),
            outlines=self.region.outlines(),
        )

    def _on_choice(self, _: Any = None) -> None:
        """Say that figures which are seen, or are being taken, belong to other choices."""
        self.outdated.setVisible(self.judgement is not None or self._task is not None)

    def _on_step(self, step: Step) -> None:
        self.bar.setRange(0, step.total)
        self.bar.setValue(step.done)
        self.bar.setFormat(step.message)

    def _on_done(self, judgement: Judgement) -> None:
        layers = self._layers
        self._end()
        if layers is None:
            return
        self.judgement = judgement
        self._show(judgement)
        self._say(agreement_in_words(judgement))
        if self.as_layers.isChecked():
            self._add_layers(judgement, layers)

    def _add_layers(self, judgement: Judgement, layers: ResultLayers) -> None:
        source = image_from_layer(layers.source)
        for name, dab in judgement.dab.items():
            named = NamedImage(f"DAB density, {name}", dab, "map", "OD")
            data, settings, kind = derived_layer(named, source, layers.source)
            settings |= {"contrast_limits": _DENSITY_LIMITS, "colormap": "magma"}
            settings["visible"] = name == VIRTUAL
            self._put((data, settings, kind))
        for name, nuclei in judgement.nuclei.items():
            axes = ("scale", "translate", "units", "axis_labels")
            places = {key: getattr(layers.denoised, key) for key in axes}
            settings = {"name": f"{source.name} nuclei, {name}", "visible": name == VIRTUAL}
            self._put((nuclei.labels, settings | places, "labels"))
        self.region.lift()  # what was drawn stays in sight

    def _put(self, data: Any) -> None:
        """Add a layer instead of that of the same name which was added here before."""
        name = data[1]["name"]
        known = self._made.pop(name, None)
        if known is not None:
            remove_quietly(self._viewer, [known])
        layer = self._made[name] = Layer.create(*data)
        add_quietly(self._viewer, layer)

    def _on_failed(self, error: Exception) -> None:
        self._end()
        self._say(str(error), bad=True)

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._end()

    def _end(self) -> None:
        self._task = None
        self.bar.hide()
        self.button.setEnabled(self._layers is not None)

    def _show(self, judgement: Judgement | None) -> None:
        self.table.setVisible(judgement is not None)
        self.save.setVisible(judgement is not None)
        agreement = None if judgement is None else judgement.agreement
        self.plot.setVisible(agreement is not None)
        if agreement is not None:
            self.plot.show_agreement(agreement)
        if judgement is None:
            return
        images = list(judgement.figures)
        rows = list(judgement.figures[VIRTUAL])
        self.table.setRowCount(len(rows))
        self.table.setColumnCount(len(images))
        self.table.setHorizontalHeaderLabels(images)
        for i, row in enumerate(rows):
            title = QTableWidgetItem(row)
            title.setToolTip(TIPS[row])
            self.table.setVerticalHeaderItem(i, title)
            for j, image in enumerate(images):
                cell = QTableWidgetItem(in_short(judgement.figures[image][row]))
                cell.setToolTip(TIPS[row])
                cell.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
                self.table.setItem(i, j, cell)
        titles: Any = self.table.verticalHeader()
        self.table.setFixedHeight(
            self.table.horizontalHeader().height() + titles.length() + 2 * self.table.frameWidth()
        )

    def _ask_and_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Save figures", "stain.csv", "CSV (*.csv)")
        if name:
            try:
                self.save_table(Path(name), overwrite=True)  # the dialog has asked
            except LossvizError as error:
                self._say(str(error), bad=True)

    def _say(self, text: str, *, bad: bool = False) -> None:
        self.status.setStyleSheet("color: #e8575a;" if bad else "")
        self.status.setText(text)
        self.status.setVisible(bool(text))

    def _build(self) -> None:
        rows = (
            ("Marker", self.marker, self.marker.toolTip()),
            ("Real IHC", self.real, "A section under the real stain, in register with the H&E"),
            ("Region", self.region, "Shapes: only what lies within them is judged"),
            ("Tiles", self.tile, self.tile.toolTip()),
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        layout.addLayout(tipped_form(rows))
        for widget in (
            self.as_layers, self.button, self.bar, self.status, self.outdated, self.table,
            self.plot, self.save,
        ):  # fmt: skip
            layout.addWidget(widget)
        layout.addStretch(1)
