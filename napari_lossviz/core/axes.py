"""Axis letters and units of length."""

from napari_lossviz.core.errors import InputError

SPATIAL_AXES = "zyx"
KNOWN_AXES = "tzyxc"
"""Time or phase, slice, row, column, channel."""

_MICROMETRES = {
    "nm": 1e-3,
    "um": 1.0,
    "µm": 1.0,
    "μm": 1.0,
    "micron": 1.0,
    "micrometer": 1.0,
    "micrometre": 1.0,
    "nanometer": 1e-3,
    "mm": 1e3,
    "millimeter": 1e3,
    "millimetre": 1e3,
    "cm": 1e4,
    "centimeter": 1e4,
    "inch": 25400.0,
    "m": 1e6,
    "meter": 1e6,
    "metre": 1e6,
}


def check_axes(axes: str, ndim: int) -> str:
    """Return `axes` if it names each of `ndim` axes once, with y and x among them.

    Raises
    ------
    InputError
        If a letter is unknown or doubled, the number differs, or y or x is missing.
    """
    if len(axes) != ndim:
        raise InputError(f"axes {axes!r} name {len(axes)} axes, but the array has {ndim}")
    if len(set(axes)) != len(axes) or not set(axes) <= set(KNOWN_AXES):
        raise InputError(f"axes {axes!r}: use each of the letters {KNOWN_AXES!r} once at most")
    if not {"y", "x"} <= set(axes):
        raise InputError(f"axes {axes!r}: an image needs both y and x")
    return axes


def to_millimetres(value: float, unit: str) -> float | None:
    """Convert a length to millimetres, or return None where `unit` is no length."""
    factor = _MICROMETRES.get(unit.strip().lower())
    return None if factor is None else value * factor / 1e3
