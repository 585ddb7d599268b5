"""What the brush is set to, and the edits that it makes; Qt-free."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from napari_lossviz.core import Region, Stroke, WholeMap
from napari_lossviz.core.edits import ALL_MAPS, Operation

Point = tuple[float, float]

Scope = Literal["shown", "range", "all"]
"""Slices an edit acts on: the one shown, a chosen range, or all of them."""

SMOOTHER, SHARPER = 2.0, 0.5
"""What all sigma maps are multiplied by at full strength: 2^+1 and 2^-1."""

MASKS: dict[str, tuple[tuple[str, tuple[float, float] | None], ...]] = {
    "HU": (
        ("Everything", None),
        ("Soft tissue (-160 to 240 HU)", (-160.0, 240.0)),
        ("Lung and air (below -400 HU)", (-1100.0, -400.0)),
        ("Fat (-150 to -30 HU)", (-150.0, -30.0)),
        ("Bone (240 HU and above)", (240.0, 4000.0)),
    )
}
"""Intensity ranges to choose from, by the unit of the image."""


def mask_choices(value_unit: str) -> tuple[tuple[str, tuple[float, float] | None], ...]:
    """Return the ready-made intensity ranges, with their names, for images of this unit."""
    return MASKS.get(value_unit, (("Everything", None),))


@dataclass(frozen=True)
class Brush:
    """Settings of the brush.

    Attributes
    ----------
    size : float
        Diameter in pixels.
    hardness : float
        Fraction of the radius that is covered fully.
    strength : float
        In [0, 1]; a multiplication at strength s is by value^s.
    operation : str
        multiply, add, set, smooth or restore.
    value : float
        Operand, in the map's own unit for add and set.
    map : str
        Name of a map, or "all".
    stage : int, optional
        Zero-based; None: all stages.
    scope : str
        "shown", "range" or "all" slices.
    slice_range : (int, int)
        First and last slice of the scope "range".
    intensity_range : (float, float), optional
        Pixels outside, in image units, are spared.
    """

    size: float = 30.0
    hardness: float = 0.5
    strength: float = 0.5
    operation: Operation = "multiply"
    value: float = SMOOTHER
    map: str = ALL_MAPS
    stage: int | None = None
    scope: Scope = "shown"
    slice_range: tuple[int, int] = (0, 0)
    intensity_range: tuple[float, float] | None = None

    def slices(self, n: int) -> tuple[int, int] | None:
        """Return the half-open range of slices that an edit made on slice `n` acts on."""
        if self.scope == "all":
            return None
        if self.scope == "range":
            first, last = sorted(self.slice_range)
            return first, last + 1
        return n, n + 1

    def stroke(self, points: Sequence[Point], n: int) -> Stroke:
        """Return the stroke along (y, x) points, in pixels, painted on slice `n`."""
        return Stroke(
            points=tuple(points),
            radius=self.size / 2,
            hardness=self.hardness,
            **self._common(n),
        )

    def region(self, vertices: Sequence[Point], n: int) -> Region:
        """Return the edit of a polygon with (y, x) vertices, in pixels, drawn on slice `n`."""
        return Region(vertices=tuple(vertices), **self._common(n))

    def whole(self, n: int) -> WholeMap:
        """Return the edit of every pixel of the slices in scope."""
        return WholeMap(**self._common(n))

    def _common(self, n: int) -> dict[str, Any]:
        return {
            "stage": self.stage,
            "map": self.map,
            "operation": self.operation,
            "value": 1.0 if self.operation == "restore" else self.value,
            "strength": self.strength,
            "slices": self.slices(n),
            "intensity_range": self.intensity_range,
        }
