"""The dock of stain translation: translate, train, judge, compare, export."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QWidget

from napari_lossviz.core import Image, InputError, MethodConfig
from napari_lossviz.stain.config import TRANSLATION_FIELDS, StainConfig
from napari_lossviz.ui.dock_frame import put_in_tab_order
from napari_lossviz.ui.engine_process import EngineProcess
from napari_lossviz.ui.export_formats import SLIDES
from napari_lossviz.ui.layers import image_from_layer, role_of
from napari_lossviz.ui.method_dock import MethodDock
from napari_lossviz.ui.panel_settings import PanelSettings
from napari_lossviz.ui.result_layers import ResultLayers
from napari_lossviz.ui.stain.checkpoint_box import CheckpointBox
from napari_lossviz.ui.stain.judge_panel import JudgePanel
from napari_lossviz.ui.stain.train_panel import TrainPanel
from napari_lossviz.ui.stain.words import refusal_in_short, result_in_short

if TYPE_CHECKING:
    import napari

SENTENCES = {
    "default": "Tissue statistics smoothed over neighbouring tiles: no seams, no pale slides.",
    "fast": "Larger tiles with fewer bits, where the processor has them.",
    "exact": "As if translated in one piece; about nine times the time.",
    "paper": "As published: the whole image's statistics, the background translated too.",
    "small": "Tiles of 256 pixels, for little memory.",
}
_CHECKPOINT = "checkpoint"
_HIDDEN = tuple(
    name
    for name in StainConfig.model_fields
    if name not in TRANSLATION_FIELDS or name == _CHECKPOINT
)


class StainDock(MethodDock):
    """Turn H&E into virtual IHC, train on pairs, judge by what a pathologist judges by.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: "napari.viewer.Viewer") -> None:
        settings = PanelSettings(
            sentences=SENTENCES,
            leave_out=_HIDDEN,
            figures=result_in_short,
            formats=SLIDES,
            accepts=_is_colour,
            told=("statistics", "kernel", "tile"),
            reads="Slides (SVS, NDPI, MRXS), TIFF, OME-TIFF or NumPy files of 8-bit RGB",
        )
        super().__init__(viewer, "stain", settings)
        self.tabs.setTabText(0, "Translate")
        self.tabs.setTabToolTip(0, "Open an image and translate it with a checkpoint")

    def make_parts(self) -> None:
        """Make the checkpoint's box and the sections of training and judging."""
        engine = EngineProcess.shared()
        controls = self.run_panel.controls
        self.checkpoint = CheckpointBox(engine)
        layout: Any = controls.layout()
        layout.insertWidget(layout.indexOf(controls.form), self.checkpoint)
        put_in_tab_order(self.checkpoint, after=controls.device)
        controls.run_button.setText("Translate")
        self.train = TrainPanel(self._viewer, engine)
        self.judge = JudgePanel(self._viewer)
        self.checkpoint.checkpoint_changed.connect(self._put_checkpoint)
        self.checkpoint.checkpoint_changed.connect(self.train.set_checkpoint)
        controls.preset.chosen.connect(lambda _: self._put_checkpoint(self.checkpoint.path))
        controls.input.layer_changed.connect(lambda _: self._tell_fit())
        controls.form.changed.connect(self._tell_fit)
        self.checkpoint.checkpoint_changed.connect(self.run_panel.status.forget_failure)
        self.train.trained.connect(self.checkpoint.choose)
        self._viewer.layers.selection.events.active.connect(self._tell_fit)
        self._tell_fit()

    def own_pages(self) -> tuple[tuple[str, QWidget, str], ...]:
        """Return the tabs of training and judging."""
        return (
            ("Train", self.train, "Bring pairs into register, train on them, see what is trusted"),
            ("Judge", self.judge, "DAB density, positive share, H-score; real against virtual"),
        )

    def own_ends(self) -> tuple[Callable[[], None], ...]:
        """Return the ends of the own parts."""
        selected = self._viewer.layers.selection.events.active
        return (
            lambda: selected.disconnect(self._tell_fit),
            self.train.close_panel,
            self.judge.close_panel,
            self.checkpoint.close_box,
        )

    def show_result(self, layers: ResultLayers | None) -> None:
        """Judge this result from now on."""
        self.judge.set_result(layers)

    def _put_checkpoint(self, path: str) -> None:
        """Let the next run take a checkpoint; the form's other values stay."""
        form = self.run_panel.controls.form
        try:
            config: MethodConfig = form.config()
        except InputError:  # values that do not fit together: the preset's do
            config = self.run_panel.controls.preset.config()
        form.set_config(config.replace(checkpoint=path))

    def _tell_fit(self, _: Any = None) -> None:
        layer = self.run_panel.controls.input.layer
        image = None
        if layer is not None:
            try:
                image = image_from_layer(layer)
            except InputError:  # axes that nobody knows: the run will say so
                image = None
        microns = 0.0
        config = self._config()
        if isinstance(config, StainConfig):
            microns = config.microns_per_pixel
        self.checkpoint.set_image(image, microns, self._refusal(layer))

    def _refusal(self, chosen: Any) -> str:
        """Return why the selected image did not become the one to translate."""
        active = self._viewer.layers.selection.active
        if active is None or active is chosen or active._type_string != "image" or role_of(active):
            return ""
        try:
            return refusal_in_short(image_from_layer(active))
        except InputError as error:
            return str(error)

    def _config(self) -> MethodConfig | None:
        try:
            return self.run_panel.controls.form.config()
        except InputError:
            return None


def _is_colour(image: Image) -> bool:
    return image.axes == "yxc" and image.array.dtype == "uint8"
