"""Low-contrast inserts of stated contrast, size and place: what a figure of merit looks for."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Insert:
    """A circular rod along z whose CT number differs from its surroundings.

    Attributes
    ----------
    centre : (y, x)
        Pixel coordinates of the axis, the centre of the first pixel being (0, 0).
    radius : float
        In pixels.
    centre_mm, radius_mm
        The same in mm, the centre from the image's centre pixel.
    contrast : float
        In HU, on top of the surrounding organ.
    slices : (start, stop)
        Half-open range of slice indices, from the feet up.
    organ : str
        What surrounds it, with a texture of 1 HU up to 1.6 radii from the axis.
    """

    centre: tuple[float, float]
    radius: float
    centre_mm: tuple[float, float]
    radius_mm: float
    contrast: float
    slices: tuple[int, int]
    organ: str

    def as_dict(self) -> dict[str, Any]:
        """Return the attributes as plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Insert":
        """Return the insert that `as_dict` described."""
        pairs = {name: tuple(data[name]) for name in ("centre", "centre_mm", "slices")}
        return cls(**{**data, **pairs})


# y mm, x mm, radius mm, contrast HU, slices, organ
_PLACES: tuple[tuple[float, float, float, float, tuple[int, int], str], ...] = (
    (-44.0, -62.0, 9.0, 10.0, (0, 8), "liver"),
    (-16.0, -88.0, 7.2, 20.0, (0, 8), "liver"),
    (14.0, -84.0, 7.2, -15.0, (0, 8), "liver"),
    (-14.0, -60.0, 4.8, 40.0, (0, 8), "liver"),
    (-38.0, -90.0, 4.8, -30.0, (1, 5), "liver"),
    (-58.0, -38.0, 6.0, 15.0, (2, 8), "liver"),
    (66.0, 34.0, 6.0, 20.0, (0, 8), "muscle"),
    (66.0, -34.0, 6.0, -20.0, (0, 8), "muscle"),
)


def inserts(size: int = 256, spacing: float = 1.2) -> list[Insert]:
    """Return the phantom's inserts on a grid of `size` pixels of `spacing` mm."""
    return [
        Insert(
            centre=(size // 2 + y / spacing, size // 2 + x / spacing),
            radius=radius / spacing,
            centre_mm=(y, x),
            radius_mm=radius,
            contrast=contrast,
            slices=slices,
            organ=organ,
        )
        for y, x, radius, contrast, slices, organ in _PLACES
    ]
