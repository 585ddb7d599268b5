"""What changed between two runs: settings, figures, and where the images differ."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Layer
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz.core import Image, NamedImage
from napari_lossviz.jobs.run_comparison import Change, compare_runs, difference_image
from napari_lossviz.jobs.run_record import RunRecord, saved_image
from napari_lossviz.ui.background import Task
from napari_lossviz.ui.figures_table import figures_table, fill_table
from napari_lossviz.ui.lab.loss_map import LossMap, maps_of
from napari_lossviz.ui.lab.map_pair import MapPair
from napari_lossviz.ui.lab.run_choice import RunChoice
from napari_lossviz.ui.lab.viewer_session import edits_of
from napari_lossviz.ui.layers import derived_layer, image_from_layer, image_layer
from napari_lossviz.ui.result_layers import add_quietly
from napari_lossviz.ui.session_runs import SessionRun, SessionRuns
from napari_lossviz.ui.status_label import StatusLabel

TWO_NEEDED = "Choose two runs, A and B: what is not the same is listed here."
_COLUMNS = (("A", "The first run"), ("B", "The second run"), ("B − A", "The difference"))
_KINDS = {
    "run": "",
    "setting": "A setting of the method",
    "metric": "A figure about the run",
    "version": "The version of a package",
}
_SPREAD = 99.5


class ChangesPage(QWidget):
    """Compares two runs.

    Parameters
    ----------
    viewer : napari.Viewer
    runs : SessionRuns
    """

    def __init__(self, viewer: Any, runs: SessionRuns, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._session = runs
        self._task: Task | None = None
        self._reading: Task | None = None
        self.first = RunChoice(runs, "The run that is compared with")
        self.second = RunChoice(runs, "The run whose changes against A are told")
        self.swap = QPushButton("Swap")
        self.swap.setToolTip("A becomes B, and B becomes A")
        self.table = figures_table()
        self.table.setToolTip("Settings, figures and terms in which the two runs differ")
        self.difference = QPushButton("Difference B − A")
        self.difference.setToolTip(
            "A layer of image B minus image A, in their unit and place, with the edits they have"
        )
        self.terms = QComboBox()
        self.terms.setToolTip("Terms of which both runs have a map")
        self.terms.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.side_by_side = QPushButton("Loss maps side by side")
        self.side_by_side.setCheckable(True)
        self.side_by_side.setToolTip(
            "Both loss maps next to each other, coloured by one scale, moved and zoomed together"
        )
        self.status = StatusLabel("lossviz lab changes status")
        self.maps = MapPair(viewer)
        self._build()
        self._connect()
        self._choose_latest()
        self._on_runs()

    def stop(self) -> None:
        """Give the canvas back."""
        self.side_by_side.setChecked(False)

    def close_page(self) -> None:
        """Wait for nothing any more, and give the canvas back."""
        for task in (self._task, self._reading):
            if task is not None:
                task.cancel()
        self.maps.close()
        for choice in (self.first, self.second):
            choice.close_choice()
        self._session.added.disconnect(self._choose_latest)
        self._viewer.layers.events.inserted.disconnect(self._offer)
        self._viewer.layers.events.removed.disconnect(self._offer)

    def _choose_latest(self, _: Any = None) -> None:
        """Compare the two latest runs of one method, until the user has chosen."""
        if self.first.run is not None and self.second.run is not None:
            return
        runs = self._session.runs
        if len(runs) > 1:
            latest = runs[-1]
            alike = [one for one in runs[:-1] if one.record.method == latest.record.method]
            self.first.choose((alike or runs[:-1])[-1])
            self.second.choose(latest)

    def _on_runs(self) -> None:
        self.stop()
        self.status.say("")
        first, second = self.first.run, self.second.run
        both = first is not None and second is not None and first is not second
        changes = compare_runs(self._record(first), self._record(second)) if both else ()
        self.table.setVisible(both)
        fill_table(self.table, _COLUMNS, [_row(change) for change in changes])
        header: Any = self.table.horizontalHeader()
        for column in (0, 1):  # so that the difference is in sight, however long a setting is
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self.swap.setEnabled(both)
        self._offer()
        if not both:
            self.status.say(TWO_NEEDED)

    def _offer(self, _: Any = None) -> None:
        """Offer what the layers that there are allow."""
        first, second = (self._layers(choice.run) for choice in (self.first, self.second))
        runs = [choice.run for choice in (self.first, self.second)]
        known = all(
            run is not None and (layers is not None or run.record.recipe is not None)
            for run, layers in zip(runs, (first, second), strict=True)
        )
        both = known and runs[0] is not runs[1]
        self.difference.setEnabled(both and self._task is None)
        terms = tuple(self._common_maps())
        if terms != tuple(self.terms.itemText(n) for n in range(self.terms.count())):
            self.terms.clear()
            self.terms.addItems(terms)
        self.terms.setEnabled(bool(terms))
        self.side_by_side.setEnabled(bool(terms))
        self.terms.setPlaceholderText("" if terms else "no map in both runs")

    def _record(self, run: SessionRun) -> RunRecord:
        """Return what is known of a run, with the edits that its layer has now."""
        layers = self._layers(run)
        if layers is None:
            return run.record
        return replace(run.record, edits=len(edits_of(layers)))

    def _layers(self, run: SessionRun | None) -> Any:
        return None if run is None else run.layers_in(self._viewer)

    def _common_maps(self) -> dict[str, list[LossMap]]:
        """Return the maps of both runs, by the terms that both have."""
        first, second = self.first.run, self.second.run
        if first is second:
            return {}
        ours, theirs = maps_of(first, self._viewer), maps_of(second, self._viewer)
        return {term: [ours[term], theirs[term]] for term in ours if term in theirs}

    def _on_side_by_side(self, wanted: bool) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        if not wanted:
            self.maps.stop()
            return
        maps = self._common_maps()[self.terms.currentText()]
        if all(one.path is None for one in maps):
            self._show_maps(maps, [None, None])
            return
        self.status.say("Reading the loss maps …")
        self._reading = Task(lambda: [one.read() for one in maps])
        self._reading.done.connect(partial(self._show_maps, maps))
        self._reading.failed.connect(self._on_unreadable)
        self._reading.start()

    def _show_maps(self, maps: list[LossMap], images: list[Image | None]) -> None:
        self._reading = None
        low, high = self.maps.show(maps, images)
        self.status.say(f"Both maps from {low:.3g} to {high:.3g}.")

    def _on_unreadable(self, error: Exception) -> None:
        self._reading = None
        self.stop()
        self.status.fail(str(error))

    def _on_term(self, _: str) -> None:
        if self.side_by_side.isChecked():
            self._on_side_by_side(True)

    def _on_stopped(self, reason: str) -> None:
        self.stop()
        self.status.say(reason)

    def _swap(self) -> None:
        first, second = self.first.run, self.second.run
        self.first.choose(second)
        self.second.choose(first)

    def _show_difference(self) -> None:
        first, second = self.first.run, self.second.run
        if first is None or second is None:
            return
        shown = [self._layers(run) for run in (first, second)]
        images = [None if one is None else image_from_layer(one.denoised) for one in shown]
        recipes = [run.record.recipe for run in (first, second)]
        self.status.say("Taking the difference …")
        self._task = Task(_difference, images, recipes)
        place = next((one for one in shown if one is not None), None)
        self._task.done.connect(partial(self._add, place))
        self._task.failed.connect(self._on_failed)
        self._task.start()
        self._offer()

    def _add(self, place: Any, image: Image) -> None:
        self._task = None
        self._offer()
        self.status.say("")
        data = _as_layer(image, None if place is None else place.denoised)
        add_quietly(self._viewer, Layer.create(*data))

    def _on_failed(self, error: Exception) -> None:
        self._task = None
        self._offer()
        self.status.fail(str(error))

    def _connect(self) -> None:
        for choice in (self.first, self.second):
            choice.run_chosen.connect(self._on_runs)
        self._session.added.connect(self._choose_latest)
        self._viewer.layers.events.inserted.connect(self._offer)
        self._viewer.layers.events.removed.connect(self._offer)
        self.swap.clicked.connect(self._swap)
        self.difference.clicked.connect(self._show_difference)
        self.side_by_side.toggled.connect(self._on_side_by_side)
        self.terms.currentTextChanged.connect(self._on_term)
        self.maps.view.stopped.connect(self._on_stopped)

    def _build(self) -> None:
        rows = QFormLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows.addRow("A", self.first)
        second = QHBoxLayout()
        second.addWidget(self.second, 1)
        second.addWidget(self.swap)
        rows.addRow("B", second)
        rows.addRow("Loss map", self.terms)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        layout.addLayout(rows)
        layout.addWidget(self.side_by_side)
        layout.addWidget(self.difference)
        layout.addWidget(self.status)
        layout.addWidget(self.table)
        layout.addStretch(1)


def _row(change: Change) -> tuple[str, str, tuple[str, str, str]]:
    tip = "\n".join((_KINDS[change.kind], f"A: {change.first}", f"B: {change.second}")).lstrip()
    return change.name, tip, (change.first, change.second, change.difference)


def _difference(images: list[Image | None], recipes: list[Path | None]) -> Image:
    """Return the difference of two images, each as it is shown or as it was saved."""
    found = []
    for image, recipe in zip(images, recipes, strict=True):
        if image is None:
            assert recipe is not None  # else it is not offered
            image = saved_image(recipe)
        found.append(image)
    return difference_image(*found)


def _as_layer(image: Image, place: Any) -> Any:
    """Return the layer of a difference, where the images lie; gray is no difference."""
    array = np.asarray(image.array)
    usable = np.isfinite(array) if image.valid is None else np.isfinite(array) & image.valid
    high = float(np.percentile(np.abs(array[usable]), _SPREAD)) if usable.any() else 0.0
    limits = (-(high or 1.0), high or 1.0)
    if place is None:
        return image_layer(image, contrast=limits)
    named = NamedImage("difference", image.array, "residual", image.value_unit)
    data, settings, kind = derived_layer(named, image, place)
    settings |= {"name": image.name, "visible": True, "contrast_limits": limits}
    return data, settings, kind
