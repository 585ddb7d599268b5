"""The dock of Filter2Noise: run, edit, compare, export."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QFormLayout, QFrame, QScrollArea, QTabWidget, QVBoxLayout, QWidget

from napari_lossviz.core import Edit, Image, Result
from napari_lossviz.filter2noise.edit import EditSession
from napari_lossviz.filter2noise.layout import Slices, from_slices, to_slices
from napari_lossviz.filter2noise.result import Filter2NoiseResult
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.ui.compare import ComparePanel
from napari_lossviz.ui.dock_life import DockLife
from napari_lossviz.ui.edit import SigmaEditor
from napari_lossviz.ui.export_panel import ExportPanel
from napari_lossviz.ui.result_choice import ResultChoice
from napari_lossviz.ui.result_layers import ResultLayers
from napari_lossviz.ui.run_panel import PanelSettings, RunPanel
from napari_lossviz.ui.strength_slider import StrengthSlider, strength_edits, strength_of

if TYPE_CHECKING:
    import napari

SENTENCES = {
    "trained": "The paper's network, trained on this image alone, in seconds.",
    "instant": "No training, at once; on most images we measured the better of the two.",
    "paper": "As published: 500 steps on the full image, minutes; lambda 350.",
}

_LETTERS = 44
_NARROWEST, _WIDEST = 345, 420
"""Width of the dock in letters, and its limits in pixels."""


class Filter2NoiseDock(QWidget):
    """Denoise an image, see and edit what the filter does, compare, export.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self.setObjectName("lossviz filter2noise")
        self._viewer = viewer
        self._closed = False
        self.results = ResultChoice(viewer)
        self.run_panel = RunPanel(
            viewer,
            find_method("filter2noise"),
            PanelSettings(
                sentences=SENTENCES,
                leave_out=("predictor", "strength"),  # the slider does it, without a new run
                instant="instant",
                watched_slice=watched_slice,
                figures=figures,
            ),
        )
        self.editor = SigmaEditor(viewer)
        self.compare = ComparePanel(viewer)
        self.export_panel = ExportPanel()
        self.strength = StrengthSlider()
        self.tabs = QTabWidget()
        self._build()
        self._connect()
        self._on_result(self.results.result)
        self._life = DockLife(self, viewer, self.close_dock)

    def sizeHint(self) -> QSize:  # noqa: N802, Qt's name
        """Return a width that leaves a small screen's canvas room, also at a large font."""
        letters = self.fontMetrics().averageCharWidth()
        return QSize(min(max(_LETTERS * letters, _NARROWEST), _WIDEST), super().sizeHint().height())

    def close_dock(self) -> None:
        """End runs, threads and the engine process, and let go of the viewer."""
        if self._closed:
            return
        self._closed = True
        ends: tuple[Callable[[], None], ...] = (
            self.run_panel.close_panel,
            self.editor.close_session,
            self.compare.close_panel,
            self.export_panel.close_panel,
            self.results.close_choice,
        )
        for end in ends:
            try:
                end()
            except RuntimeError:  # Qt deleted that part already
                continue

    def _on_result(self, layers: ResultLayers | None) -> None:
        """Let all sections act on a result."""
        shown = layers is not None
        self.editor.set_result(layers)
        self.strength.setVisible(shown)
        if layers is None:
            self.export_panel.set_result(None, None)
            self.run_panel.show_result(None)
            return
        self.strength.set_strength(strength_of(self.editor.edits()))
        self.compare.set_pair(layers.source, layers.denoised)
        self.export_panel.set_result(layers.result, self._result_to_write)
        self.run_panel.show_result(layers)

    def _result_to_write(self) -> Result:
        """Return the chosen result with its edits; called in the exporting thread."""
        layers = self.results.result
        assert layers is not None  # without one there is no export button
        return edited_result(layers.result, self.editor.edits())

    def _on_tab(self, _index: int) -> None:
        """Lay the brush down on leaving its tab: a drag elsewhere must not paint unseen."""
        if not self.tabs.currentWidget().isAncestorOf(self.editor):
            self.editor.paint.setChecked(False)

    def _on_strength(self, strength: float) -> None:
        self.editor.set_base(strength_edits(strength))

    def _connect(self) -> None:
        self.results.result_chosen.connect(self._on_result)
        self.run_panel.result_ready.connect(self.results.add)
        self.tabs.currentChanged.connect(self._on_tab)
        self.strength.strength_changed.connect(self._on_strength)

    def _build(self) -> None:
        top = QFormLayout()
        top.setContentsMargins(6, 6, 6, 0)
        top.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        top.addRow("Result", self.results)
        pages: tuple[tuple[str, QWidget, str], ...] = (
            ("Run", self.run_panel, "Open an image and denoise it"),
            ("Edit", self.editor, "Repaint the sigma maps with a brush"),
            ("Compare", self.compare, "Before and after: look and measure"),
            ("Export", self.export_panel, "Write the result, its maps and its recipe"),
        )
        for title, page, tip in pages:
            self.tabs.setTabToolTip(self.tabs.addTab(_scrolled(page), title), tip)
        self.tabs.setDocumentMode(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(top)
        layout.addWidget(self.strength)
        layout.addWidget(self.tabs, 1)
        self.strength.layout().setContentsMargins(6, 0, 6, 0)
        self.setMinimumWidth(300)


def edited_result(result: Filter2NoiseResult, edits: tuple[Edit, ...]) -> Filter2NoiseResult:
    """Return a result with these edits instead of its own, filtered as the recipe will replay it.

    Parameters
    ----------
    result : Filter2NoiseResult
    edits : tuple of Edit
        All of them, strength and brush.
    """
    if edits == tuple(result.edits):
        return result
    edited = replace(
        result,
        edits=edits,
        # What is seen keeps the maps of later stages, so the recipe must say so.
        config=result.config.replace(repredict_later_stages=False),
    )
    session = EditSession(edited)
    slices = np.stack([session.denoised(n) for n in range(session.count)])
    return replace(edited, denoised=from_slices(slices, result.source, to_slices(result.source)))


def watched_slice(image: Image) -> tuple[int, ...]:
    """Return the index along t and z of the slice that a training run reports."""
    leading = tuple(image.shape[image.axes.index(axis)] for axis in "tz" if axis in image.axes)
    values = np.zeros((int(np.prod(leading, dtype=int)), 1, 1, 1), np.float32)
    n = Slices(values, None, leading).representative(1)[0]
    return tuple(int(i) for i in np.unravel_index(n, leading)) if leading else ()


def figures(result: Result) -> str:
    """Return noise, residual and strength of a result in a line."""
    metrics, unit = result.metrics, f" {result.source.value_unit}".rstrip()
    parts = [
        f"Noise {metrics['noise']:.3g}{unit}",
        f"removed {metrics['residual']:.3g}{unit} in flat areas "
        f"({100 * metrics['residual_ratio']:.0f} %)",
    ]
    if "h" in metrics:
        parts.append(f"strength h {metrics['h']:.3g}")
    if "lambda" in metrics:
        parts.append(f"λ {metrics['lambda']:g}, σr × {metrics['sigma_r_factor']:.2g}")
    if isinstance(result, Filter2NoiseResult):
        low, high = result.intensity_range
        parts.append(f"range {low:.4g} to {high:.4g}{unit}")
    parts.append(f"{result.seconds:.1f} s on {result.device}")
    return " · ".join(parts)


def _scrolled(page: Any) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(page)
    return area
