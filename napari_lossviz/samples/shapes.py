"""Shapes in millimetres on a grid of pixel centres: what the phantom is drawn with."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]
Point = Sequence[float] | NDArray[np.float64]

_COARSE = 256  # samples of a texture along each side: textures are smooth, so this is enough


@dataclass(frozen=True, eq=False)
class Grid:
    """Square grid whose pixel (size // 2, size // 2) lies at the origin.

    Attributes
    ----------
    size : int
        Pixels along y and x.
    spacing : float
        Distance of the pixels in mm.
    """

    size: int
    spacing: float

    @cached_property
    def y(self) -> Field:
        """Position along y in mm (towards the back), shape (size, 1)."""
        return ((np.arange(self.size) - self.size // 2) * self.spacing).astype(np.float32)[:, None]

    @cached_property
    def x(self) -> Field:
        """Position along x in mm (towards the patient's left), shape (1, size)."""
        return self.y.T

    def ellipse(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        *,
        angle: float = 0.0,
        waves: Sequence[tuple[int, float, float]] = (),
        power: float = 2.0,
    ) -> Field:
        """Return the relative radius of every pixel in a wavy (super)ellipse: below 1 is inside.

        Parameters
        ----------
        centre, radii : (y, x)
            In mm.
        angle : float
            Rotation in radians, from x towards y.
        waves : sequence of (order, amplitude, phase)
            The outline's radius is multiplied by ``1 + sum(amplitude * cos(order * angle +
            phase))``.
        power : float
            Exponent of the superellipse; 2 is an ellipse.
        """
        dy, dx = self.y - centre[0], self.x - centre[1]
        u = (dx * np.cos(angle) + dy * np.sin(angle)) / radii[1]
        v = (dy * np.cos(angle) - dx * np.sin(angle)) / radii[0]
        radius = (np.abs(u) ** power + np.abs(v) ** power) ** (1 / power)
        if waves:
            theta = np.arctan2(v, u)
            outline = 1 + sum(a * np.cos(order * theta + phase) for order, a, phase in waves)
            radius = radius / outline
        return np.asarray(radius, dtype=np.float32)

    def capsule(self, start: Point, end: Point, radii: tuple[float, float], z: float) -> Mask:
        """Return the cut at height `z` through a tapering tube between two points (z, y, x)."""
        (z0, y0, x0), (dz, dy, dx) = start, (e - s for s, e in zip(start, end, strict=True))
        length = dz * dz + dy * dy + dx * dx
        along = ((z - z0) * dz + (self.y - y0) * dy + (self.x - x0) * dx) / length
        along = np.clip(along, 0, 1)
        squared = (
            (z - z0 - along * dz) ** 2
            + (self.y - y0 - along * dy) ** 2
            + (self.x - x0 - along * dx) ** 2
        )
        return np.asarray(squared < (radii[0] + along * (radii[1] - radii[0])) ** 2)

    def texture(self, seed: tuple[int, ...], width: float, z: float, mask: Mask) -> Field:
        """Return a smooth Gaussian random field of mean 0 and standard deviation 1.

        Parameters
        ----------
        seed : tuple of int
            Seed of the field.
        width : float
            Standard deviation of the smoothing in mm; the field changes along z on the same scale.
        z : float
            Height of the cut in mm.
        mask : bool ndarray
            Where the field is wanted.

        Returns
        -------
        ndarray of float32
            One value for each pixel of `mask`, in its order.
        """
        first, second = _coarse_fields(seed, width, self.size * self.spacing)
        turn = z / (2 * width)
        field = np.cos(turn) * first + np.sin(turn) * second
        positions = np.stack(np.nonzero(mask)) * (_COARSE / self.size)
        return np.asarray(map_coordinates(field, positions, order=1, mode="nearest"))


@lru_cache(maxsize=64)
def _coarse_fields(seed: tuple[int, ...], width: float, extent: float) -> tuple[Field, Field]:
    """Return two independent fields; turned into one another, they have unit variance at any z."""
    rng = np.random.default_rng(seed)

    def field() -> Field:
        noise = rng.standard_normal((_COARSE, _COARSE))
        smooth = gaussian_filter(noise, width / (extent / _COARSE), mode="wrap")
        return np.asarray((smooth - smooth.mean()) / smooth.std(), dtype=np.float32)

    return field(), field()
