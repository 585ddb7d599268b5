"""Where a term of a run's loss acts, as a layer: of its images, or of a file beside its recipe."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Layer

from napari_lossviz import io
from napari_lossviz.core import Image, NamedImage
from napari_lossviz.io.maps import loss_key
from napari_lossviz.ui.layer_looks import colours
from napari_lossviz.ui.layers import METADATA_KEY, NAMED_KEY, ROLE_KEY, image_layer
from napari_lossviz.ui.result_layers import (
    ResultLayers,
    add_quietly,
    show_loss,
    with_colorbar,
)
from napari_lossviz.ui.session_runs import SessionRun

_FILE_KEY = "loss map of"


@dataclass(frozen=True, eq=False)
class LossMap:
    """One of a run's maps.

    Attributes
    ----------
    run : str
        Name of the run.
    term : str
        As its images or files spell it.
    layers : ResultLayers, optional
        Where the run is shown.
    path : Path, optional
        Of a saved one.
    """

    run: str
    term: str
    layers: ResultLayers | None = None
    path: Path | None = None

    def read(self) -> Image | None:
        """Return the pixels of a saved one, which takes a while; None: they are in memory.

        Raises
        ------
        InputError
            If the file is gone or cannot be read.
        """
        return None if self.path is None else io.read(self.path)[0]

    def show(self, viewer: Any, image: Image | None) -> Any:
        """Show it, and return its layer.

        Parameters
        ----------
        viewer : napari.Viewer
        image : Image, optional
            What `read` returned.
        """
        if self.layers is not None:
            show_loss(viewer, self.layers, self.term)
            return self.layers.losses[self.term]
        for layer in viewer.layers:
            if layer.metadata.get(METADATA_KEY, {}).get(_FILE_KEY) == self.path:
                layer.visible = True
                return layer
        assert image is not None  # it is read before
        data, settings, kind = image_layer(image, name=f"{self.run} loss {self.term}")
        named = NamedImage(f"loss {self.term}", image.array, "loss")
        settings |= colours(named, np.asarray(image.array), None)
        settings["metadata"][METADATA_KEY] |= {
            ROLE_KEY: named.role,
            NAMED_KEY: named.name,
            _FILE_KEY: self.path,
        }
        layer = Layer.create(data, settings, kind)
        with_colorbar(layer)
        add_quietly(viewer, layer)
        return layer


def maps_of(run: SessionRun | None, viewer: Any) -> dict[str, LossMap]:
    """Return the maps of a run by term, spelled alike whether it is saved or not."""
    if run is None:
        return {}
    name, layers = run.record.name, run.layers_in(viewer)
    if layers is not None:
        terms = layers.loss_images
        return {loss_key(term): LossMap(name, term, layers=layers) for term in terms}
    saved = run.record.loss_maps
    return {term: LossMap(name, term, path=path) for term, path in saved.items()}
