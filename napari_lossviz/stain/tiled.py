"""A slide in tiles: measured and translated in one go, or part by part in several processes."""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from napari_lossviz.core import OutputExistsError
from napari_lossviz.engine.progress import Progress
from napari_lossviz.engine.row_sink import RowSink
from napari_lossviz.stain.checkpoint import StainCheckpoint
from napari_lossviz.stain.config import StainConfig
from napari_lossviz.stain.parts import Division, Parts
from napari_lossviz.stain.slide import Slide
from napari_lossviz.stain.statistics import TileMoments
from napari_lossviz.stain.tile_grid import Rows, Tile
from napari_lossviz.stain.translator import Normalisation, Translator

_STRIP = 256
"""Rows of a band that are read at once."""


class TiledSlide:
    """A slide in tiles.

    Parameters
    ----------
    slide : Slide
    checkpoint : StainCheckpoint
    config : StainConfig
    device : torch.device
    progress : Progress
    parts : Parts, optional
        Where other processes leave what they have done of it.
    """

    def __init__(
        self,
        slide: Slide,
        checkpoint: StainCheckpoint,
        config: StainConfig,
        device: torch.device,
        progress: Progress,
        parts: Parts | None = None,
    ) -> None:
        self._slide, self._config, self._progress, self._parts = slide, config, progress, parts
        self._closed = slide.closed()
        self._translator = Translator(checkpoint, config, device)
        self._tiles = self._translator.tiles(slide.scene, self._closed, slide.side)

    @property
    def passes(self) -> int:
        """Tiles that are computed in all, those of the statistics included."""
        return self._translator.passes(
            self._slide.scene, self._tiles, self._closed, self._slide.side
        )

    def run(self, take: Callable[[Rows], None]) -> None:
        """Translate it, but for what is there already.

        Parameters
        ----------
        take : callable
            Is given finished rows, in order.
        """
        division = None if self._parts is None else self._parts.division
        borders = division.bands if division else (0, len(self._tiles))
        bands = [range(first, stop) for first, stop in pairwise(borders)]
        kept = [self._parts.rows(n) if self._parts else None for n in range(len(bands))]
        if None not in kept:  # nothing asks for the statistics any more
            self._progress.skip_to(self._progress.done + len(self._measured))
        for band, there in zip(bands, kept, strict=True):
            if there is None:
                self._translate(band, take)
            else:
                self._read(there, band, take)

    def divided(self, processes: int) -> Division | None:
        """Return how several processes can share it; None: they cannot.

        Statistics of the whole image are known for a layer only when all tiles were computed up to
        it: that is not divided.
        """
        several = len(self._tiles) > 1 or len(self._tiles[0]) > 1
        if self._config.statistics == "whole_image" and several:
            return None
        work = [sum(map(self._translator.wanted, row)) for row in self._tiles]
        return Division.among(processes, len(self._measured), work, self._config.batch_tiles)

    def do(self, name: str, parts: Parts) -> None:
        """Do a part and keep it; nothing happens if there is no such part.

        Parameters
        ----------
        name : str
            See `Parts.missing`.
        parts : Parts
        """
        chunk, band = parts.chunk_of(name), parts.band_of(name)
        if chunk is not None:
            parts.keep_statistics(name, self._measure(chunk).as_arrays())
        elif band is not None:
            # another process may do it too, and be first, which was thought dead
            with suppress(OutputExistsError):
                self._keep_rows(name, band, parts)

    def _measure(self, chunk: slice) -> TileMoments:
        slide, progress = self._slide, self._progress
        tiles = self._measured[chunk]
        measured = self._translator.measure(
            slide.scene, tiles, self._closed, slide.side, progress.step, progress.poll
        )
        return TileMoments.joined(list(measured))

    def _keep_rows(self, name: str, band: range, parts: Parts) -> None:
        y0, y1 = self._rows_of(band)
        width, rows = self._slide.scene.shape[1], self._config.tile - self._config.overlap
        shape = (y1 - y0, width)
        with ExitStack() as stack:
            pixels = stack.enter_context(
                RowSink((*shape, 3), np.uint8, rows, parts.rows_path(name), lasting=True)
            )
            spread = None
            if self._config.sensitivity and not parts.spread_path(name).exists():
                spread = stack.enter_context(
                    RowSink(shape, np.float32, rows, parts.spread_path(name), lasting=True)
                )

            def take(finished: Rows) -> None:
                pixels.write(finished.y - y0, finished.pixels)
                if spread is not None and finished.spread is not None:
                    spread.write(finished.y - y0, finished.spread)

            self._translate(band, take)
            if spread is not None:
                spread.finish()
            pixels.finish()

    def _translate(self, band: range, take: Callable[[Rows], None]) -> None:
        self._translator.run(
            self._slide.scene,
            self._tiles,
            self._slide.white,
            self._normalisation,
            take,
            self._progress.step,
            band,
        )

    def _read(self, kept: tuple[Any, Any], band: range, take: Callable[[Rows], None]) -> None:
        pixels, spread = kept
        y0, _ = self._rows_of(band)
        for y in range(0, pixels.shape[0], _STRIP):
            part = slice(y, y + _STRIP)
            take(Rows(y0 + y, pixels[part], None if spread is None else spread[part]))
            self._progress.poll()
        for row in self._tiles[band.start : band.stop]:
            for _ in filter(self._translator.wanted, row):
                self._progress.step("joining what was translated")

    def _rows_of(self, band: range) -> tuple[int, int]:
        """Return the rows of pixels that a band gives."""
        height = self._slide.scene.shape[0]
        if band.stop == len(self._tiles):
            return self._tiles[band.start][0].y.start, height
        return self._tiles[band.start][0].y.start, self._tiles[band.stop][0].y.start

    @cached_property
    def _measured(self) -> list[Tile]:
        if self._config.statistics != "kernelised":
            return []
        slide = self._slide
        return self._translator.measured(
            self._translator.crops(slide.scene, self._tiles, self._closed, slide.side)
        )

    @cached_property
    def _normalisation(self) -> Normalisation:
        kept = () if self._parts is None else self._parts.statistics()
        return self._translator.normalisation(
            self._slide.scene,
            self._tiles,
            self._closed,
            self._slide.side,
            self._progress.step,
            self._progress.poll,
            map(TileMoments.from_arrays, kept),
        )
