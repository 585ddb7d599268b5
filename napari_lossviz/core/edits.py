"""Edits of maps as data: what the brush, a region tool or a script did, and nothing else.

Edited maps are always derived: predicted maps with the edits replayed in order
(`napari_lossviz.core.replay`). Undo and redo move along the list; a recipe stores it.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Operation = Literal["multiply", "add", "set", "smooth", "restore"]

ALL_MAPS = "all"
"""Names every map whose name starts with "sigma" (an angle is edited only by its own name)."""


class _BaseEdit(BaseModel):
    """What all edits share.

    Attributes
    ----------
    stage : int, optional
        Zero-based stage of the filter; None: all stages.
    map : str
        A map's name among the result's maps, or "all".
    operation : str
        multiply (by `value`), add (`value`), set (to `value`), smooth (Gaussian of `value`
        pixels), restore (to the predicted map).
    value : float
        Operand, in the map's own unit for add and set.
    strength : float
        In [0, 1]; with the coverage c of a pixel, the operation acts with c * strength.
    slices : (int, int), optional
        Half-open range along z (a single image is slice 0); None: all.
    intensity_range : (float, float), optional
        In image units: pixels of the source outside are spared.
    """

    # JSON has no infinity: a recipe could not be read again
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    stage: int | None = Field(None, ge=0)
    map: str = ALL_MAPS
    operation: Operation = "multiply"
    value: float = 1.0
    strength: float = Field(1.0, ge=0.0, le=1.0)
    slices: tuple[int, int] | None = None
    intensity_range: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _check(self) -> "_BaseEdit":
        if self.operation == "multiply" and self.value <= 0:
            raise ValueError(f"multiply needs a value above 0, got {self.value}")
        if self.operation == "smooth" and not 0 < self.value <= 50:
            raise ValueError(f"smooth needs a value in (0, 50] pixels, got {self.value}")
        for name in ("slices", "intensity_range"):
            pair = getattr(self, name)
            if pair is not None and pair[1] < pair[0]:
                raise ValueError(f"{name} {pair} ends before it starts")
        return self


class Stroke(_BaseEdit):
    """A brush stroke.

    Attributes
    ----------
    points : tuple of (y, x)
        Pixel coordinates of the path, joined by straight segments. The coverage depends on the
        distance to that path alone, not on the number of points along it.
    radius : float
        Pixels; the coverage is 0 from there on.
    hardness : float
        Fraction of the radius that is covered fully; from there a cosine falls to 0.
    """

    kind: Literal["stroke"] = "stroke"
    points: tuple[tuple[float, float], ...] = Field(min_length=1)
    radius: float = Field(10.0, gt=0)
    hardness: float = Field(0.5, ge=0.0, le=1.0)


class Region(_BaseEdit):
    """A polygon; pixels whose centre lies inside are covered fully (even-odd rule).

    Attributes
    ----------
    vertices : tuple of (y, x)
        Pixel coordinates; a rectangle is its four corners.
    """

    kind: Literal["region"] = "region"
    vertices: tuple[tuple[float, float], ...] = Field(min_length=3)


class WholeMap(_BaseEdit):
    """An operation on every pixel."""

    kind: Literal["whole"] = "whole"


class Reset(_BaseEdit):
    """Back to the predicted map, all earlier edits of it undone."""

    kind: Literal["reset"] = "reset"
    operation: Literal["restore"] = "restore"


Edit = Annotated[Stroke | Region | WholeMap | Reset, Field(discriminator="kind")]
