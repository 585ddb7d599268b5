"""The dock of MERLIN: run, judge, compare, export."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image as ImageLayer
from qtpy.QtWidgets import QWidget

from napari_lossviz.core import (
    Image,
    InputError,
    MissingPackageError,
    OutOfMemoryError,
    Result,
)
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.merlin.config import MerlinConfig
from napari_lossviz.merlin.reference import INSTALL_ARGUMENTS, PACKAGE
from napari_lossviz.ui.command_bar import CommandBar
from napari_lossviz.ui.command_line import command_line
from napari_lossviz.ui.export_formats import RADAR
from napari_lossviz.ui.fitting_weights import FittingWeights
from napari_lossviz.ui.install_bar import InstallBar
from napari_lossviz.ui.layers import image_from_layer, role_of, selection_of
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


STREAMS = (
    "Or run this in a terminal: it reads the scene piece by piece and writes the result to disk, "
    "so that a scene of any size fits into memory."
)

DETECTED = (
    "{name} is no complex image. MERLIN needs the single-look-complex one (SLC): it learns from "
    "the real and the imaginary part, which a detected image (amplitude, GRD) has no more."
)


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
            accepts=_is_complex,
            reads=(
                "Complex radar images (SLC): Sentinel-1 .SAFE folder or zip, CoSAR .cos, SICD, "
                "ENVI, complex GeoTIFF or TIFF, NumPy"
            ),
        )
        super().__init__(viewer, "merlin", settings)
        self.fitting = FittingWeights(self.run_panel.controls)
        self.run_panel.add_under_status(self.fitting)
        self.run_panel.add_under_status(self.command)
        self.run_panel.failed.connect(self._on_failed)
        self.run_panel.started.connect(self.weights.withdraw)
        self.run_panel.started.connect(self.command.withdraw)
        self.run_panel.controls.input.layer_changed.connect(self.command.withdraw)
        self.run_panel.controls.input.layer_changed.connect(self._say_of_input)
        self.weights.installed.connect(self.run_panel.start)
        self._refused = ""
        self.run_panel.controls.open_box.opened.connect(self._on_active)  # which forgets failures
        viewer.layers.selection.events.active.connect(self._on_active)
        self._on_active()

    def make_parts(self) -> None:
        """Make the Judge section, what installs missing weights, and what names a command."""
        self.judge = SpecklePanel(self._viewer)
        self.weights = InstallBar("The package of the pretrained networks", INSTALL_ARGUMENTS)
        self.command = CommandBar(STREAMS)

    def own_pages(self) -> tuple[tuple[str, QWidget, str], ...]:
        """Return the Judge tab."""
        return (("Judge", self.judge, "ENL, ratio image, edges, points; classical filters"),)

    def above_tabs(self) -> tuple[QWidget, ...]:
        """Return what installs missing weights; hidden as a rule."""
        return (self.weights,)

    def own_ends(self) -> tuple[Callable[[], None], ...]:
        """Return the ends of the method's own parts."""
        return (self._unfollow, self.weights.close_bar, self.judge.close_panel)

    def show_result(self, layers: ResultLayers | None) -> None:
        """Judge this result from now on."""
        self.judge.set_result(layers)

    def _on_failed(self, error: object) -> None:
        """Offer to install the weights, or a command, where a run lacked them or memory."""
        if isinstance(error, MissingPackageError) and PACKAGE in str(error):
            self.weights.offer()
        if isinstance(error, OutOfMemoryError):
            self.command.offer(self._streaming_command())

    def _streaming_command(self) -> str:
        """Return the command that does what is set without holding the scene in memory."""
        controls = self.run_panel.controls
        layer = controls.input.layer
        try:
            image = image_from_layer(layer)
            part = controls.part.selection(layer).within(selection_of(layer))
            config = controls.config()
        except InputError:
            return ""
        if isinstance(image.array, np.ndarray):
            return ""  # the command would hold it in memory too
        method = find_method(MerlinConfig.method)
        return command_line(method, controls.preset.name, config, image, part)

    def _on_active(self, event: Any = None) -> None:
        """Say why a detected image that was just opened or chosen is no input."""
        layer = self._viewer.layers.selection.active
        try:
            known = isinstance(layer, ImageLayer)
            detected = known and not _is_complex(image_from_layer(layer))
        except InputError:  # shapes, points
            detected = False
        detected = detected and not role_of(layer)
        panel = self.run_panel
        said, self._refused = self._refused, DETECTED.format(name=layer.name) if detected else ""
        # while a run goes on, its own words stand first
        panel.remark(self._refused if panel.running else "")
        if self._refused and not panel.running:
            panel.status.fail(self._refused)
        elif said and panel.status.text() == said:
            self._say_of_input()

    def _say_of_input(self, _: Any = None) -> None:
        """Say the figures of the image's result, and nothing that was said of another image."""
        layers, panel = self.results.result, self.run_panel
        if panel.running:
            return
        panel.status.say("")
        if layers is not None and panel.controls.input.layer in (layers.source, layers.denoised):
            panel.show_result(layers)

    def _unfollow(self) -> None:
        self._viewer.layers.selection.events.active.disconnect(self._on_active)


def _is_complex(image: Image) -> bool:
    return image.array.dtype.kind == "c"


def figures(result: Result) -> str:
    """Return what a run found, in a line."""
    metrics = result.metrics
    parts = []
    if np.isfinite(metrics.get("dependence_after", np.nan)):  # nan: too few pixels to tell
        before, after = metrics["dependence_before"], metrics["dependence_after"]
        how = "each burst deramped" if getattr(result, "bursts", ()) else "centred"
        parts.append(
            f"Dependence of real and imaginary part {before:.2f}, {how} {after:.2f} "
            "(independent: near 0)"
        )
    if "training_validation_best" in metrics:
        start, best = metrics["training_validation_at_start"], metrics["training_validation_best"]
        steps = metrics["training_best_step"]
        parts.append(f"held-out loss {start:.4g} → {best:.4g} at step {steps:.0f}")
    parts.append(f"{result.seconds:.1f} s on {result.device}")
    return " · ".join(parts)
