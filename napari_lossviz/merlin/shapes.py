"""The network's layers as data, without torch."""

LEVELS = 5
"""Halvings; sides of an input are multiples of 2**LEVELS."""

_SKIP, _UP = 48, 96

ENCODER: tuple[tuple[str, int, int], ...] = (
    ("enc0", 1, _SKIP),
    *((f"enc{level}", _SKIP, _SKIP) for level in range(1, LEVELS + 2)),
)
"""Name, input and output channels of each 3 x 3 convolution on the way down."""

DECODER: tuple[tuple[str, str, int, int, int, int], ...] = (
    ("dec5", "dec5b", _SKIP, _SKIP, _UP, _UP),
    *((f"dec{level}", f"dec{level}b", _UP, _SKIP, _UP, _UP) for level in (4, 3, 2)),
    ("dec1a", "dec1b", _UP, 1, 64, 32),
)
"""On the way up, at each level: names of both convolutions, channels from below, channels of the
skip, output channels of both."""

LAST = ("dec1", 32, 1)
"""Name, input and output channels of the convolution without a rectifier."""


def layer_shapes() -> dict[str, tuple[int, int]]:
    """Return output and input channels of every convolution by name."""
    shapes = {name: (out, into) for name, into, out in ENCODER}
    for first, second, below, skip, between, out in DECODER:
        shapes[first] = (between, below + skip)
        shapes[second] = (out, between)
    name, into, out = LAST
    shapes[name] = (out, into)
    return shapes


def parameter_shapes() -> dict[str, tuple[int, ...]]:
    """Return the shape of every parameter by its name in a weights file."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (out, into) in layer_shapes().items():
        shapes[f"{name}.weight"] = (out, into, 3, 3)
        shapes[f"{name}.bias"] = (out,)
    return shapes
