"""The dock of MERLIN: run, compare, export."""

from typing import TYPE_CHECKING

from napari_lossviz.core import Result
from napari_lossviz.ui.method_dock import MethodDock
from napari_lossviz.ui.panel_settings import PanelSettings

if TYPE_CHECKING:
    import napari

SENTENCES = {
    "pretrained": "The published network as it is; seconds.",
    "fast": "The published network with fewer bits where the processor has them.",
    "fine_tune": "First trained on this image alone, a minute or two; clearly better.",
    "best": "Trained on this image for some minutes, two estimates averaged.",
    "from_scratch": "Trained on this image from random weights, for other sensors; long.",
}


class MerlinDock(MethodDock):
    """Despeckle a single-look-complex image, judge, compare, export.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        super().__init__(viewer, "merlin", PanelSettings(sentences=SENTENCES, figures=figures))


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
