"""The dock of Filter2Noise: run, edit, judge, compare, export."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtWidgets import QWidget

from napari_lossviz.core import Image, Result
from napari_lossviz.filter2noise.edited import edited_result
from napari_lossviz.filter2noise.layout import representative_slices
from napari_lossviz.filter2noise.maps import strength_edits, strength_of
from napari_lossviz.filter2noise.result import Filter2NoiseResult
from napari_lossviz.ui.ct import CtPanel
from napari_lossviz.ui.edit import SigmaEditor
from napari_lossviz.ui.method_dock import MethodDock
from napari_lossviz.ui.panel_settings import PanelSettings
from napari_lossviz.ui.result_layers import ResultLayers
from napari_lossviz.ui.strength_slider import StrengthSlider

if TYPE_CHECKING:
    import napari

SENTENCES = {
    "trained": "The paper's network, trained on this image alone, in seconds.",
    "best": "Lowest error, and faint structures are seen best, in seconds; the noise that stays is "
    "coarser than before.",
    "instant": "No training, at once; lower error than trained on most images.",
    "paper": "As published: 500 steps on the full image, minutes; lambda 350.",
}


class Filter2NoiseDock(MethodDock):
    """Denoise an image, see and edit what the filter does, compare, export.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        settings = PanelSettings(
            sentences=SENTENCES,
            preselected="best",  # least error, and the highest d' of the phantom's inserts
            leave_out=("predictor", "strength"),  # the slider does it, without a new run
            instant="instant",
            told=("neighbours", "noise_kept", "sigma_residual"),
            watched_slice=watched_slice,
            figures=figures,
        )
        super().__init__(viewer, "filter2noise", settings)

    def make_parts(self) -> None:
        """Make the editor, the strength slider and the Judge section."""
        self.editor = SigmaEditor(self._viewer)
        self.judge = CtPanel(self._viewer)
        self.strength = StrengthSlider()
        self.strength.layout().setContentsMargins(6, 0, 6, 0)
        self.strength.strength_changed.connect(self._on_strength)
        self.editor.edits_changed.connect(self._on_edits)

    def own_pages(self) -> tuple[tuple[str, QWidget, str], ...]:
        """Return the tabs of editor and Judge section."""
        return (
            ("Edit", self.editor, "Repaint the sigma maps with a brush"),
            ("Judge", self.judge, "A CT physicist's figures: noise power, transfer, bias, d'"),
        )

    def above_tabs(self) -> tuple[QWidget, ...]:
        """Return the strength slider."""
        return (self.strength,)

    def own_ends(self) -> tuple[Callable[[], None], ...]:
        """Return the ends of editor and Judge section."""
        return (self.editor.close_session, self.judge.close_panel)

    def show_result(self, layers: ResultLayers | None) -> None:
        """Edit and judge this result from now on."""
        self.editor.set_result(layers)
        self.judge.set_result(layers)
        self.strength.setVisible(layers is not None)
        if layers is not None:
            self.strength.set_strength(strength_of(self.editor.base()))

    def leave_page(self, page: QWidget) -> None:
        """Lay the brush down on leaving its tab: a drag elsewhere must not paint unseen."""
        if page is self.editor:
            self.editor.paint.setChecked(False)

    def result_to_write(self, layers: ResultLayers) -> Callable[[], Result]:
        """Return what gives the result with the edits that it has now."""
        return partial(edited_result, layers.result, self.editor.edits())

    def _on_edits(self, edits: object) -> None:
        said = "These figures are of the run; strength and edits change them, an export says how."
        self.run_panel.remark(said if edits else "")

    def _on_strength(self, strength: float) -> None:
        self.editor.set_base(strength_edits(strength))


def watched_slice(image: Image) -> tuple[int, ...]:
    """Return the index along t and z of the slice that a training run reports."""
    leading = tuple(image.shape[image.axes.index(axis)] for axis in "tz" if axis in image.axes)
    n = representative_slices(int(np.prod(leading, dtype=int)), 1)[0]
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
