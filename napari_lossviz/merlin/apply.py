"""A network over a whole image: tiles, blended, rows handed on as soon as they are done."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_lossviz.core import Box
from napari_lossviz.engine.precision import fast_dtype
from napari_lossviz.merlin.config import MerlinConfig
from napari_lossviz.merlin.loss import misfit
from napari_lossviz.merlin.merged import merged_forward, merged_parameters
from napari_lossviz.merlin.prepare import Segment
from napari_lossviz.merlin.scene import Scene, filled
from napari_lossviz.merlin.tiles import Span, cover, padded_length
from napari_lossviz.merlin.weights import MerlinWeights


@dataclass(frozen=True, eq=False)
class Rows:
    """Finished rows of an image.

    Attributes
    ----------
    y : int
        The first one.
    amplitude : (h, W) float32
    losses : dict of str to (h, W) float32
    """

    y: int
    amplitude: NDArray[np.float32]
    losses: dict[str, NDArray[np.float32]] = field(default_factory=dict)


class Despeckler:
    """Applies weights.

    Parameters
    ----------
    weights : MerlinWeights
    config : MerlinConfig
        Its precision, tiles, rotations and scale.
    device : torch.device
    """

    def __init__(self, weights: MerlinWeights, config: MerlinConfig, device: torch.device) -> None:
        dtype = fast_dtype(device) if config.precision == "fast" else torch.float32
        parameters = {
            name: torch.from_numpy(values).to(device) for name, values in weights.parameters.items()
        }
        self._device = device
        self._parameters = merged_parameters(parameters, dtype)
        self._normalisation = weights.normalisation
        self._scale = config.scale * weights.normalisation.scale
        self._config = config
        turns = np.arange(config.rotations) / (4 * config.rotations)
        self._rotations = np.exp(2j * np.pi * turns).astype(np.complex64)

    def run(
        self,
        scene: Scene,
        segment: Segment,
        take: Callable[[Rows], None],
        done: Callable[[], None],
        poll: Callable[[], None],
        *,
        with_losses: bool = False,
    ) -> None:
        """Despeckle the rows of a segment.

        Parameters
        ----------
        scene : Scene
        segment : Segment
        take : callable
            Is given finished rows, in order.
        done, poll : callable
            Called after each tile, and several times within one; may raise to stop.
        with_losses : bool
            Whether `Rows.losses` are computed.
        """
        config = self._config
        width = scene.shape[1]
        rows = cover(segment.last - segment.first, config.tile, config.overlap)
        columns = cover(width, config.tile, config.overlap)
        parts = 2 * config.rotations
        blended = np.zeros((parts, 0, padded_length(width)), np.float32)
        seen = np.zeros_like(blended) if with_losses else None
        for row in rows:
            blended = _lower(blended, row)
            seen = None if seen is None else _lower(seen, row)
            for column in columns:
                part = self._part(scene, segment, row, column)
                if part is not None:
                    output = self.outputs(part, poll)
                    weight = row.weights()[:, None] * column.weights()
                    at = np.s_[:, :, column.start : column.stop]
                    blended[at] += output * weight
                    if seen is not None:
                        # Squares: the phase may differ from tile to tile, their power does not.
                        seen[at] += self.parts(part) ** 2 * weight
                done()
            finished = row.length - row.after
            y0 = segment.first + row.start
            y1 = min(y0 + finished, segment.last)
            take(self._finished(scene, Box(y0, y1, 0, width), blended, seen))
        del blended

    def outputs(
        self, values: NDArray[np.complex64], poll: Callable[[], None]
    ) -> NDArray[np.float32]:
        """Return the network's output for each part of (h, w) complex values, (parts, h, w)."""
        parts = torch.from_numpy(self.parts(values)).to(self._device)[:, None]
        seen = self._normalisation.part_to_network(parts)
        # A processor's cache holds the features of one part, a GPU is busier with all at once.
        at_once = 1 if self._device.type == "cpu" else len(seen)
        with torch.no_grad():
            output = [merged_forward(self._parameters, one, poll) for one in seen.split(at_once)]
        return np.asarray(torch.cat(output)[:, 0].cpu().numpy())

    def parts(self, values: NDArray[np.complex64]) -> NDArray[np.float32]:
        """Return (parts, h, w): real and imaginary part of each rotation, scaled."""
        turned = self._rotations[:, None, None] * (values * np.float32(self._scale))
        pairs = np.stack([turned.real, turned.imag], axis=1)
        return pairs.reshape(-1, *values.shape).astype(np.float32)

    def amplitude(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the amplitude, in the image's unit, of outputs (parts, h, w)."""
        intensity = np.exp(self._normalisation.log_reflectivity(outputs)).mean(axis=0)
        return np.asarray(np.sqrt(intensity) / np.float32(self._scale), np.float32)

    def _part(
        self, scene: Scene, segment: Segment, row: Span, column: Span
    ) -> NDArray[np.complex64] | None:
        """Return the centred values of a tile, mirrored where there is no data; None: no data."""
        box = Box(
            segment.first + row.start,
            min(segment.first + row.stop, segment.last),
            column.start,
            min(column.stop, scene.shape[1]),
        )
        values, valid = scene.read_valid(box)
        if not valid.any():
            return None
        values = filled(segment.centring(values, box), valid)
        beyond = (row.length - values.shape[0], column.length - values.shape[1])
        if any(beyond):
            values = np.pad(values, ((0, beyond[0]), (0, beyond[1])), mode="symmetric")
        return values

    def _finished(
        self,
        scene: Scene,
        box: Box,
        blended: NDArray[np.float32],
        seen: NDArray[np.float32] | None,
    ) -> Rows:
        height, width = box.shape
        outputs = blended[:, :height, :width]
        _, valid = scene.read_valid(box)
        amplitude = np.where(valid, self.amplitude(outputs), 0)
        losses = {}
        if seen is not None:
            logarithm = self._normalisation.log_reflectivity(outputs)
            found = loss_maps(
                torch.from_numpy(logarithm), torch.from_numpy(np.sqrt(seen[:, :height, :width]))
            )
            losses = {name: np.where(valid, array, 0) for name, array in found.items()}
        return Rows(box.y0, amplitude.astype(np.float32), losses)


def loss_maps(log_reflectivity: Tensor, parts: Tensor) -> dict[str, NDArray[np.float32]]:
    """Return where the speckle model fails, each part scored under what the other one showed.

    Parameters
    ----------
    log_reflectivity, parts : (P, h, w)
        Real and imaginary parts by turns.

    Returns
    -------
    dict of str to (h, w) float32
    """
    others = parts.view(-1, 2, *parts.shape[1:]).flip(1).reshape(parts.shape)
    quotient = misfit(log_reflectivity, others)
    likelihood = (0.5 * log_reflectivity + quotient).mean(dim=0)
    # The misfit first: it is the one that shows where the speckle model fails.
    return {
        "misfit": np.asarray(quotient.mean(dim=0).cpu().numpy(), np.float32),
        "negative log-likelihood": np.asarray(likelihood.cpu().numpy(), np.float32),
    }


def _lower(strip: NDArray[np.float32], row: Span) -> NDArray[np.float32]:
    """Return the strip of the next tiles: what they share with the last ones, and zeros."""
    lowered = np.zeros((strip.shape[0], row.length, strip.shape[2]), np.float32)
    if row.before:
        lowered[:, : row.before] = strip[:, strip.shape[1] - row.before :]
    return lowered
