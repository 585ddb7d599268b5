"""The Judge section: figures of the result, and of classical filters beside it."""

from typing import Any

import numpy as np
from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_lossviz.core import InputError, NamedImage
from napari_lossviz.ui.compare.figures import in_short
from napari_lossviz.ui.compare.layer_choice import LayerChoice
from napari_lossviz.ui.judge_page import JudgePage, tipped_form
from napari_lossviz.ui.layers import derived_layer, image_from_layer
from napari_lossviz.ui.plots.small_plot import SmallPlot
from napari_lossviz.ui.result_layers import ResultLayers
from napari_lossviz.ui.speckle.inputs import drawn_regions, intensity_of, point_places
from napari_lossviz.ui.speckle.judgement import (
    Judgement,
    Question,
    Row,
    as_csv,
    judge,
    same_shape,
    shown_rows,
)
from napari_lossviz.ui.speckle.patches import patches_layer

NO_RESULT = "Run MERLIN first; its result is then judged here."


class SpecklePanel(JudgePage):
    """Takes the figures that a radar analyst judges a despeckled image by.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(viewer, judge, "speckle.csv", parent)
        self._layers: ResultLayers | None = None
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
        self.classical.toggled.connect(self.as_layers.setEnabled)
        # Drawn areas stand for themselves; found ones would be mixed into their median.
        self.shapes.layer_changed.connect(lambda layer: self.find.setChecked(layer is None))
        self.set_result(None)

    def set_result(self, layers: ResultLayers | None) -> None:
        """Judge this result from now on; None: there is none."""
        if layers is not None and layers is self._layers:
            return
        self._layers = layers
        self.forget()
        self.say("" if layers is not None else NO_RESULT)
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

    def close_panel(self) -> None:
        """Stop, and follow the viewer no longer."""
        self.stop()
        self._layers = None
        for choice in (self.shapes, self.points, self.reference):
            choice.close_choice()

    def question(self) -> Question:
        """Return what shall be measured.

        Raises
        ------
        InputError
            If there is no result, or what was chosen beside it does not fit it.
        """
        layers = self._layers
        if layers is None:
            raise InputError(NO_RESULT)
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

    def _on_done(self, judgement: Judgement) -> None:
        super()._on_done(judgement)
        layers = self._layers
        said = (*judgement.left_out, judgement.words, judgement.missing)
        self.say("\n".join(filter(None, said)))
        if layers is None:
            return
        if judgement.patches:
            self.put_layer(patches_layer(judgement.patches, layers.source))
        if self.as_layers.isChecked():
            source = image_from_layer(layers.source)
            for name, intensity in judgement.images.items():
                named = NamedImage(name, np.sqrt(intensity), "result", source.value_unit)
                data = derived_layer(named, source, layers.source)
                data[1]["visible"] = False
                self.put_layer(data)

    def _end(self) -> None:
        super()._end()
        self.button.setEnabled(self._layers is not None)

    def show_judgement(self, judgement: Judgement | None) -> None:
        """Show figures; None: there are none."""
        shown = judgement is not None
        for widget in (self.table, self.save, self.histogram):
            widget.setVisible(shown)
        if judgement is None:
            return
        figures = judgement.figures
        columns = ["MERLIN" if n == 0 else name for n, name in enumerate(figures)]
        rows = [
            (row.title, row.tip, [_in_words(row, one) for one in figures.values()])
            for row in shown_rows(list(figures.values()), judgement.areas)
        ]
        self.table.fill([(name, "") for name in columns], rows)
        histogram = judgement.histogram
        middles = (histogram.edges[:-1] + histogram.edges[1:]) / 2
        self.histogram.show_curves(
            [
                (f"ratio image (distance {histogram.distance:.3f})", middles, histogram.density),
                ("pure speckle", middles, histogram.expected),
            ]
        )

    def as_csv(self) -> str:
        """Return the figures of all areas as CSV."""
        return as_csv(self.judgement.figures, self.judgement.areas)

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


def _in_words(row: Row, figures: Any) -> str:
    """Return the figures of a row, and in brackets that of the noisy image."""
    text = " / ".join(in_short(value) for value in row.value(figures))
    return text if row.before is None else f"{text} ({in_short(row.before(figures))})"
