"""What a network is trained on: centred parts of scenes, random crops, blocks held out in space."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_lossviz.core import Box, InputError
from napari_lossviz.merlin.prepare import Segment
from napari_lossviz.merlin.scene import Scene, evenly, filled, spread_counts
from napari_lossviz.merlin.spectrum import Complex

_PLATE = 1024
_MOST_PIXELS = 16_000_000
"""Of all plates together: a network does not need more, and memory is bounded."""

_BLOCK, _CONTEXT = 32, 32
"""Side of a held-out block, and what is read around it to judge it."""

_MOST_BLOCKS = 48
_ATTEMPTS = 20
_CONTENT = 0.5
"""Share of a crop that has to count for the crop to be worth a step."""


@dataclass(frozen=True, eq=False)
class Plate:
    """A part of a scene.

    Attributes
    ----------
    values : (h, w) complex64
        Centred and scaled, mirrored where there is no data.
    trained : (h, w) bool
        Where the loss counts: data that is not held out.
    held_out : (h, w) bool
        Where validation counts.
    blocks : tuple of Box
        Held-out blocks with their context, each of one size.
    """

    values: Complex = field(repr=False)
    trained: NDArray[np.bool_] = field(repr=False)
    held_out: NDArray[np.bool_] = field(repr=False)
    blocks: tuple[Box, ...]


@dataclass(frozen=True, eq=False)
class Batch:
    """What a network sees, what it is scored on, and where.

    Attributes
    ----------
    seen, target : (B, 1, h, w) float32
        Two parts of the same complex values, scaled.
    counts : (B, 1, h, w) bool
    """

    seen: Tensor
    target: Tensor
    counts: Tensor


def make_plates(
    scene: Scene,
    segments: list[Segment],
    scale: float,
    crop: int,
    validation: float,
    generator: torch.Generator,
    poll: Callable[[], None],
) -> list[Plate]:
    """Return the parts of a scene that a network is trained on.

    Parameters
    ----------
    scene : Scene
    segments : list of Segment
        With their centring.
    scale : float
        Factor on the values.
    crop : int
        Plates are padded to this side at least.
    validation : float
        Share of the area that is held out.
    generator : torch.Generator
        Chooses the held-out blocks.
    poll : callable

    Raises
    ------
    InputError
        If a scene has no valid pixel, or too few to hold some out.
    """
    plates: list[Plate] = []
    side = max(crop, _BLOCK + 2 * _CONTEXT)
    share = _MOST_PIXELS // len(segments) // _PLATE**2
    for segment in segments:
        height = segment.last - segment.first
        for box in _boxes((height, scene.shape[1]), max(share, 1)):
            poll()
            place = Box(box.y0 + segment.first, box.y1 + segment.first, box.x0, box.x1)
            values, valid = scene.read_valid(place)
            if not valid.any():
                continue
            values = filled(segment.centring(values, place), valid) * np.float32(scale)
            missing = [(0, max(side - n, 0)) for n in values.shape]
            values = np.pad(values, missing, mode="symmetric")
            valid = np.pad(valid, missing)
            held_out, blocks = _hold_out(valid, validation, generator)
            plates.append(Plate(values, valid & ~held_out, valid & held_out, blocks))
    if not plates:
        raise InputError(f"{scene.image.name}: no pixel holds data, there is nothing to train on")
    if not any(plate.blocks for plate in plates):
        largest = max(range(len(plates)), key=lambda i: int(plates[i].trained.sum()))
        plates[largest] = _with_one_block(plates[largest])
    if not any(plate.trained.any() for plate in plates):
        raise InputError(
            f"{scene.image.name}: too few pixels hold data to train on some and judge by others; "
            f"choose a part of more than {_BLOCK} x {_BLOCK} pixels"
        )
    return plates


def data_hash(plates: list[Plate]) -> str:
    """Return the SHA-256 of all values and of what is held out."""
    digest = hashlib.sha256()
    for plate in plates:
        digest.update(np.ascontiguousarray(plate.values).tobytes())
        digest.update(np.packbits(plate.held_out).tobytes())
    return digest.hexdigest()


class CropSampler:
    """Draws batches of random crops.

    Each crop is mirrored along azimuth and range by chance and its complex phase turned by a
    random angle, all of which leave the statistics of speckle as they are.

    Parameters
    ----------
    plates : list of Plate
    crop, batch : int
    generator : torch.Generator
    """

    def __init__(
        self, plates: list[Plate], crop: int, batch: int, generator: torch.Generator
    ) -> None:
        self._plates = plates
        self._crop = crop
        self._batch = batch
        self._generator = generator
        self._chances = torch.tensor([float(plate.trained.sum()) for plate in plates])

    def draw(self) -> Batch:
        """Return a batch."""
        crops = [self._one() for _ in range(self._batch)]
        values = np.stack([values for values, _ in crops])
        turns = torch.rand(self._batch, generator=self._generator).numpy()
        values = values * np.exp(2j * np.pi * turns).astype(np.complex64)[:, None, None]
        return batch_of(values, np.stack([counts for _, counts in crops]))

    def _one(self) -> tuple[Complex, NDArray[np.bool_]]:
        plate = self._plates[int(torch.multinomial(self._chances, 1, generator=self._generator))]
        at = np.s_[0:0, 0:0]
        for _ in range(_ATTEMPTS):
            y, x = (self._below(n - self._crop + 1) for n in plate.values.shape)
            at = np.s_[y : y + self._crop, x : x + self._crop]
            if plate.trained[at].mean() >= _CONTENT:
                break
        values, counts = plate.values[at], plate.trained[at]
        for axis in (0, 1):
            if self._below(2):
                values, counts = np.flip(values, axis), np.flip(counts, axis)
        return values, counts

    def _below(self, limit: int) -> int:
        return int(torch.randint(limit, (1,), generator=self._generator))


def validation_batches(plates: list[Plate]) -> list[Batch]:
    """Return batches of one held-out block each, spread over all plates; both parts are seen."""
    all_blocks = [(plate, box) for plate in plates for box in plate.blocks]
    step = max(-(-len(all_blocks) // _MOST_BLOCKS), 1)
    batches = []
    for plate, box in all_blocks[::step]:
        values = plate.values[box.slices]
        both = np.stack([values, 1j * values]).astype(np.complex64)
        counts = np.zeros(values.shape, bool)
        inner = np.s_[_CONTEXT:-_CONTEXT, _CONTEXT:-_CONTEXT]
        counts[inner] = plate.held_out[box.slices][inner]
        batches.append(batch_of(both, np.stack([counts] * 2)))
    return batches


def batch_of(values: Complex, counts: NDArray[np.bool_]) -> Batch:
    """Return a batch that sees the real parts of (B, h, w) values and predicts the imaginary."""
    return Batch(
        torch.from_numpy(np.ascontiguousarray(values.real))[:, None],
        torch.from_numpy(np.ascontiguousarray(values.imag))[:, None],
        torch.from_numpy(np.ascontiguousarray(counts))[:, None],
    )


def _boxes(shape: tuple[int, int], most: int) -> list[Box]:
    """Return where plates lie: side by side over the whole, or spread out where that are too many.

    They never overlap: what one holds out, another would train on.
    """
    counts = spread_counts(shape, (_PLATE, _PLATE), most)
    sides = [min(n // count, _PLATE) for n, count in zip(shape, counts, strict=True)]
    ys, xs = (evenly(*one) for one in zip(shape, sides, counts, strict=True))
    return [Box(y, y + sides[0], x, x + sides[1]) for y in ys for x in xs]


def _hold_out(
    valid: NDArray[np.bool_], share: float, generator: torch.Generator
) -> tuple[NDArray[np.bool_], tuple[Box, ...]]:
    """Choose blocks of a grid at random: at least one, none where no block holds enough data."""
    corners = [place for place, known in _contents(valid).items() if known >= _CONTENT]
    order = torch.randperm(len(corners), generator=generator).tolist()
    count = max(round(share * valid.sum() / _BLOCK**2), 1)
    return _held_out(valid.shape, [corners[i] for i in order[:count]])


def _with_one_block(plate: Plate) -> Plate:
    """Hold out the fullest block of a plate whose data lie in strips too narrow for a whole one.

    The plate is mirrored outwards, so that a block at its border has a context as well.
    """
    pads = [(_CONTEXT, _CONTEXT + -length % _BLOCK) for length in plate.values.shape]
    valid = np.pad(plate.trained | plate.held_out, pads)
    contents = _contents(valid)
    held_out, blocks = _held_out(valid.shape, [max(contents, key=contents.__getitem__)])
    values = np.pad(plate.values, pads, mode="symmetric")
    return Plate(values, valid & ~held_out, valid & held_out, blocks)


def _contents(valid: NDArray[np.bool_]) -> dict[tuple[int, int], float]:
    """Return the share of data of each block that has its context, by its corner."""
    height, width = valid.shape
    return {
        (y, x): float(valid[y : y + _BLOCK, x : x + _BLOCK].mean())
        for y in range(_CONTEXT, height - _BLOCK - _CONTEXT + 1, _BLOCK)
        for x in range(_CONTEXT, width - _BLOCK - _CONTEXT + 1, _BLOCK)
    }


def _held_out(
    shape: tuple[int, ...], corners: list[tuple[int, int]]
) -> tuple[NDArray[np.bool_], tuple[Box, ...]]:
    held_out = np.zeros(shape, bool)
    size = _BLOCK + 2 * _CONTEXT
    blocks = []
    for y, x in corners:
        held_out[y : y + _BLOCK, x : x + _BLOCK] = True
        blocks.append(Box(y - _CONTEXT, y - _CONTEXT + size, x - _CONTEXT, x - _CONTEXT + size))
    return held_out, tuple(blocks)
