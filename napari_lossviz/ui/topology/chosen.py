"""The chosen feature on the images: ends and place at once, a representative a moment later."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Labels, Points
from napari.utils.colormaps import CyclicLabelColormap
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_lossviz.betti.features import Features
from napari_lossviz.betti.result import BettiMatching
from napari_lossviz.betti.sides import Side
from napari_lossviz.core import LossvizError, Reporter
from napari_lossviz.ui.background import Task
from napari_lossviz.ui.placed import placed_like
from napari_lossviz.ui.result_layers import ResultLayers, add_quietly, remove_quietly
from napari_lossviz.ui.topology.feature_list import FeatureList
from napari_lossviz.ui.topology.looks import CHOSEN, colours_of
from napari_lossviz.ui.topology.overlays import ROLE, SIDES, Overlays, symbol_size

_PAUSE = 60
"""Milliseconds before a representative is looked for: whoever steps on sooner waits for none, and
the markers are on the screen first."""

_LIGHTER = 0.55
"""How much white the colour of the target's representative holds, of a match."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """Pixels of the representatives by side, and what they are in words."""

    pixels: dict[Side, NDArray[np.intp]]
    words: str


def draw(
    result: BettiMatching, table: Features, row: int, *, reporter: Reporter | None = None
) -> Drawing:
    """Return the representatives of a row in each image that has it.

    The reporter may raise `Cancelled`: a loop of a large volume is looked for several seconds.
    """
    pixels: dict[Side, NDArray[np.intp]] = {}
    words = []
    for side in SIDES:
        kind = result.kind_of(table, row, side)
        if kind is None:
            continue
        found = result.represent(
            int(table.dimension[row]), kind, int(table.index[row]), reporter=reporter
        )
        pixels[side] = found.coordinates
        words.append(f"{side}: {found.label}")
    return Drawing(pixels, "\n".join(words))


def _slice_of(numbers: NDArray[np.intp], here: int, *, middle: bool) -> int:
    """Return the slice of some pixels to look at.

    Parameters
    ----------
    numbers : (M,) int ndarray
        The slice of each pixel.
    here : int
        The slice of the feature's place: taken if it holds a pixel, else the one that holds most.
    middle : bool
        Take the middle of all instead, as of what is hollow.
    """
    slices, counts = np.unique(numbers, return_counts=True)
    if middle:
        return int(slices[len(slices) // 2])
    if here in slices:
        return here
    return int(slices[np.lexsort((np.abs(slices - here), -counts))[0]])


class ChosenFeature(QObject):
    """Draws the feature that is chosen, and takes camera and slice to it.

    Parameters
    ----------
    viewer : napari.Viewer
    features : FeatureList
    overlays : Overlays
    """

    described = Signal(str)
    """What the representative is; empty: there is none."""

    def __init__(
        self, viewer: Any, features: FeatureList, overlays: Overlays, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._features = features
        self._overlays = overlays
        self._source: Any = None
        self._aside = False
        self._task: Task | None = None
        self._looked: tuple[int, tuple[int, ...]] | None = None  # row, and slices that were shown
        self._drawn: NDArray[np.intp] | None = None  # pixels in sight
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE)
        self._pause.timeout.connect(self._seek)
        self.points: Points | None = None
        self.pixels: Labels | None = None
        features.chosen_changed.connect(self._draw)
        features.look_asked.connect(self.look)

    @property
    def drawing(self) -> bool:
        """Whether a representative is still to come."""
        return self._task is not None or self._pause.isActive()

    def show(self, layers: ResultLayers | None) -> None:
        """Belong to a result. Its layers are made now: the first choice would wait for them."""
        self.close()
        self._source = None if layers is None else layers.source
        if self._source is not None:
            self._make_pixels()
            self._make_points()

    def set_aside(self, aside: bool) -> None:
        """Show nothing on the images for a while: camera and slice go to what is chosen only."""
        self._aside = aside
        self.draw_again()

    def draw_again(self) -> None:
        """Show what is chosen; no camera moves."""
        self._draw(self._features.chosen)

    def stop(self) -> None:
        """Look for no representative any more."""
        self._pause.stop()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def close(self) -> None:
        """Take the layers away."""
        self.stop()
        made = [layer for layer in (self.points, self.pixels) if layer is not None]
        self.points = self.pixels = None
        remove_quietly(self._viewer, made)

    def look(self, row: int) -> None:
        """Take camera and slice to the place of a row."""
        table, source = self._features.table, self._source
        if table is None or source is None or source not in self._viewer.layers:
            return
        world = np.asarray(source.data_to_world(table.place[row]), float)
        dims, camera = self._viewer.dims, self._viewer.camera
        offset = dims.ndim - source.ndim
        if row == self._features.chosen and self._drawn is not None:
            self._show_slices(table, row, self._drawn)
        else:
            self._set_slices(table.place[row])
        self._looked = row, dims.current_step
        centre = list(camera.center)
        for n, axis in enumerate(dims.displayed[::-1]):
            if axis >= offset:
                centre[-1 - n] = world[axis - offset]
        camera.center = tuple(centre)

    def _set_slices(self, place: NDArray[Any]) -> None:
        """Show the slices of a place."""
        dims, world = self._viewer.dims, self._source.data_to_world(place)
        offset = dims.ndim - self._source.ndim
        for axis in range(self._source.ndim):
            if offset + axis not in dims.displayed:
                dims.set_point(offset + axis, world[axis])

    def _show_slices(self, table: Features, row: int, pixels: NDArray[np.intp]) -> None:
        """Show slices that hold pixels of the representative: those of the place may not."""
        cavity = int(table.dimension[row]) == 2
        place = [
            _slice_of(pixels[:, axis], int(here), middle=cavity)
            for axis, here in enumerate(table.place[row])
        ]
        self._set_slices(np.array(place))

    def _draw(self, row: int) -> None:
        self.stop()
        self._drawn = None
        table, source = self._features.table, self._source
        if self.pixels is not None and self.pixels.visible:
            self.pixels.visible = False
        if row < 0 or table is None or source is None or self._aside:
            if self.points is not None:
                self.points.visible = False
            self.described.emit("")
            return
        self._mark(table, row)
        self.described.emit("…")
        self._pause.start()

    def _seek(self) -> None:
        row, table, result = self._features.chosen, self._features.table, self._features.result
        if row < 0 or table is None or result is None:
            return
        self._task = Task(draw, result, table, row, reporting=True)
        self._task.done.connect(lambda drawing: self._on_drawn(drawing, table, row))
        self._task.failed.connect(self._on_failed)
        self._task.start()

    def _mark(self, table: Features, row: int) -> None:
        """Show place, births and deaths of a row."""
        places, symbols = [table.place[row]], ["disc"]
        for side in SIDES:
            found = self._overlays.sides.get(side)
            n = -1 if found is None else int(np.searchsorted(found.row, row))
            if found is not None and n < len(found.row) and found.row[n] == row:
                places += [found.birth_place[n], found.death_place[n]]
                symbols += ["triangle_up", "triangle_down"]
        size = symbol_size(self._source)
        points = self._make_points()
        points.visible = True  # first: a hidden layer is not sliced when its data change
        points.selected_data = set()  # of points that may be there no longer
        with points.events.blocker_all():
            points.data = np.array(places, float)
            points.symbol = symbols
            points.size = [2.2 * size, *[size] * (len(symbols) - 1)]
            points.face_color = "transparent"
            points.border_color = [*np.array(CHOSEN) / 255, 1.0]
        points.refresh()

    def _make_points(self) -> Points:
        """Return the layer of the ends; made, without a point, where there is none.

        It is visible: the graphics card has compiled what draws it before the first choice.
        """
        if self.points is None or self.points not in self._viewer.layers:
            self.points = Points(
                np.zeros((0, self._source.ndim)),
                name="chosen: births ▲, deaths ▼",
                border_width=0.12,
                **placed_like(self._source, ROLE),
            )
            self.points.canvas_size_limits = (10, 60)
            add_quietly(self._viewer, self.points)
        return self.points

    def _make_pixels(self) -> Labels:
        """Return the layer of the representative; made, hidden and empty, where there is none."""
        if self.pixels is None or self.pixels not in self._viewer.layers:
            self.pixels = Labels(
                np.zeros(self._source.data.shape, np.uint8),
                name="one of many representatives",
                opacity=0.6,
                visible=False,
                **placed_like(self._source, ROLE),
            )
            add_quietly(self._viewer, self.pixels)
        return self.pixels

    def _on_drawn(self, drawing: Drawing, table: Features, row: int) -> None:
        self._task = None
        source = self._source
        if source is None or source not in self._viewer.layers:
            return
        data = np.zeros(source.data.shape, np.uint8)
        own = colours_of(table)[row]
        light = own * (1 - _LIGHTER) + _LIGHTER
        both = len(drawing.pixels) == 2
        for value, side in ((2, "target"), (1, "prediction")):
            pixels = drawing.pixels.get(side)  # type: ignore[call-overload]
            if pixels is not None:
                data[tuple(pixels.T)] = value
        # cyclic: for a direct one napari compiles a mapping, and the window stops for a second
        colormap = CyclicLabelColormap(colors=[np.zeros(4), own, light if both else own])
        shown = self._make_pixels()
        shown.data = data
        shown.colormap = colormap
        shown.visible = True
        pixels = next(iter(drawing.pixels.values()), table.place[:0])
        self._drawn = pixels if len(pixels) else None
        if self._drawn is not None and self._looked == (row, self._viewer.dims.current_step):
            self._show_slices(table, row, self._drawn)  # nobody has gone elsewhere meanwhile
            self._looked = row, self._viewer.dims.current_step
        self.described.emit(drawing.words)

    def _on_failed(self, error: Exception) -> None:
        self._task = None
        if not isinstance(error, LossvizError):
            raise error
        self.described.emit(str(error))
