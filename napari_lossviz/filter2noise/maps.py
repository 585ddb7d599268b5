"""Sigma maps at the resolution of their predictor, expanded only where they are read."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Edit, Image, WholeMap
from napari_lossviz.core.replay import Limits, replay_edits, selected_maps, touches_slice
from napari_lossviz.filter2noise.apply import SPATIAL_CEILING, StageMaps

SIGMA_NAMES = ("sigma_x", "sigma_y", "sigma_r")
ANGLE = "angle"
ACROSS = {"z": "sigma_z", "t": "sigma_t"}
"""Name of the map that says how far slices along an axis lend to each other."""
RESIDUAL = "sigma_residual"
"""Name of the map that says over how many pixels the residual is averaged and given back."""
GUIDE = "guide"
MAP_UNITS = {
    "sigma_x": "px",
    "sigma_y": "px",
    ANGLE: "rad",
    RESIDUAL: "px",
    "sigma_z": "slices",
    "sigma_t": "times",
}
"""Units of the maps; that of sigma_r is the image's."""


class PredictedMaps(ABC):
    """Predicted maps of all stages and slices, before any edit.

    Attributes
    ----------
    height, width : int
        Size of the image.
    """

    height: int
    width: int

    @property
    @abstractmethod
    def stages(self) -> int:
        """Number of filter stages."""

    @property
    @abstractmethod
    def count(self) -> int:
        """Number of slices."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names of the maps."""

    @abstractmethod
    def expanded(self, name: str, stage: int, n: int) -> NDArray[np.float32]:
        """Return one map of one slice, (H, W)."""

    def with_source(self, source: Image) -> Self:
        """Return the maps with another copy of the image that they were predicted from."""
        return self

    def slice_maps(self, n: int) -> dict[str, NDArray[np.float32]]:
        """Return the maps of one slice by name, each (stages, 1, H, W)."""
        return {
            name: np.stack([self.expanded(name, s, n) for s in range(self.stages)])[:, None]
            for name in self.names
        }

    def full(self) -> dict[str, NDArray[np.float32]]:
        """Return all maps by name, each (stages, N, H, W)."""
        slices = [self.slice_maps(n) for n in range(self.count)]
        return {name: np.concatenate([s[name] for s in slices], axis=1) for name in self.names}


@dataclass(frozen=True, eq=False)
class SigmaMaps(PredictedMaps):
    """Maps that are kept, by pixel, by patch, or one value for a slice.

    Attributes
    ----------
    coarse : (stages, 3, N, h, w) float32
        sigma_x, sigma_y in pixels, sigma_r in image units, one value a patch.
    patch : int
        Side of a patch in pixels; 1 where every pixel has its own.
    height, width : int
        Size of the image.
    angle : (stages, N, H, W) float32, optional
        Direction of sigma_x in radians.
    """

    coarse: NDArray[np.float32]
    patch: int
    height: int
    width: int
    angle: NDArray[np.float32] | None = None

    @property
    def stages(self) -> int:
        """Number of filter stages."""
        return int(self.coarse.shape[0])

    @property
    def count(self) -> int:
        """Number of slices."""
        return int(self.coarse.shape[2])

    def expanded(self, name: str, stage: int, n: int) -> NDArray[np.float32]:
        """Return one map of one slice, (H, W)."""
        if name == ANGLE:
            if self.angle is None:
                raise KeyError(ANGLE)
            return np.array(self.angle[stage, n])
        coarse = self.coarse[stage, SIGMA_NAMES.index(name), n]
        return expand_patches(coarse, self.patch, self.height, self.width)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the maps."""
        return SIGMA_NAMES if self.angle is None else (*SIGMA_NAMES, ANGLE)


@dataclass(frozen=True, eq=False)
class WithConstants(PredictedMaps):
    """Maps of a predictor, and further ones that hold one value until they are edited.

    Attributes
    ----------
    within : PredictedMaps
    constants : mapping of str to float
        Value of each further map.
    """

    within: PredictedMaps
    constants: Mapping[str, float]

    @property
    def height(self) -> int:  # type: ignore[override]
        """Rows of the image."""
        return self.within.height

    @property
    def width(self) -> int:  # type: ignore[override]
        """Columns of the image."""
        return self.within.width

    @property
    def stages(self) -> int:
        """Number of filter stages."""
        return self.within.stages

    @property
    def count(self) -> int:
        """Number of slices."""
        return self.within.count

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the maps."""
        return (*self.within.names, *self.constants)

    def expanded(self, name: str, stage: int, n: int) -> NDArray[np.float32]:
        """Return one map of one slice, (H, W)."""
        if name in self.constants:
            return np.full((self.height, self.width), self.constants[name], np.float32)
        return self.within.expanded(name, stage, n)

    def with_source(self, source: Image) -> Self:
        """Return the maps with another copy of the image that they were predicted from."""
        return replace(self, within=self.within.with_source(source))


def expand_patches(
    coarse: NDArray[np.float32], patch: int, height: int, width: int
) -> NDArray[np.float32]:
    """Return (…, h, w) values of patches as (…, H, W), nearest, cropped."""
    if patch == 1:
        return np.array(coarse)
    if coarse.shape[-2:] == (1, 1):
        return np.array(np.broadcast_to(coarse, (*coarse.shape[:-2], height, width)))
    full = coarse.repeat(patch, axis=-2).repeat(patch, axis=-1)
    return np.ascontiguousarray(full[..., :height, :width])


def edit_limits(intensity_range: tuple[float, float]) -> Limits:
    """Return the bounds that edits keep, by map name."""
    span = intensity_range[1] - intensity_range[0]
    return {
        "sigma_x": (0.05, SPATIAL_CEILING),
        "sigma_y": (0.05, SPATIAL_CEILING),
        "sigma_r": (1e-6 * span, 1e3 * span),
        **dict.fromkeys((RESIDUAL, *ACROSS.values()), (0.05, SPATIAL_CEILING)),
    }


def check_edits(edits: Sequence[Edit], names: Sequence[str], stages: int) -> None:
    """Make sure that every map and stage that the edits name is there.

    Raises
    ------
    InputError
        If one is not.
    """
    there = {name: np.empty(stages, np.float32) for name in names}
    for edit in edits:
        selected_maps(edit, there)


def edited_maps(
    predicted: Mapping[str, NDArray[np.float32]],
    edits: Sequence[Edit],
    source: NDArray[np.floating],
    limits: Limits,
) -> dict[str, NDArray[np.float32]]:
    """Return the maps of one slice with edits replayed, each (stages, H, W).

    Parameters
    ----------
    predicted : mapping of str to (stages, H, W)
    edits : sequence of Edit
        Those that act on this slice, whatever slices they name.
    source : (H, W)
        The slice in image units, channels averaged.
    limits : mapping of str to (float, float)
    """
    here = [edit.model_copy(update={"slices": None}) for edit in edits]
    stacks = {name: stack[:, None] for name, stack in predicted.items()}
    return {
        name: stack[:, 0]
        for name, stack in replay_edits(stacks, here, source[None], limits).items()
    }


def edited_slice_maps(
    predicted: PredictedMaps,
    edits: Sequence[Edit],
    n: int,
    source: NDArray[np.floating],
    intensity_range: tuple[float, float],
) -> dict[str, NDArray[np.float32]]:
    """Return the maps of slice `n` with the edits replayed, each (stages, H, W)."""
    maps = {name: stack[:, 0] for name, stack in predicted.slice_maps(n).items()}
    mine = [edit for edit in edits if touches_slice(edit, n)]
    return edited_maps(maps, mine, source, edit_limits(intensity_range)) if mine else maps


def stage_list(maps: dict[str, NDArray[np.float32]], radii: Sequence[int]) -> list[StageMaps]:
    """Return maps by name, each (stages, H, W), as what the filter takes."""
    across = next((maps[name] for name in ACROSS.values() if name in maps), None)
    return [
        StageMaps(
            tuple(maps[name][s] for name in SIGMA_NAMES),
            radius,
            maps[ANGLE][s] if ANGLE in maps else None,
            None if across is None else across[s],
        )
        for s, radius in enumerate(radii)
    ]


def strength_edits(strength: float) -> tuple[Edit, ...]:
    """Return a strength as edits: sigma_r of every stage, multiplied.

    An edit, and not the configuration's `strength`: with that, a trained predictor would look at
    another first stage's output and predict other maps for the second, while the edit replays to
    exactly what is seen.
    """
    if strength == 1:
        return ()
    return (WholeMap(map="sigma_r", operation="multiply", value=strength),)


def strength_of(edits: tuple[Edit, ...]) -> float:
    """Return the strength that a list of edits starts with; 1 where it starts otherwise."""
    first = edits[0] if edits else None
    if isinstance(first, WholeMap) and edits[:1] == strength_edits(first.value):
        return first.value
    return 1.0
