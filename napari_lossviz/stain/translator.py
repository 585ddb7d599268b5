"""The generator over a whole image: tiles, their statistics, and their blending."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_lossviz.core import InputError
from napari_lossviz.engine.precision import fast_dtype
from napari_lossviz.engine.tiles import cover
from napari_lossviz.stain.augment import augmented, inverse, turned
from napari_lossviz.stain.checkpoint import STATISTICS, StainCheckpoint
from napari_lossviz.stain.config import GRID, StainConfig
from napari_lossviz.stain.generator import ResnetGenerator
from napari_lossviz.stain.kernelised import KernelisedStatistics, with_neighbours
from napari_lossviz.stain.normalisation import Normalise, instance_norm
from napari_lossviz.stain.scene import Scene
from napari_lossviz.stain.statistics import (
    Enough,
    Moments,
    StatisticsTable,
    TileMoments,
    TissueRecorder,
    WholeImageMoments,
    shared,
)
from napari_lossviz.stain.tile_grid import (
    LEAST_TISSUE,
    Rows,
    Tile,
    batches,
    lattice,
    mask_part,
    measured,
    tiles_of,
)

Normalisation = Callable[[Sequence[Tile], int], Normalise]
"""Takes some tiles and the number of their augmentation, 0 for none."""

EXACT_OVERLAP = 144
"""Twice the reach of the generator's receptive field, rounded up to the grid."""


class Translator:
    """Translates scenes.

    Parameters
    ----------
    checkpoint : StainCheckpoint
    config : StainConfig
        Its tiles, statistics, precision, background and sensitivity.
    device : torch.device

    Raises
    ------
    InputError
        If fixed statistics are asked for and the checkpoint has none.
    """

    def __init__(
        self, checkpoint: StainCheckpoint, config: StainConfig, device: torch.device
    ) -> None:
        dtype = fast_dtype(device) if config.precision == "fast" else torch.float32
        network = checkpoint.generator().frozen(dtype).to(device)
        self._fixed = fixed_moments(checkpoint, network, device, config.statistics == "fixed")
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._network: ResnetGenerator = network
        self._device = device
        self._config = config

    def tiles(self, scene: Scene, mask: NDArray[np.bool_], side: int) -> list[list[Tile]]:
        """Return the tiles of a scene, row by row.

        Parameters
        ----------
        scene : Scene
        mask : (h, w) bool
            Tissue, by blocks of `side` pixels.
        side : int
        """
        config = self._config
        overlap, blend = config.overlap, True
        if config.statistics in ("whole_image", "fixed"):
            # Given statistics, a pixel depends on what is near it alone: its own tile is exact.
            overlap, blend = max(overlap, min(EXACT_OVERLAP, config.tile // 2)), False
        rows, columns = (
            cover(length, config.tile, overlap, GRID, blend=blend) for length in scene.padded
        )
        return tiles_of(rows, columns, mask, side)

    def crops(
        self, scene: Scene, tiles: list[list[Tile]], mask: NDArray[np.bool_], side: int
    ) -> list[list[Tile]]:
        """Return the tiles that kernelised statistics are measured on, row by row.

        They are as large as those of `tiles`: the crops that the scene would be cut into, and
        others midway between them. Without a kernel they are `tiles`. See `measured` for those that
        are computed.

        Parameters
        ----------
        scene, tiles, mask, side
            See `tiles`.
        """
        if not self._config.kernel:
            return tiles
        tile = self._config.tile
        rows, columns = (lattice(length, tile, GRID) for length in scene.padded)
        return tiles_of(rows, columns, mask, side)

    def passes(
        self, scene: Scene, tiles: list[list[Tile]], mask: NDArray[np.bool_], side: int
    ) -> int:
        """Return the number of tiles that are computed in all, those of the statistics included.

        Parameters
        ----------
        scene, tiles, mask, side
            See `tiles`.
        """
        one = sum(self.wanted(tile) for row in tiles for tile in row)
        count = sum(len(row) for row in tiles)
        if self._config.statistics == "kernelised":
            return one + len(self.measured(self.crops(scene, tiles, mask, side)))
        if self._config.statistics == "whole_image" and count > 1:
            return one + count * len(self._network.norm_channels)
        return one

    def normalisation(
        self,
        scene: Scene,
        tiles: list[list[Tile]],
        mask: NDArray[np.bool_],
        side: int,
        done: Callable[[str], None],
        poll: Callable[[], None],
        known: Iterable[TileMoments] = (),
    ) -> Normalisation:
        """Measure what the chosen statistics need, and return the normalisation of some tiles.

        Parameters
        ----------
        scene, tiles, mask, side
            See `tiles`.
        done, poll : callable
            Called after each tile, and between layers; may raise to stop.
        known : iterable of TileMoments
            Kernelised statistics of `measured` that need not be measured any more.
        """
        flat = [tile for row in tiles for tile in row]
        chosen = self._config.statistics
        if chosen == "kernelised" and any(tile.tissue > 0 for tile in flat):
            crops = self.crops(scene, tiles, mask, side)
            table = self._table(scene, crops, mask, side, done, poll, known)
            if table.weights.any():
                statistics = KernelisedStatistics(table, crops, self._config.kernel)
                return lambda some, number: statistics.around(
                    some, self._device, poll, lambda maps: turned(maps, number)
                )
        if chosen == "whole_image" and len(flat) > 1:
            whole = self._whole(scene, flat, done, poll)
            return lambda some, _: shared(
                [(m.expand(len(some), -1), v.expand(len(some), -1)) for m, v in whole], poll
            )
        if chosen == "fixed":
            return lambda some, _: shared(
                [(m.expand(len(some), -1), v.expand(len(some), -1)) for m, v in self._fixed], poll
            )

        def by_itself(x: Tensor, layer: int) -> Tensor:
            poll()
            return instance_norm(x, layer)

        return lambda some, _: by_itself

    def run(
        self,
        scene: Scene,
        tiles: list[list[Tile]],
        white: NDArray[np.float64],
        normalisation: Normalisation,
        take: Callable[[Rows], None],
        done: Callable[[str], None],
        band: range | None = None,
    ) -> None:
        """Translate a scene, or a band of it.

        Parameters
        ----------
        scene, tiles
            See `tiles`.
        white : (3,) float
            Colour of tiles that are left out.
        normalisation : callable
            Of `normalisation`.
        take : callable
            Is given finished rows, in order.
        done : callable
            Called after each tile; may raise to stop.
        band : range, optional
            Rows of tiles: pixels are given from where the first begins to where the one after the
            last does. What reaches into them from above is computed too, so that they come out as
            those of the whole do, to the last bit.
        """
        band = range(len(tiles)) if band is None else band
        begin = tiles[band.start][0].y.start
        above = next(r for r, row in enumerate(tiles) if row[0].y.stop > begin or r == band.start)
        width = scene.padded[1]
        channels = 4 if self._config.sensitivity else 3
        strip = np.zeros((0, width, channels), np.float32)
        first = 0
        for r in range(above, band.stop):
            row = tiles[r]
            span = row[0].y
            lowered = np.zeros((span.length, width, channels), np.float32)
            kept = strip[span.start - first :] if len(strip) else strip
            lowered[: len(kept)] = kept
            strip, first = lowered, span.start
            for tile, values in self._outputs(scene, row, normalisation, white, done):
                weight = tile.y.weights[:, None, None] * tile.x.weights[None, :, None]
                strip[:, tile.x.start : tile.x.stop] += values * weight
            following = tiles[r + 1][0].y.start if r + 1 < len(tiles) else span.stop
            ready = min(following, scene.shape[0]) - first
            if r >= band.start and ready > 0:
                finished = strip[:ready, : scene.shape[1]]
                pixels = np.clip(np.rint(finished[..., :3]), 0, 255).astype(np.uint8)
                spread = finished[..., 3].copy() if channels == 4 else None
                take(Rows(first, pixels, spread))

    def _outputs(
        self,
        scene: Scene,
        row: Sequence[Tile],
        normalisation: Normalisation,
        white: NDArray[np.float64],
        done: Callable[[str], None],
    ) -> Iterator[tuple[Tile, NDArray[np.float32]]]:
        """Yield the tiles with their outputs (h, w, 3 or 4) in grey levels."""
        empty = np.append(white, 0.0)[: 4 if self._config.sensitivity else 3]
        for tile in row:
            if not self.wanted(tile):
                yield tile, np.broadcast_to(empty.astype(np.float32), (*tile.box.shape, len(empty)))
        wanted = [tile for tile in row if self.wanted(tile)]
        for some in batches(wanted, self._config.batch_tiles):
            x = self._input(scene, some)
            y = self._grey_levels(self._forward(x, normalisation(some, 0)))
            if self._config.sensitivity:
                y = torch.cat([y, self._spread(x, y, some, normalisation)], dim=1)
            values = y.permute(0, 2, 3, 1).cpu().numpy()
            for tile, one in zip(some, values, strict=True):
                yield tile, one
                done("translating")

    def _spread(
        self, x: Tensor, y: Tensor, tiles: Sequence[Tile], normalisation: Normalisation
    ) -> Tensor:
        """Return the standard deviation over augmentations, mean over colours, (B, 1, H, W)."""
        outputs = [y]
        for number in range(1, self._config.sensitivity + 1):
            normalise = normalisation(tiles, number)
            changed = self._grey_levels(self._forward(augmented(x, number), normalise))
            outputs.append(inverse(changed, number, y))
        return torch.stack(outputs).std(dim=0, correction=0).mean(dim=1, keepdim=True)

    def measured(self, crops: list[list[Tile]]) -> list[Tile]:
        """Return the tiles of `crops` whose kernelised statistics are measured, in order."""
        return measured(crops, on_lattice=self._config.kernel > 0)

    def measure(
        self,
        scene: Scene,
        tiles: Sequence[Tile],
        mask: NDArray[np.bool_],
        side: int,
        done: Callable[[str], None],
        poll: Callable[[], None],
    ) -> Iterator[TileMoments]:
        """Yield the statistics of the tissue of some tiles, `batch_tiles` at a time.

        Parameters
        ----------
        scene, mask, side
            See `tiles`.
        tiles : sequence of Tile
            Some of `measured`.
        done, poll
            See `normalisation`.
        """
        network = self._network
        for some in batches(tiles, self._config.batch_tiles):
            weights = np.stack([mask_part(mask, side, t.y, t.x) for t in some])[:, None]
            recorder = TissueRecorder(
                torch.from_numpy(weights.astype(np.float32)).to(self._device),
                network.norm_strides,
                poll,
            )
            self._forward(self._input(scene, some), recorder)
            yield TileMoments.of(some, recorder.moments)
            for _ in some:
                done("measuring the statistics of tiles")

    def _table(
        self,
        scene: Scene,
        crops: list[list[Tile]],
        mask: NDArray[np.bool_],
        side: int,
        done: Callable[[str], None],
        poll: Callable[[], None],
        known: Iterable[TileMoments],
    ) -> StatisticsTable:
        table = StatisticsTable.empty(len(crops), len(crops[0]), self._network.norm_channels)
        left = {(tile.row, tile.column): tile for tile in self.measured(crops)}
        for some in known:
            table.put(some)
            for row, column in some.places.tolist():
                del left[row, column]
                done("measuring the statistics of tiles")
        for some in self.measure(scene, list(left.values()), mask, side, done, poll):
            table.put(some)
        if not self._config.kernel:
            return table
        shares = np.array([[tile.tissue for tile in row] for row in crops])
        return with_neighbours(table, np.where(shares >= LEAST_TISSUE, shares, 0))

    def _whole(
        self,
        scene: Scene,
        tiles: Sequence[Tile],
        done: Callable[[str], None],
        poll: Callable[[], None],
    ) -> list[Moments]:
        network = self._network
        known: list[Moments] = []
        for _ in network.norm_channels:
            measured = WholeImageMoments(known, network.norm_strides, poll)
            for some in batches(tiles, self._config.batch_tiles):
                measured.own = [t.own for t in some]
                with suppress(Enough):
                    self._forward(self._input(scene, some), measured)
                for _ in some:
                    done("measuring the statistics of the whole image")
            known.append(measured.result())
        return known

    def wanted(self, tile: Tile) -> bool:
        """Whether a tile is computed; else it is left white."""
        return tile.tissue > 0 or self._config.background == "translate"

    def _input(self, scene: Scene, tiles: Sequence[Tile]) -> Tensor:
        pixels = np.stack([scene.read(tile.box) for tile in tiles])
        x = torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2).float() / 127.5 - 1
        return x.contiguous(memory_format=torch.channels_last)

    def _forward(self, x: Tensor, normalise: Normalise) -> Tensor:
        with torch.inference_mode():
            output: Tensor = self._network(x, normalise)
        return output

    @staticmethod
    def _grey_levels(y: Tensor) -> Tensor:
        return (y + 1) * 127.5


def fixed_moments(
    checkpoint: StainCheckpoint, network: ResnetGenerator, device: torch.device, required: bool
) -> list[Moments]:
    """Return the statistics that a checkpoint holds, each (1, C); none if it holds none.

    Raises
    ------
    InputError
        If they are required and missing.
    """
    held = checkpoint.part(STATISTICS)
    layers = range(len(network.norm_channels))
    names = [(f"mean.{i}", f"variance.{i}") for i in layers]
    if not all(name in held for name in (one for pair in names for one in pair)):
        if required:
            raise InputError(
                f"checkpoint {checkpoint.name}: it holds no statistics of its training crops; "
                "choose kernelised statistics"
            )
        return []
    return [
        (
            torch.from_numpy(held[mean]).to(device)[None],
            torch.from_numpy(held[variance]).to(device)[None],
        )
        for mean, variance in names
    ]
