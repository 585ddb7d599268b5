"""What a training learns from: two registered layers, two folders, or side-by-side images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz.core import InputError
from napari_lossviz.stain.align import refuse_large
from napari_lossviz.ui.layers import image_from_layer
from napari_lossviz.ui.path_row import PathRow
from napari_lossviz.ui.stain.colour_choice import ColourChoice

LAYERS, FOLDERS, SIDE_BY_SIDE = range(3)


@dataclass(frozen=True)
class Folders:
    """Pairs in folders.

    Attributes
    ----------
    source : Path
    target : Path, optional
        None: `source` holds side-by-side images.
    """

    source: Path
    target: Path | None


@dataclass(frozen=True)
class Layers:
    """Two registered layers."""

    source: Any
    target: Any


class TrainingSource(QWidget):
    """Chooses where the pairs come from.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    source_changed = Signal()

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind = QComboBox()
        self.kind.addItems(["two registered layers", "two folders", "side-by-side images"])
        self.kind.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.kind.setToolTip(
            "Folders: files of the same name are a pair. Side by side: one file shows the source "
            "on the left and the target on the right"
        )
        self.source_layer = ColourChoice(viewer, "the H&E image")
        self.source_layer.setToolTip("The layer that the translation starts from")
        self.target_layer = ColourChoice(viewer, "the IHC image, in register")
        self.target_layer.setToolTip("The layer that it is to become like, pixel over pixel")
        self.source_folder = PathRow("folder", "Folder of the H&E images", "folder of H&E images")
        self.target_folder = PathRow("folder", "Folder of the IHC images", "folder of IHC images")
        self.both_folder = PathRow("folder", "Folder of side-by-side images", "folder of images")
        self._pages = QStackedWidget()
        for rows in (
            (("H&&E", self.source_layer), ("IHC", self.target_layer)),
            (("H&&E", self.source_folder), ("IHC", self.target_folder)),
            (("Images", self.both_folder),),
        ):
            page = QWidget()
            form = QFormLayout(page)
            form.setContentsMargins(0, 0, 0, 0)
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
            for title, widget in rows:
                form.addRow(title, widget)
            self._pages.addWidget(page)
        top = QFormLayout()
        top.setContentsMargins(0, 0, 0, 0)
        top.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        top.addRow("Pairs from", self.kind)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self._pages)
        self.kind.currentIndexChanged.connect(self._pages.setCurrentIndex)
        self.kind.currentIndexChanged.connect(lambda _: self.source_changed.emit())
        for choice in (self.source_layer, self.target_layer):
            choice.layer_changed.connect(lambda _: self.source_changed.emit())
        for row in (self.source_folder, self.target_folder, self.both_folder):
            row.path_changed.connect(self.source_changed)

    def chosen(self) -> Layers | Folders | None:
        """Return what is chosen, None while something is missing."""
        kind = self.kind.currentIndex()
        if kind == LAYERS:
            layers = self.source_layer.layer, self.target_layer.layer
            complete = None not in layers and layers[0] is not layers[1]
            return Layers(*layers) if complete else None
        if kind == FOLDERS:
            source, target = self.source_folder.path, self.target_folder.path
            return Folders(source, target) if source and target else None
        both = self.both_folder.path
        return Folders(both, None) if both else None

    def close_source(self) -> None:
        """Follow the viewer no longer."""
        self.source_layer.close_choice()
        self.target_layer.close_choice()


def images_of(layers: Layers) -> list[Any]:
    """Return the images of both layers.

    Raises
    ------
    InputError
        If one is no image that a training can take, or too large for it, or the sizes differ.
    """
    images = [image_from_layer(layer) for layer in (layers.source, layers.target)]
    for image in images:
        refuse_large(image)
    if images[0].shape[:2] != images[1].shape[:2]:
        source, target = (" x ".join(map(str, image.shape[:2])) for image in images)
        raise InputError(
            f"{images[0].name} is {source}, {images[1].name} is {target} pixels: register the one "
            "to the other first (above), so that both have the same size"
        )
    return images
