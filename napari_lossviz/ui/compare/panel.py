"""The compare section: which pair, how to look at it, and the figures about it."""

from functools import partial
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent, QShowEvent
from qtpy.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import QSignalDebouncer

from napari_lossviz.core import InputError
from napari_lossviz.ui.compare.drawn import new_drawing_layer
from napari_lossviz.ui.compare.figures import FigureSheet, Pair, wrapped_label
from napari_lossviz.ui.compare.layer_choice import LayerChoice
from napari_lossviz.ui.compare.mode_bar import ModeBar
from napari_lossviz.ui.compare.modes import FLIP_KEY, ComparisonView, Mode
from napari_lossviz.ui.compare.plane import shown_plane
from napari_lossviz.ui.compare.profile_sheet import ProfileSheet
from napari_lossviz.ui.compare.reference_sheet import ReferenceSheet
from napari_lossviz.ui.compare.regions_sheet import RegionsSheet
from napari_lossviz.ui.compare.residual_sheet import ResidualSheet
from napari_lossviz.ui.compare.watch import LayerWatch

_PAUSE = 150
"""Milliseconds without a change before figures are taken anew."""

_CHOOSE = "Choose the images before and after."


class ComparePanel(QWidget):
    """Compares two image layers of a viewer, whatever method made them.

    Parameters
    ----------
    viewer : napari.Viewer
    parent : QWidget, optional
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._stale = True
        self.view = ComparisonView(viewer)
        self.before = LayerChoice(viewer, "image", "choose the image before")
        self.after = LayerChoice(viewer, "image", "choose the image after")
        self.shapes = LayerChoice(viewer, "shapes", "choose a Shapes layer")
        self.new = QPushButton("New")
        self.new.setToolTip("Add a Shapes layer to draw regions and lines in")
        self.message = wrapped_label("lossvizCompareMessage")
        self.bar = ModeBar()
        self.regions = RegionsSheet()
        self.reference = ReferenceSheet(viewer)
        self.profile = ProfileSheet(viewer)
        self.residual = ResidualSheet(viewer)
        self.sheets = QTabWidget()
        self._build()
        self._watch = LayerWatch(self._on_change)
        self._debouncer = QSignalDebouncer(parent=self)
        self._debouncer.setTimeout(_PAUSE)
        self._debouncer.triggered.connect(self.refresh)
        self._connect()
        self._on_pair()

    def set_pair(self, before: Any, after: Any) -> None:
        """Compare two layers.

        Parameters
        ----------
        before, after : napari.layers.Image or None
            None, or a layer that is not in the viewer, leaves the choice to the user.
        """
        self.before.choose(before)
        self.after.choose(after)

    def refresh(self) -> None:
        """Take the figures of the sheet in front anew, or when it is next seen."""
        self._stale = not self.isVisible()
        if self._stale:
            return
        sheet = self._sheet()
        try:
            pair = self._pair()
            sheet.show_pair(pair)
        except InputError as error:
            sheet.show_nothing()
            self.message.setText(str(error))
        else:
            self.message.setText("")
        self.message.setVisible(bool(self.message.text()))

    def stop(self) -> None:
        """Show the layers as they were."""
        self._start(Mode.OFF)

    def close_panel(self) -> None:
        """Put the viewer back as it was and let go of it."""
        self.destroyed.disconnect(self._on_destroyed)  # the viewer may be gone by then
        self._debouncer.cancel()
        _release(self.view, self._watch, (self.before, self.after, self.shapes))
        self._viewer.dims.events.disconnect(self._on_change)
        for sheet in self._all_sheets():
            sheet.close_sheet()
        self.setEnabled(False)

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802
        """Take the figures that were not needed while nobody saw them."""
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Flip by key here too, while blinking."""
        if event is None:
            return
        if self.view.mode == Mode.BLINK and event.key() == FLIP_KEY and not event.isAutoRepeat():
            self.view.flip()
        else:
            super().keyPressEvent(event)

    def _pair(self) -> Pair:
        before, after = self._layers()
        return Pair(
            shown_plane(self._viewer, before),
            shown_plane(self._viewer, after),
            self.shapes.layer,
            tuple(self._viewer.dims.point),
        )

    def _layers(self) -> tuple[Any, Any]:
        before, after = self.before.layer, self.after.layer
        if before is None or after is None:
            raise InputError(_CHOOSE)
        if before is after:
            raise InputError("Before and after are the same layer: choose two")
        return before, after

    def _on_pair(self, _: Any = None) -> None:
        """Follow another pair, with the mode that is on."""
        for sheet in self._all_sheets():
            sheet.forget()
        coloured = any(getattr(one, "rgb", False) for one in (self.before.layer, self.after.layer))
        for widget in self._figures:  # none can be taken of colours
            widget.setVisible(not coloured)
        self._watch.follow(
            self.before.layer, self.after.layer, self.shapes.layer, self.reference.reference.layer
        )
        self._start(self.view.mode)
        self.refresh()

    def _start(self, mode: Mode) -> None:
        try:
            layers = self._layers()
        except InputError as error:
            self.view.stop()
            self._say(str(error))
        else:
            self.view.start(mode, *layers)
        self.bar.show_mode(self.view.mode)

    def _say(self, text: str) -> None:
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def _on_stopped(self, reason: str) -> None:
        self.bar.show_mode(Mode.OFF)
        self._say(reason)

    def _on_change(self, event: Any = None) -> None:
        self._debouncer.throttle()

    def _add_drawing_layer(self) -> None:
        try:
            before, _ = self._layers()
            layer = new_drawing_layer(self._viewer, shown_plane(self._viewer, before))
        except InputError as error:
            self._say(str(error))
            return
        self.shapes.choose(layer)
        drawing_lines = self._sheet() is self.profile
        layer.mode = "add_line" if drawing_lines else "add_rectangle"

    def _sheet(self) -> FigureSheet:
        sheet = self.sheets.currentWidget()
        assert isinstance(sheet, FigureSheet)
        return sheet

    def _all_sheets(self) -> tuple[FigureSheet, ...]:
        return self.regions, self.reference, self.profile, self.residual

    def _build(self) -> None:
        self.before.setToolTip("The image before, such as the noisy one")
        self.after.setToolTip("The image after, such as the denoised one")
        self.shapes.setToolTip("Rectangles, ellipses and polygons are regions; lines give profiles")
        box = QWidget()
        drawings = QHBoxLayout(box)
        drawings.setContentsMargins(0, 0, 0, 0)
        drawings.addWidget(self.shapes, 1)
        drawings.addWidget(self.new)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.addRow("Before", self.before)
        form.addRow("After", self.after)
        title = QLabel("Drawings")
        form.addRow(title, box)
        self._figures = (title, box, self.sheets)
        titles = ("Regions", "Reference", "Profile", "Residual")
        tips = (
            "Mean, standard deviation, area and contrast to noise of drawn regions",
            "PSNR and SSIM against a reference",
            "Values along a drawn line",
            "Whether what was removed looks like noise",
        )
        for sheet, title, tip in zip(self._all_sheets(), titles, tips, strict=True):
            self.sheets.setTabToolTip(self.sheets.addTab(sheet, title), tip)
        self.sheets.setDocumentMode(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.bar)
        layout.addLayout(form)
        layout.addWidget(self.message)
        layout.addWidget(self.sheets, 1)
        layout.addStretch(0)

    def _connect(self) -> None:
        for choice in (self.before, self.after, self.shapes):
            choice.layer_changed.connect(self._on_pair)
        self.reference.reference.layer_changed.connect(self._on_pair)
        self.new.clicked.connect(self._add_drawing_layer)
        self.bar.mode_chosen.connect(self._start)
        self.bar.boundary_moved.connect(self.view.move)
        self.bar.rate_changed.connect(self.view.set_rate)
        self.bar.flip_asked.connect(self.view.flip)
        self.view.set_rate(self.bar.flips_a_second())
        self.view.boundary_changed.connect(self.bar.show_boundary)
        self.view.stopped.connect(self._on_stopped)
        self.sheets.currentChanged.connect(self.refresh)
        for sheet in self._all_sheets():
            sheet.outdated.connect(self._on_change)
        self._viewer.dims.events.connect(self._on_change)
        # A dock may be destroyed without a word: the viewer gets its state back even then.
        choices = (self.before, self.after, self.shapes, self.reference.reference)
        self._on_destroyed = partial(_release, self.view, self._watch, choices)
        self.destroyed.connect(self._on_destroyed)


def _release(
    view: ComparisonView, watch: LayerWatch, choices: tuple[LayerChoice, ...], *_: Any
) -> None:
    view.close()
    watch.close()
    for choice in choices:
        choice.close_choice()
