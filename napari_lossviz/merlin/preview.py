"""What a training shows while it goes on: a despeckled crop and where its loss acts."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from napari_lossviz.core import Box
from napari_lossviz.engine.devices import choose_device
from napari_lossviz.merlin.apply import Despeckler, loss_maps
from napari_lossviz.merlin.config import MerlinConfig
from napari_lossviz.merlin.prepare import Segment, centred_reader
from napari_lossviz.merlin.preview_box import preview_box, shows_whole_image
from napari_lossviz.merlin.scene import Scene, filled
from napari_lossviz.merlin.tiles import padded_length
from napari_lossviz.merlin.weights import MerlinWeights


class Preview:
    """Despeckles one crop of a scene with whatever parameters there are.

    Parameters
    ----------
    scene : Scene
    segments : list of Segment
    weights : MerlinWeights
        Whose normalisation counts.
    config : MerlinConfig
    """

    def __init__(
        self, scene: Scene, segments: list[Segment], weights: MerlinWeights, config: MerlinConfig
    ) -> None:
        self._config = config.replace(rotations=1)
        self._weights = weights
        self._box = preview_box(scene.shape)
        _, valid = scene.read_valid(self._box)
        values = filled(centred_reader(scene, segments, config.tile)(self._box), valid)
        beyond = [(0, padded_length(n) - n) for n in values.shape]
        self._values = np.pad(values, beyond, mode="symmetric")
        self._around: NDArray[np.float32] | None = None
        if shows_whole_image(scene.shape):
            self._around = np.abs(scene.read(Box.whole(scene.shape)))

    def maps(self, parameters: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """Return "denoised" and "loss …"; around the crop, the amplitude as it was, and 0.

        Parameters
        ----------
        parameters : mapping of str to ndarray
            Of the network as it is now.
        """
        weights = MerlinWeights(parameters, self._weights.normalisation, self._weights.name)
        device = choose_device(self._config.device)
        despeckler = Despeckler(weights, self._config, device)
        outputs = despeckler.outputs(self._values, lambda: None)
        logarithm = torch.from_numpy(weights.normalisation.log_reflectivity(outputs))
        losses = loss_maps(logarithm, torch.from_numpy(despeckler.parts(self._values)))
        maps = {"denoised": despeckler.amplitude(outputs)}
        maps |= {f"loss {name}": array for name, array in losses.items()}
        height, width = self._box.shape
        cut = {name: array[:height, :width] for name, array in maps.items()}
        if self._around is None:
            return cut
        return {name: self._placed(name, array) for name, array in cut.items()}

    def _placed(self, name: str, crop: NDArray[np.float32]) -> NDArray[np.float32]:
        assert self._around is not None
        whole = np.zeros_like(self._around) if name.startswith("loss ") else self._around.copy()
        whole[self._box.slices] = crop
        return whole
