"""The Judge section: what a pathologist judges a virtual stain by."""

from typing import Any

from qtpy.QtWidgets import QCheckBox, QComboBox, QLabel, QSizePolicy, QSpinBox, QVBoxLayout, QWidget

from napari_lossviz.core import InputError, NamedImage
from napari_lossviz.stain.align import refuse_large
from napari_lossviz.stain.scene import as_rgb_image, pixel_size
from napari_lossviz.ui.compare.figures import in_short
from napari_lossviz.ui.judge_page import JudgePage, tipped_form
from napari_lossviz.ui.layers import derived_layer, image_from_layer
from napari_lossviz.ui.result_layers import ResultLayers
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


class JudgePanel(JudgePage):
    """Figures of the virtual stain, and of a real one in register beside it.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(viewer, judge, "stain.csv", parent)
        self._layers: ResultLayers | None = None
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
        self.outdated = QLabel("These figures are of other choices: press Judge again.")
        self.outdated.setWordWrap(True)
        self.outdated.setStyleSheet("color: #ffb74d;")
        self.outdated.hide()
        self.plot = AgreementPlot()
        self._build()
        self.region.failed.connect(lambda words: self.say(words, bad=True))
        self.marker.currentIndexChanged.connect(self._on_choice)
        self.tile.valueChanged.connect(self._on_choice)
        self.real.layer_changed.connect(self._on_choice)
        self.region.choice.layer_changed.connect(self._on_choice)
        self.set_result(None)

    def set_result(self, layers: ResultLayers | None) -> None:
        """Judge this result from now on; None: there is none."""
        if layers is not None and layers is self._layers:
            return
        self._layers = layers
        self.forget()
        self.outdated.hide()
        self.region.update_buttons()
        self.say("" if layers is not None else NO_RESULT)

    def start(self) -> None:
        """Take the figures, away from the window's thread."""
        if self._task is None:
            super().start()
            if self._task is not None:  # nothing was missing
                self.outdated.hide()

    def close_panel(self) -> None:
        """Stop, and follow the viewer no longer."""
        self.stop()
        self._layers = None
        self._made.clear()
        self.real.close_choice()
        self.region.close_row()

    def question(self) -> Question:
        """Return what shall be measured.

        Raises
        ------
        InputError
            If there is no result, or the image chosen as the real one cannot be that.
        """
        layers = self._layers
        if layers is None:
            raise InputError(NO_RESULT)
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

    def _on_done(self, judgement: Judgement) -> None:
        super()._on_done(judgement)
        self.say(agreement_in_words(judgement))
        if self.as_layers.isChecked() and self._layers is not None:
            self._add_layers(judgement, self._layers)

    def _add_layers(self, judgement: Judgement, layers: ResultLayers) -> None:
        source = image_from_layer(layers.source)
        for name, dab in judgement.dab.items():
            named = NamedImage(f"DAB density, {name}", dab, "map", "OD")
            data, settings, kind = derived_layer(named, source, layers.source)
            settings |= {"contrast_limits": _DENSITY_LIMITS, "colormap": "magma"}
            settings["visible"] = name == VIRTUAL
            self.put_layer((data, settings, kind))
        for name, nuclei in judgement.nuclei.items():
            axes = ("scale", "translate", "units", "axis_labels")
            places = {key: getattr(layers.denoised, key) for key in axes}
            settings = {"name": f"{source.name} nuclei, {name}", "visible": name == VIRTUAL}
            self.put_layer((nuclei.labels, settings | places, "labels"))
        self.region.lift()  # what was drawn stays in sight

    def _end(self) -> None:
        super()._end()
        self.button.setEnabled(self._layers is not None)

    def show_judgement(self, judgement: Judgement | None) -> None:
        """Show figures; None: there are none."""
        self.table.setVisible(judgement is not None)
        self.save.setVisible(judgement is not None)
        agreement = None if judgement is None else judgement.agreement
        self.plot.setVisible(agreement is not None)
        if agreement is not None:
            self.plot.show_agreement(agreement)
        if judgement is None:
            return
        figures = judgement.figures
        rows = [
            (row, TIPS[row], [in_short(of_image[row]) for of_image in figures.values()])
            for row in figures[VIRTUAL]
        ]
        self.table.fill([(image, "") for image in figures], rows)

    def as_csv(self) -> str:
        """Return the figures, agreement and tiles as CSV."""
        return as_csv(self.judgement)

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
