"""The dock of MERLIN: run, judge, compare, export."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

from napari_lossviz.core import Result
from napari_lossviz.ui.export_formats import RADAR
from napari_lossviz.ui.method_dock import MethodDock
from napari_lossviz.ui.panel_settings import PanelSettings
from napari_lossviz.ui.result_layers import ResultLayers
from napari_lossviz.ui.speckle import SpecklePanel

if TYPE_CHECKING:
    import napari

SENTENCES = {
    "pretrained": "The published network as it is; seconds.",
    "fast": "The published network with fewer bits where the processor has them.",
    "fine_tune": "First trained on this image alone, a minute or two; clearly better.",
    "best": "Trained on this image for some minutes, two estimates averaged.",
    "from_scratch": "Trained on this image from random weights, for other sensors; long.",
    "paper": "As published: patches of 256 pixels, one after the other.",
}


class MerlinDock(MethodDock):
    """Despeckle a single-look-complex image, judge, compare, export.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        settings = PanelSettings(
            sentences=SENTENCES,
            figures=figures,
            formats=RADAR,
            accepts=lambda image: image.array.dtype.kind == "c",
        )
        super().__init__(viewer, "merlin", settings)

    def make_parts(self) -> None:
        """Make the Judge section."""
        self.judge = SpecklePanel(self._viewer)

    def own_pages(self) -> tuple[tuple[str, QWidget, str], ...]:
        """Return the Judge tab."""
        return (("Judge", self.judge, "ENL, ratio image, edges, points; classical filters"),)

    def own_ends(self) -> tuple[Callable[[], None], ...]:
        """Return the Judge section's end."""
        return (self.judge.close_panel,)

    def show_result(self, layers: ResultLayers | None) -> None:
        """Judge this result from now on."""
        self.judge.set_result(layers)


def figures(result: Result) -> str:
    """Return what a run found, in a line."""
    metrics = result.metrics
    parts = []
    if "dependence_after" in metrics:
        before, after = metrics["dependence_before"], metrics["dependence_after"]
        parts.append(
            f"Dependence of real and imaginary part {before:.2f}, centred {after:.2f} "
            "(independent: near 0)"
        )
    if "training_validation_best" in metrics:
        start, best = metrics["training_validation_at_start"], metrics["training_validation_best"]
        steps = metrics["training_best_step"]
        parts.append(f"held-out loss {start:.4g} → {best:.4g} at step {steps:.0f}")
    parts.append(f"{result.seconds:.1f} s on {result.device}")
    return " · ".join(parts)
