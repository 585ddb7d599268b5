"""MERLIN's inference written the plain way: one patch at a time, one part after the other."""

import numpy as np
import torch
from numpy.typing import NDArray

from napari_lossviz.merlin.network import MerlinNetwork
from napari_lossviz.merlin.weights import MerlinWeights

PATCH, STRIDE = 256, 254


class PlainMerlin:
    """The network on 256 x 256 patches, stride 254, float32; overlaps are averaged.

    Parameters
    ----------
    weights : MerlinWeights
    """

    def __init__(self, weights: MerlinWeights) -> None:
        parameters = {name: torch.from_numpy(w) for name, w in weights.parameters.items()}
        self._network = MerlinNetwork.from_parameters(parameters).eval()
        self._normalisation = weights.normalisation

    def amplitude(self, slc: NDArray[np.complex64]) -> NDArray[np.float32]:
        """Return the despeckled amplitude of an image of at least 256 x 256 pixels."""
        intensity = sum(self._reflectivity(part) for part in (slc.real, slc.imag)) / 2
        return np.sqrt(intensity).astype(np.float32)

    def _reflectivity(self, part: NDArray[np.float32]) -> NDArray[np.float32]:
        total = np.zeros(part.shape, np.float32)
        count = np.zeros(part.shape, np.float32)
        for y in starts(part.shape[0]):
            for x in starts(part.shape[1]):
                at = np.s_[y : y + PATCH, x : x + PATCH]
                patch = np.ascontiguousarray(part[at], np.float32)
                seen = torch.from_numpy(self._normalisation.part_to_network(patch))[None, None]
                with torch.no_grad():
                    output = self._network(seen)[0, 0].numpy()
                total[at] += np.exp(self._normalisation.log_reflectivity(output))
                count[at] += 1
        return total / count


def starts(length: int) -> list[int]:
    """Return where patches start, the last one at the end of the image."""
    return [*range(0, length - PATCH, STRIDE), length - PATCH]
