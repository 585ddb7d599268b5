"""The Judge section: figures of the result, and of classical filters beside it."""

from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Layer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFileDialog,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz.core import LossvizError, NamedImage, Step
from napari_lossviz.io.atomic import atomic_path
from napari_lossviz.ui.background import Task
from napari_lossviz.ui.compare.figures import in_short
from napari_lossviz.ui.compare.layer_choice import LayerChoice
from napari_lossviz.ui.judge_page import JUDGE_TIP, SAVE_TIP, TABLE_TIP, tipped_form
from napari_lossviz.ui.layers import derived_layer, image_from_layer
from napari_lossviz.ui.plots.small_plot import SmallPlot
from napari_lossviz.ui.result_layers import ResultLayers, add_quietly, remove_quietly
from napari_lossviz.ui.speckle.inputs import drawn_regions, intensity_of, point_places
from napari_lossviz.ui.speckle.judgement import (
    Judgement,
    Question,
    as_csv,
    judge,
    same_shape,
    shown_rows,
)
from napari_lossviz.ui.speckle.patches import patches_layer

NO_RESULT = "Run MERLIN first; its result is then judged here."


class SpecklePanel(QWidget):
    """Takes the figures that a radar analyst judges a despeckled image by.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layers: ResultLayers | None = None
        self._task: Task | None = None
        self.judgement: Judgement | None = None
        self.find = QCheckBox("Find homogeneous areas")
        self.find.setChecked(True)
        self.find.setToolTip(
            "Squares of 32 pixels in which the noisy image shows no road, edge or furrow; shown as "
            "a Shapes layer. Look at them: a weak one may be hidden by the speckle"
        )
        self.shapes = LayerChoice(viewer, "shapes", "no drawn areas")
        self.points = LayerChoice(viewer, "points", "no point targets")
        self.reference = LayerChoice(viewer, "image", "no reference")
        self.classical = QCheckBox("Classical filters beside it")
        self.classical.setToolTip("Boxcar, Lee, refined Lee, Gamma-MAP and a homomorphic filter")
        self.as_layers = QCheckBox("Show them as layers")
        self.as_layers.setToolTip("Add the images of the classical filters to the viewer")
        self.button = QPushButton("Judge")
        self.button.setToolTip(JUDGE_TIP)
        self.bar = QProgressBar()
        self.bar.hide()
        self.status = QLabel(NO_RESULT)
        self.status.setWordWrap(True)
        self.table = _table()
        self.save = QPushButton("Save CSV…")
        self.save.setToolTip(SAVE_TIP)
        self.histogram = SmallPlot(
            "noisy / despeckled intensity",
            "density",
            "Histogram of the ratio image against the gamma law that pure speckle follows",
        )
        self.spectra = SmallPlot(
            "cycles per sample",
            "power",
            "Spectrum along azimuth, and range, before and after centring: symmetrical about 0 "
            "where real and imaginary parts are independent",
        )
        self._build()
        self.button.clicked.connect(self.start)
        self.save.clicked.connect(self._ask_and_save)
        self.classical.toggled.connect(self.as_layers.setEnabled)
        # Drawn areas stand for themselves; found ones would be mixed into their median.
        self.shapes.layer_changed.connect(lambda layer: self.find.setChecked(layer is None))
        self.set_result(None)

    def set_result(self, layers: ResultLayers | None) -> None:
        """Judge this result from now on; None: there is none."""
        if layers is not None and layers is self._layers:
            return
        self._stop()
        self._layers = layers
        self.judgement = None
        self.button.setEnabled(layers is not None)
        self._show(None)
        self._say("" if layers is not None else NO_RESULT)
        spectra = getattr(layers.result, "spectra", None) if layers is not None else None
        self.spectra.setVisible(spectra is not None)
        if spectra is not None:
            self.spectra.show_curves(
                [
                    (f"{axis} {when}", spectra.frequency[axis], getattr(spectra, when)[axis])
                    for axis in spectra.frequency
                    for when in ("before", "after")
                ]
            )

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
        self.bar.setRange(0, 0)
        self.bar.show()
        self._say("")
        self._task = Task(judge, question, reporting=True)
        self._task.progressed.connect(self._on_step)
        self._task.done.connect(self._on_done)
        self._task.failed.connect(self._on_failed)
        self._task.start()

    def save_table(self, path: Path, *, overwrite: bool = False) -> None:
        """Save the figures as CSV.

        Raises
        ------
        OutputExistsError, OutputError
            See `atomic_path`.
        """
        if self.judgement is not None:
            text = as_csv(self.judgement.figures, self.judgement.areas)
            with atomic_path(path, overwrite) as temporary:
                temporary.write_text(text, encoding="utf-8")

    def close_panel(self) -> None:
        """Stop, and follow the viewer no longer."""
        self._stop()
        self._layers = None
        for choice in (self.shapes, self.points, self.reference):
            choice.close_choice()

    def _question(self, layers: ResultLayers) -> Question:
        source = image_from_layer(layers.source)
        noisy = intensity_of(layers.source)
        despeckled = np.asarray(layers.result.main_image().array, np.float32) ** 2
        same_shape(noisy, despeckled, layers.denoised.name)
        reference = None
        if self.reference.layer is not None:
            reference = intensity_of(self.reference.layer)
            same_shape(noisy, reference, self.reference.layer.name)
        regions: dict[str, Any] = {}
        if self.shapes.layer is not None:
            regions = drawn_regions(self.shapes.layer, layers.source, self._viewer)
        points: tuple[tuple[int, int], ...] = ()
        if self.points.layer is not None:
            points = point_places(self.points.layer, layers.source)
        usable = despeckled > 0
        return Question(
            noisy,
            despeckled,
            layers.denoised.name,
            valid=usable if source.valid is None else usable & source.valid,
            find_areas=self.find.isChecked(),
            regions=tuple(regions.values()),
            region_names=tuple(regions),
            points=points,
            reference=reference,
            classical=self.classical.isChecked(),
        )

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
        said = (*judgement.left_out, judgement.words, judgement.missing)
        self._say("\n".join(filter(None, said)))
        if judgement.patches:
            self._viewer_layer(patches_layer(judgement.patches, layers.source))
        if self.as_layers.isChecked():
            source = image_from_layer(layers.source)
            for name, intensity in judgement.images.items():
                named = NamedImage(name, np.sqrt(intensity), "result", source.value_unit)
                data = derived_layer(named, source, layers.source)
                data[1]["visible"] = False
                self._viewer_layer(data)

    def _viewer_layer(self, data: Any) -> None:
        """Add a layer, or give the one of the same name its data."""
        known = next((one for one in self._viewer.layers if one.name == data[1]["name"]), None)
        if known is not None:
            remove_quietly(self._viewer, [known])
        add_quietly(self._viewer, Layer.create(*data))

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
        shown = judgement is not None
        for widget in (self.table, self.save, self.histogram):
            widget.setVisible(shown)
        if judgement is None:
            return
        figures = judgement.figures
        rows = shown_rows(list(figures.values()), judgement.areas)
        self.table.setRowCount(len(rows))
        self.table.setColumnCount(len(figures))
        headers = ["MERLIN" if n == 0 else name for n, name in enumerate(figures)]
        self.table.setHorizontalHeaderLabels(headers)
        for i, row in enumerate(rows):
            title = QTableWidgetItem(row.title)
            title.setToolTip(row.tip)
            self.table.setVerticalHeaderItem(i, title)
            for j, one in enumerate(figures.values()):
                text = " / ".join(in_short(value) for value in row.value(one))
                if row.before is not None:
                    text += f" ({in_short(row.before(one))})"
                cell = QTableWidgetItem(text)
                cell.setToolTip(row.tip)
                cell.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
                self.table.setItem(i, j, cell)
        _show_all_rows(self.table)
        histogram = judgement.histogram
        middles = (histogram.edges[:-1] + histogram.edges[1:]) / 2
        self.histogram.show_curves(
            [
                (f"ratio image (distance {histogram.distance:.3f})", middles, histogram.density),
                ("pure speckle", middles, histogram.expected),
            ]
        )

    def _ask_and_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Save figures", "speckle.csv", "CSV (*.csv)")
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
            ("Areas", self.shapes, "Homogeneous areas that you drew in a Shapes layer"),
            ("Points", self.points, "Point targets: a Points layer with a point on each"),
            ("Reference", self.reference, "True reflectivity (intensity), where it is known"),
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        layout.addWidget(self.find)
        layout.addLayout(tipped_form(rows))
        layout.addWidget(self.classical)
        layout.addWidget(self.as_layers)
        layout.addWidget(self.button)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)
        layout.addWidget(self.table)
        layout.addWidget(self.save)
        layout.addWidget(self.histogram)
        layout.addWidget(self.spectra)
        layout.addStretch(1)
        self.as_layers.setEnabled(False)


def _table() -> QTableWidget:
    table = QTableWidget(0, 0)
    table.setObjectName("lossvizSpeckle")
    table.setToolTip(TABLE_TIP)
    header, titles = table.horizontalHeader(), table.verticalHeader()
    assert header is not None  # a table view always has both
    assert titles is not None
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    table.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
    table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    table.setTabKeyNavigation(False)
    return table


def _show_all_rows(table: QTableWidget) -> None:
    """Make a table as high as its rows: the page scrolls already."""
    header, scroll = table.horizontalHeader(), table.horizontalScrollBar()
    assert header is not None  # a table view always has both
    assert scroll is not None
    rows = sum(table.rowHeight(row) for row in range(table.rowCount()))
    around = header.sizeHint().height() + scroll.sizeHint().height() + 2 * table.frameWidth()
    table.setFixedHeight(rows + around)
