"""The Judge section of Filter2Noise: what a CT physicist judges a denoised image by."""

import re
from typing import Any

from qtpy.QtWidgets import QDoubleSpinBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget
from superqt import QFlowLayout

from napari_lossviz.core import InputError
from napari_lossviz.jobs.ct_report import spacing_of
from napari_lossviz.metrics.ct_report import CtReport, Lesion
from napari_lossviz.metrics.ct_table import in_brackets, rows_of
from napari_lossviz.ui.compare.drawn import new_drawing_layer
from napari_lossviz.ui.compare.layer_choice import LayerChoice
from napari_lossviz.ui.compare.plane import shown_plane
from napari_lossviz.ui.ct.inputs import areas_of, disc_in, squares_layer
from napari_lossviz.ui.ct.judgement import Question, all_as_csv, judge
from napari_lossviz.ui.ct.layer_checklist import LayerChecklist
from napari_lossviz.ui.judge_page import JudgePage, tipped_form
from napari_lossviz.ui.layers import image_from_layer, role_of
from napari_lossviz.ui.plots.small_plot import COLOURS, SmallPlot
from napari_lossviz.ui.result_layers import ResultLayers

NO_IMAGE = "Choose the CT before, and tick what became of it."

_MOST = len(COLOURS) - 1
"""Images beside the one before."""

_TIPS = {
    "Before": "The noisy CT, in HU with known pixel spacing",
    "After": f"What became of it: up to {_MOST} images of the same size",
    "Regions": "Uniform regions in a Shapes layer: for noise, CNR against the first, and bias. "
    "Without a layer, flat areas of soft tissue and HU classes are found in the image before",
    "Edge": "A Shapes layer with an ellipse on a circular edge, such as a rod or a vessel: its "
    "blur gives the task transfer function, and d' takes it into account",
    "Lesion": "Diameter and contrast of the round lesion whose detectability d' is told",
}


class CtPanel(JudgePage):
    """Noise power, transfer, contrast, bias and detectability, before and after.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(viewer, judge, "ct_figures.csv", parent)
        self._layers: ResultLayers | None = None
        self.table.setObjectName("lossvizCt")
        self.before = LayerChoice(viewer, "image", "the noisy CT")
        self.after = LayerChecklist(viewer, self._can_be_after)
        self.regions = LayerChoice(viewer, "shapes", "flat areas that are found")
        self.new = QPushButton("New")
        self.new.setToolTip("Add a Shapes layer to draw regions in")
        self.edge = LayerChoice(viewer, "shapes", "no circular edge")
        self.diameter = _number(0.5, 100, Lesion().diameter, " mm")
        self.contrast = _number(-2000, 2000, Lesion().contrast, " HU")
        self.power = SmallPlot(
            "1/mm",
            "HU² mm²",
            "Radial noise power spectrum: how strong the noise is by spatial frequency. A peak "
            "that moves to the left means coarser grain",
        )
        self.transfer = SmallPlot(
            "1/mm",
            "transfer",
            "Task transfer function of the edge: which part of the contrast is left by frequency",
        )
        self._build()
        self.before.layer_changed.connect(self._on_before)
        self.new.clicked.connect(self._add_regions)
        self.show_judgement(None)
        self.say(NO_IMAGE)

    def set_result(self, layers: ResultLayers | None) -> None:
        """Judge this result from now on; None: there is none.

        What is ticked stays ticked beside another result of the same image.
        """
        if layers is self._layers:
            return
        self._layers = layers
        if layers is None or layers.source is not self.before.layer:
            self.forget()
            self.say(NO_IMAGE if layers is None else "")
        if layers is not None:
            self.before.choose(layers.source)
            self.after.refresh()
            others = [one for one in self.after.layers if one is not layers.denoised]
            self.after.tick_only(layers.denoised, *others[: _MOST - 1])

    def question(self) -> Question:
        """Return what is chosen; see the base class."""
        before, after = self.before.layer, self.after.layers
        if before is None or not after:
            raise InputError(NO_IMAGE)
        if len(after) > _MOST:
            raise InputError(f"Tick {_MOST} images at most: they have a colour each")
        lesion = Lesion(self.diameter.value(), self.contrast.value())
        images = {layer.name: image_from_layer(layer) for layer in (before, *after)}
        shapes, edge = self.regions.layer, self.edge.layer
        areas = []
        if shapes is not None:
            areas = areas_of(shapes, before, self._viewer, without_ellipses=shapes is edge)
        disc = None
        if edge is not None:
            disc = disc_in(edge, before, self._viewer, spacing_of(images[before.name]))
        return Question(images, tuple(areas), disc, lesion)

    def show_judgement(self, judgement: CtReport | None) -> None:
        """Show figures and curves; see the base class."""
        for widget in (self.table, self.save, self.power):
            widget.setVisible(judgement is not None)
        if judgement is None:
            self.transfer.hide()
            return
        figures = judgement.figures
        first, *others = figures
        titles = ["before", "after"]
        if len(others) > 1:  # as short as can be: the layers' names are tooltips
            short = [name.removeprefix(first).strip() for name in others]
            plain = [re.sub(r"[()]", "", one.removeprefix("denoised")).strip() for one in short]
            titles[1:] = [one or name for one, name in zip(plain, short, strict=True)]
        self.table.fill(
            list(zip(titles, figures, strict=True)),
            [
                (
                    row.title,
                    f"{row.tip}. In brackets: standard error of the last digits",
                    [in_brackets(row.figure(one)) for one in figures.values()],
                )
                for row in rows_of(judgement)
                if not row.detail
            ],
        )
        powers = {t: one.power for t, one in zip(titles, figures.values(), strict=True)}
        self.power.show_curves(
            [(t, one.radial_frequency, one.radial_power) for t, one in powers.items() if one]
        )
        edges = {t: one.transfer for t, one in zip(titles, figures.values(), strict=True)}
        curves = [
            (f"{title}, {one.contrast:.0f} HU", one.frequency, one.transfer)
            for title, one in edges.items()
            if one
        ]
        self.transfer.setVisible(bool(curves))
        self.transfer.show_curves(curves)
        self.say("\n".join((*judgement.alarms, judgement.in_short)))
        self.status.setToolTip("\n".join(judgement.cautions))
        squares, before = judgement.regions.squares, self.before.layer
        # another image may have been chosen meanwhile
        known = before is not None and before.name == first
        if squares is not None and not judgement.regions.drawn and known:
            self.put_layer(squares_layer(squares, before))

    def as_csv(self) -> str:
        """Return figures and curves; see the base class."""
        return all_as_csv(self.judgement)

    def close_panel(self) -> None:
        """Stop, and follow the viewer no longer."""
        self.stop()
        self._layers = None
        for choice in (self.before, self.regions, self.edge):
            choice.close_choice()
        self.after.close_list()

    def _can_be_after(self, layer: Any) -> bool:
        before = self.before.layer
        if before is None or layer is before or layer.rgb or layer.multiscale:
            return False
        return role_of(layer) in ("", "result") and layer.data.shape == before.data.shape

    def _on_before(self, layer: Any) -> None:
        self.after.refresh()

    def _add_regions(self) -> None:
        before = self.before.layer
        try:
            if before is None:
                raise InputError(NO_IMAGE)
            shapes = new_drawing_layer(self._viewer, shown_plane(self._viewer, before))
        except InputError as error:
            self.say(str(error), bad=True)
            return
        shapes.mode = "add_rectangle"
        self.regions.choose(shapes)
        self._viewer.layers.selection.active = shapes

    def _build(self) -> None:
        regions, lesion = QWidget(), QWidget()
        row = QHBoxLayout(regions)
        row.addWidget(self.regions, 1)
        row.addWidget(self.new)
        numbers = QFlowLayout(lesion)  # a large font needs two lines
        for number in (self.diameter, self.contrast):
            numbers.addWidget(number)
        for layout in (row, numbers):
            layout.setContentsMargins(0, 0, 0, 0)
        fields = (self.before, self.after, regions, self.edge, lesion)
        form = tipped_form([(*pair, _TIPS[pair[0]]) for pair in zip(_TIPS, fields, strict=True)])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        layout.addLayout(form)
        for widget in (
            self.button, self.bar, self.status, self.power, self.transfer, self.table, self.save,
        ):  # fmt: skip
            layout.addWidget(widget)
        layout.addStretch(1)


def _number(low: float, high: float, value: float, suffix: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(low, high)
    box.setDecimals(1)
    box.setSuffix(suffix)
    box.setValue(value)
    return box
