"""The result without training, in the window's process: torch-free, away from its thread."""

from typing import Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_lossviz.core import Image, LossvizError, MethodConfig, NamedImage, Result, Selection
from napari_lossviz.jobs.registry import Method
from napari_lossviz.jobs.run import run
from napari_lossviz.jobs.selection import select
from napari_lossviz.ui.background import Task
from napari_lossviz.ui.layers import image_from_layer

_WARM_SIDE = 32


class InstantRun(QObject):
    """Runs a method's torch-free preset on a layer; a new request replaces the one before.

    Of a stack, the slice on the screen comes first, alone; the whole follows.

    Parameters
    ----------
    method : Method
    preset : str
        Name of the torch-free preset.
    """

    first_slice = Signal(object, object, object)
    """Source layer, denoised slice (H, W) and its index along t and z; the whole follows."""
    finished = Signal(object, object, object)
    """Source layer, `Result`, and its images."""
    failed = Signal(object, str)
    """Source layer, and why."""
    part = Signal(object, object)
    """Index into the whole result, and pixels: a slice that is finished."""
    stepped = Signal(object)
    """A `Step` of the run over the whole."""
    warming = Signal(bool)
    """The first use in this installation compiles: that has begun, or is over."""

    def __init__(self, method: Method, preset: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._method = method
        self.preset = preset
        self._task: Task | None = None
        self._warm: Task | None = None

    def warm_up(self) -> None:
        """Compile what the preset needs, so that no image waits for it."""
        noise = np.random.default_rng(0).normal(size=(_WARM_SIDE, _WARM_SIDE)).astype(np.float32)
        image = Image(noise, "yx")
        self._warm = Task(run, self._method, image, self._method.preset(self.preset))
        self.warming.emit(True)
        self._warm.done.connect(lambda _: self.warming.emit(False))
        self._warm.failed.connect(lambda _: self.warming.emit(False))
        self._warm.start()

    def start(self, layer: Any, config: MethodConfig, place: dict[str, int]) -> None:
        """Begin with a layer; signals follow.

        Parameters
        ----------
        layer : napari.layers.Image
        config : MethodConfig
            Of the torch-free preset's kind.
        place : dict of str to int
            Index of the slice on the screen along t and z; empty for a single image.
        """
        self.cancel()
        try:
            image = image_from_layer(layer)
        except LossvizError as error:
            self.failed.emit(layer, str(error))
            return
        if any(image.shape[image.axes.index(axis)] > 1 for axis in place):
            self._start_slice(layer, image, config, place)
        else:
            self._start_whole(layer, image, config)

    def cancel(self, wait: float = 0.0) -> None:
        """Stop what runs; nothing of it is told any more."""
        if self._task is not None:
            self._task.cancel(wait)
            self._task = None

    def close(self) -> None:
        """Stop everything and wait for its end."""
        self.cancel(wait=2.0)
        if self._warm is not None:
            self._warm.cancel()

    @property
    def running(self) -> bool:
        """Whether a result is on its way."""
        return self._task is not None

    def _start_slice(
        self, layer: Any, image: Image, config: MethodConfig, place: dict[str, int]
    ) -> None:
        chosen = Selection(ranges={axis: (n, n + 1) for axis, n in place.items()})
        # The headers of the other slices are not needed, and slicing them costs.
        part = select(image.replace(metadata={}, patient_affine=None), chosen)
        task = self._task = Task(run, self._method, part, config, reporting=True)

        def show(result: Result) -> None:
            main = result.main_image()
            if "c" not in main.axes:
                plane = tuple(slice(None) if axis in "yx" else 0 for axis in main.axes)
                slice_ = np.asarray(main.array)[plane]
                if main.axes.index("x") < main.axes.index("y"):
                    slice_ = slice_.T
                self.first_slice.emit(layer, slice_, tuple(place.values()))
            if self._task is not task:  # cancelled by whom it was told
                return
            self._start_whole(layer, image, config)

        task.done.connect(show)
        task.failed.connect(lambda error: self._fail(layer, error))
        task.start()

    def _start_whole(self, layer: Any, image: Image, config: MethodConfig) -> None:
        task = self._task = Task(_run_whole, self._method, image, config, reporting=True)
        task.progressed.connect(self.stepped.emit)
        task.part.connect(self.part.emit)
        task.done.connect(lambda done: self._finish(layer, *done))
        task.failed.connect(lambda error: self._fail(layer, error))
        task.start()

    def _finish(self, layer: Any, result: Result, images: list[NamedImage]) -> None:
        self._task = None
        self.finished.emit(layer, result, images)

    def _fail(self, layer: Any, error: Exception) -> None:
        self._task = None
        self.failed.emit(layer, str(error))


def _run_whole(
    method: Method, image: Image, config: MethodConfig, reporter: Any
) -> tuple[Result, list[NamedImage]]:
    """Return a result and its images, whose making takes time too."""
    # A lazy image is read here once, and not again by the window at each stroke of a brush.
    image = image.replace(array=np.asarray(image.array))
    result = run(method, image, config, reporter=reporter)
    return result, list(result.images())
