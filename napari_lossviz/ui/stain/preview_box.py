"""What a training makes of a validation pair right now: source, translated, target and trust."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from napari.layers import Layer
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz.core import Image
from napari_lossviz.ui.layers import image_layer
from napari_lossviz.ui.plots.bare import pg
from napari_lossviz.ui.result_layers import add_quietly, remove_quietly

COLOURS = ("source", "translated", "target")
MEAN = "trust weight"
_MOST_WEIGHT = 2.0
"""Weights are 1 on average."""
_GAP = 0.05


class PreviewBox(QWidget):
    """Three small pictures and a map of trust; on request layers beside the others.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._maps: dict[str, np.ndarray] = {}
        self._layers: dict[str, Any] = {}
        self._corner: tuple[float, float] | None = None
        self.pictures = {name: Picture(name) for name in (*COLOURS, MEAN)}
        self.choice = QComboBox()
        self.choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.choice.setToolTip(
            "Which map of trust is shown: the weight that the loss gives to each patch, or the "
            "cosine similarity of the translated patch and its partner, at a layer of the network"
        )
        self.as_layers = QCheckBox("In the viewer too")
        self.as_layers.setToolTip("Show these four as layers, to the right of the images")
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for n, picture in enumerate(self.pictures.values()):
            grid.addWidget(picture, n // 2, n % 2)
        row = QHBoxLayout()
        row.addWidget(QLabel("Trust"))
        row.addWidget(self.choice, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(grid)
        layout.addLayout(row)
        layout.addWidget(self.as_layers)
        self.choice.currentTextChanged.connect(lambda _: self._draw())
        self.as_layers.toggled.connect(lambda _: self._draw())
        self.hide()

    def show_maps(self, maps: Mapping[str, np.ndarray]) -> None:
        """Show new maps, of the first pair among them."""
        self._maps = dict(maps)
        names = [name for name in maps if name.startswith("trust ")]
        # The mean over the layers of the network first.
        names.sort(key=lambda name: name != MEAN)
        if names != [self.choice.itemText(i) for i in range(self.choice.count())]:
            chosen = self.choice.currentText()
            blocked = self.choice.blockSignals(True)
            self.choice.clear()
            self.choice.addItems(names)
            self.choice.setCurrentText(chosen if chosen in names else MEAN)
            self.choice.blockSignals(blocked)
        self.show()
        self._draw()

    def clear(self) -> None:
        """Forget the pair, and take its layers away."""
        self._maps = {}
        self.hide()
        self._remove_layers()

    def close_box(self) -> None:
        """Let go of the viewer; layers stay where the window goes."""
        self._maps, self._layers = {}, {}

    def _shown(self) -> dict[str, np.ndarray]:
        trust = self.choice.currentText()
        names = [*COLOURS, *([trust] if trust in self._maps else [])]
        return {name: self._maps[name] for name in names if name in self._maps}

    def _draw(self) -> None:
        shown = self._shown()
        for name, array in shown.items():
            picture = self.pictures[name if name in COLOURS else MEAN]
            picture.show_array(name, array if array.ndim == 3 else coloured(name, array))
        if not self.as_layers.isChecked():
            self._remove_layers()
        else:
            for n, (name, array) in enumerate(shown.items()):
                self._put_layer(n, name, array)

    def _put_layer(self, place: int, name: str, array: np.ndarray) -> None:
        key = name if name in COLOURS else MEAN
        known = self._layers.get(key)
        if known is not None and known in self._viewer.layers:
            if known.data.shape == array.shape:
                known.data = array
                known.name = f"training {name}"
                if not known.rgb:
                    known.contrast_limits = limits_of(name)
                return
            remove_quietly(self._viewer, [known])
        elif known is not None:  # the user removed it
            return
        axes = "yxc" if array.ndim == 3 else "yx"
        data, settings, kind = image_layer(Image(array, axes, name=f"training {name}"))
        settings["metadata"]["lossviz"]["role"] = "preview"
        step, corner = self._place(array)
        settings["scale"] = (step, step)
        settings["translate"] = (corner[0], corner[1] + place * array.shape[1] * step * (1 + _GAP))
        settings["units"] = units_in(self._viewer)
        if array.ndim == 2:
            settings |= {"colormap": "viridis", "contrast_limits": limits_of(name)}
        layer = Layer.create(data, settings, kind)
        self._layers[key] = layer
        add_quietly(self._viewer, layer)

    def _place(self, array: np.ndarray) -> tuple[float, tuple[float, float]]:
        """Return the size of a pixel and the corner where the first picture goes."""
        extent = self._viewer.layers.extent
        if self._corner is None:
            low, high = extent.world[0][-2:], extent.world[1][-2:]
            empty = not np.isfinite(low).all() or not len(self._viewer.layers)
            width = 0.0 if empty else float(high[1] - low[1])
            right = 0.0 if empty else float(high[1]) + _GAP * max(width, 1.0)
            self._corner = (0.0 if empty else float(low[0]), right)
        steps = [float(step) for step in np.asarray(extent.step)[-2:]]
        step = steps[-1] if len(self._viewer.layers) else 1.0
        return step, self._corner

    def _remove_layers(self) -> None:
        remove_quietly(self._viewer, self._layers.values())
        self._layers.clear()
        self._corner = None


class Picture(QWidget):
    """A small picture with its name, as wide as the dock allows."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pixmap = QPixmap()
        self.title = QLabel(name)
        self.title.setEnabled(False)  # quieter than the picture
        self.image = QLabel()
        self.image.setFixedHeight(130)
        self.image.setMinimumWidth(60)
        self.image.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.image.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.image)
        layout.addWidget(self.title)

    def show_array(self, name: str, pixels: np.ndarray) -> None:
        """Show (H, W, 3) uint8 pixels."""
        self.title.setText(name)
        height, width = pixels.shape[:2]
        data = np.ascontiguousarray(pixels, np.uint8)
        image = QImage(data.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        self._pixmap = QPixmap.fromImage(image)
        self._fit()

    def resizeEvent(self, a0: Any) -> None:  # noqa: N802, Qt's name
        """Fit the picture into the new width."""
        super().resizeEvent(a0)
        self._fit()

    def _fit(self) -> None:
        if not self._pixmap.isNull():
            size = self.image.size()
            keep = Qt.AspectRatioMode.KeepAspectRatio
            smooth = Qt.TransformationMode.SmoothTransformation
            self.image.setPixmap(self._pixmap.scaled(size, keep, smooth))


def units_in(viewer: Any) -> tuple[Any, ...]:
    """Return the units along y and x of what a viewer shows: napari scales no mixed ones."""
    known = [layer.units[-2:] for layer in viewer.layers]
    return tuple(known[0]) if known else ("pixel", "pixel")


def limits_of(name: str) -> tuple[float, float]:
    """Return the contrast limits of a map of trust, the same for all pairs and steps."""
    return (0.0, 1.0) if "cosine" in name else (0.0, _MOST_WEIGHT)


def coloured(name: str, values: np.ndarray) -> np.ndarray:
    """Return a map of trust as colours, (H, W, 3) uint8."""
    low, high = limits_of(name)
    table = pg.colormap.get("viridis").getLookupTable(nPts=256, alpha=False)
    index = np.clip((values - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    return np.asarray(table[index], np.uint8)
