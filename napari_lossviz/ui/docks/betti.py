"""The dock of Betti matching: run, features, models, compare, export."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QWidget

from napari_lossviz.core import Image, Result
from napari_lossviz.ui.engine_process import EngineProcess
from napari_lossviz.ui.export_formats import GRADIENTS
from napari_lossviz.ui.method_dock import MethodDock
from napari_lossviz.ui.panel_settings import PanelSettings
from napari_lossviz.ui.result_layers import ResultLayers
from napari_lossviz.ui.topology import FeaturesPanel, ModelsPanel
from napari_lossviz.ui.topology.words import figures_in_short

if TYPE_CHECKING:
    import napari

SENTENCES = {"default": "Bright foreground; features below the persistence count as noise."}

NOISE = 0.1
"""Minimal persistence at first: probability maps hold thousands of features below."""


class BettiDock(MethodDock):
    """Match the topological features of a prediction with those of its target, and step through.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        settings = PanelSettings(
            sentences=SENTENCES,
            figures=figures_in_short,
            formats=GRADIENTS,
            accepts=_is_of_values,
            refusal=_why_no_values,
            titles=("Prediction", "Target"),
            kinds=("image", "labels"),
            repeatable=True,
            reads=(
                "Probability maps, masks and labels as TIFF, PNG, NIfTI, NRRD or NumPy files; "
                "drop prediction and target together"
            ),
        )
        super().__init__(viewer, "betti", settings)
        form = self.run_panel.controls.form
        form.set_config(form.config().replace(minimal_persistence=NOISE))

    def make_parts(self) -> None:
        """Make the sections on one matching's features, and on models over folders."""
        self.features = FeaturesPanel(self._viewer, EngineProcess.shared())
        self.features.gradients.comparing.connect(self.compare.stop)
        self.run_panel.result_ready.connect(self.features.restore)
        self.models = ModelsPanel(self._viewer, EngineProcess.shared())
        self.run_panel.controls.run_button.setText("Match")

    def own_pages(self) -> tuple[tuple[str, QWidget, str], ...]:
        """Return the Features and Models tabs."""
        return (
            ("Features", self.features, "Step from error to error; barcode, diagram, gradients"),
            ("Models", self.models, "Is B better than A? Compare predictions over folders"),
        )

    def own_ends(self) -> tuple[Callable[[], None], ...]:
        """Return the ends of the own parts."""
        return (self.features.close_panel, self.models.close_panel)

    def leave_page(self, page: QWidget) -> None:
        """Give the canvas back when the Features tab is left."""
        if page is self.features:
            self.features.gradients.stop_comparing()

    def show_result(self, layers: ResultLayers | None) -> None:
        """List the features of this result from now on."""
        self.features.set_result(layers)

    def pair_to_compare(self, layers: ResultLayers) -> tuple[Any, Any]:
        """Return prediction and target."""
        return layers.source, layers.others[0]

    def result_to_write(self, layers: ResultLayers) -> Callable[[], Result]:
        """Return the result with the features that are listed now."""
        least = self.features.features.least
        return lambda: layers.result.with_minimal_persistence(least)


def _is_of_values(image: Image) -> bool:
    """Whether an image has one real number a pixel."""
    return not _why_no_values(image)


def _why_no_values(image: Image) -> str:
    """Say why an image is no probability map, mask or labels; empty: it is."""
    if "c" in image.axes:
        channels = image.shape[image.axes.index("c")]
        kind = "a colour image" if channels in (3, 4) else f"an image of {channels} channels"
        return (
            f"{image.name!r} is {kind}, not a mask or a probability map: these have one value a "
            "pixel. Convert it to one channel, for instance by saving it as greyscale"
        )
    if image.array.dtype.kind not in "buif":
        return f"{image.name!r} holds values of type {image.array.dtype}; real numbers are needed"
    return ""
