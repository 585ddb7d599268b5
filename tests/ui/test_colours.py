"""Colours that colour-blind eyes tell apart, and maps whose brightness follows the value."""

import ast
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from skimage.color import deltaE_ciede2000, rgb2lab

import napari_lossviz
from napari_lossviz.betti.features import FALSE, MATCHED, MISSED
from napari_lossviz.core import NamedImage
from napari_lossviz.jobs import betti_overlay, ct_figure, curves_figure
from napari_lossviz.ui import layer_looks
from napari_lossviz.ui.compare.profile_sheet import AFTER_COLOUR, BEFORE_COLOUR
from napari_lossviz.ui.plots.palette import ON_DARK
from napari_lossviz.ui.topology.looks import SIGNS, SYMBOLS

PACKAGE = Path(napari_lossviz.__file__).parent

RISING = {"gray", "viridis", "magma", "inferno"}
"""Brighter for higher values."""
ROUND = {"twilight"}
"""For angles: the ends meet, the brightness rises to the middle and falls again, or inversely."""
ONE_HUE = {"cyan"}
"""From black to one colour, drawn over a grey image."""

# Machado, Oliveira and Fernandes 2009: severity 1, in linear RGB.
BLIND = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
}  # fmt: skip

NOTICEABLE = 2.3
"""CIEDE2000 of about what an eye just tells apart side by side."""


def seen(colours: np.ndarray, eye: str) -> np.ndarray:
    """Return the CIE Lab colours (N, 3) that sRGB ones in [0, 1] have for an eye."""
    rgb = np.asarray(colours, dtype=float).reshape(-1, 3)
    if eye != "usual":
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        linear = np.clip(linear @ np.array(BLIND[eye]).T, 0, 1)
        rgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(rgb2lab(rgb[None])[0])


def nearest(colours: list[np.ndarray], eye: str) -> float:
    """Return the smallest difference of two of some colours."""
    labs = seen(np.array(colours), eye)
    return min(float(deltaE_ciede2000(a, b)) for a, b in combinations(labs, 2))


def names_in_the_code() -> set[str]:
    """Return the names of all colour maps that the package asks for."""
    found: set[str] = set()

    def note(value: ast.expr) -> None:
        texts = {n.value for n in ast.walk(value) if isinstance(n, ast.Constant)}
        found.update(text for text in texts if isinstance(text, str))

    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg in ("colormap", "cmap"):
                note(node.value)
            elif isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "colormap":
                        note(value)
            elif isinstance(node, ast.Assign):
                target = ast.unparse(node.targets[0])
                if target == "_MAP_COLORMAPS" and isinstance(node.value, ast.Dict):
                    for value in node.value.values:
                        note(value)
                elif target.endswith(("['colormap']", ".colormap")):
                    note(node.value)
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("colormap.get"):
                note(node.args[0])
    return found


def test_only_known_colour_maps_are_used() -> None:
    assert names_in_the_code() == RISING | ROUND | ONE_HUE


@pytest.mark.parametrize("eye", ["usual", *BLIND])
@pytest.mark.parametrize("name", sorted(RISING))
def test_a_map_gets_brighter_with_the_value_for_every_eye(name: str, eye: str) -> None:
    lightness = seen(colormaps[name](np.linspace(0, 1, 33))[:, :3], eye)[:, 0]
    steps = np.diff(lightness)
    assert steps.min() > 0
    assert lightness[-1] - lightness[0] > 70


@pytest.mark.parametrize("eye", ["usual", *BLIND])
def test_the_map_of_angles_has_no_seam_and_one_turning_point(eye: str) -> None:
    (name,) = ROUND
    lab = seen(colormaps[name](np.linspace(0, 1, 33))[:, :3], eye)
    assert float(deltaE_ciede2000(lab[0], lab[-1])) < NOTICEABLE
    down, up = np.diff(lab[:17, 0]), np.diff(lab[16:, 0])
    assert down.max() < 0.5
    assert up.min() > -0.5


@pytest.mark.parametrize("eye", ["usual", *BLIND])
def test_what_rises_is_told_from_what_falls(eye: str) -> None:
    gradient = NamedImage("gradient", np.array([[-1.0, 1.0]]), "gradient", "")
    colours = layer_looks.colours(gradient, gradient.array, None)["colormap"]
    ends = [end[:3] for end in colours.map(np.array([0.0, 1.0]))]
    assert nearest(ends, eye) > 10 * NOTICEABLE


@pytest.mark.parametrize("eye", ["usual", *BLIND])
@pytest.mark.parametrize(
    "colours",
    [
        ON_DARK,
        curves_figure.RUN_COLOURS,
        ct_figure.COLOURS,
        (BEFORE_COLOUR, AFTER_COLOUR),
        [tuple(np.array(one) / 255) for one in betti_overlay.COLOURS.values()],
    ],
    ids=["curves", "figure of runs", "figure of a CT", "profile", "overlay"],
)
def test_the_colours_of_a_picture_are_told_apart(colours: tuple[str, ...], eye: str) -> None:
    assert nearest([np.array(to_rgb(one)) for one in colours], eye) > 4 * NOTICEABLE


def test_what_a_feature_is_shows_without_any_colour() -> None:
    for looks in (SIGNS, SYMBOLS):
        assert len({looks[status] for status in (MATCHED, FALSE, MISSED)}) == 3


def test_curves_stand_out_from_the_dark_ground() -> None:
    ground = np.array(to_rgb("#262930"))
    lightness = [seen(np.array(to_rgb(one)), "usual")[0, 0] for one in ON_DARK]
    assert min(lightness) - seen(ground, "usual")[0, 0] > 35


def test_sizes_of_the_steps_of_the_maps_are_alike() -> None:
    for name in RISING - {"gray"}:
        lab = seen(colormaps[name](np.linspace(0, 1, 17))[:, :3], "usual")
        steps = [float(deltaE_ciede2000(a, b)) for a, b in pairwise(lab)]
        assert max(steps) < 2.5 * min(steps)
