"""Pairs of H&E and IHC made from a real H-DAB section, with planted disagreement.

scikit-image's ``ihc.png`` is taken apart into hematoxylin, DAB and the rest. The source of a pair
shows the same tissue as H&E would: hematoxylin as it is, and eosin where there is tissue without
hematoxylin; so what is brown can be guessed from it, but is not shown. The target is the real
section, a little out of register, and within planted ellipses it shows brown where the source says
otherwise, as neighbouring sections of another part of a tumour do.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_HE_VECTORS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
"""Hematoxylin and eosin (Ruifrok and Johnston)."""
_WHITE = 245.0
MICRONS_PER_PIXEL = 0.5
"""Taken from the size of the nuclei: nothing tells the pixel size of ``ihc.png``."""
_TRAINING_COLUMNS = 384
"""Columns of the section that training pairs come from; the others are for held-out ones."""
_PALE = 0.06
"""Optical density of tissue without stain."""
_FADE = 3.0
"""Pixels over which a planted region fades in."""


@dataclass(frozen=True, eq=False)
class SamplePair:
    """A source and a target with the truth about them.

    Attributes
    ----------
    name : str
    source, target : (side, side, 3) uint8
    clean_target : (side, side, 3) uint8
        In register, without planted regions.
    inconsistent : (side, side) bool
        Planted regions.
    """

    name: str
    source: NDArray[np.uint8] = field(repr=False)
    target: NDArray[np.uint8] = field(repr=False)
    clean_target: NDArray[np.uint8] = field(repr=False)
    inconsistent: NDArray[np.bool_] = field(repr=False)


@dataclass(frozen=True, eq=False)
class SampleSection:
    """A whole section under two stains.

    Attributes
    ----------
    source, target : (512, 512, 3) uint8
        H&E made from the section; the section itself, a little out of register, with planted
        regions.
    clean_target : (512, 512, 3) uint8
        The section as it is, in register.
    inconsistent : (512, 512) bool
        Planted regions.
    neighbour : (512, 512, 3) uint8
        The section turned and shifted, for trying out the registration.
    """

    source: NDArray[np.uint8] = field(repr=False)
    target: NDArray[np.uint8] = field(repr=False)
    clean_target: NDArray[np.uint8] = field(repr=False)
    inconsistent: NDArray[np.bool_] = field(repr=False)
    neighbour: NDArray[np.uint8] = field(repr=False)


def stain_pairs(
    count: int = 24,
    side: int = 128,
    *,
    held_out: bool = False,
    inconsistent: float = 0.5,
    misregistration: float = 2.0,
    seed: int = 0,
) -> list[SamplePair]:
    """Return pairs of H&E and IHC, none of them a real H&E image.

    Parameters
    ----------
    count : int
    side : int
        Pixels, up to 256; up to 120 of held-out pairs.
    held_out : bool
        Whether they come from the part of the section that no training pair shows, clean and in
        register.
    inconsistent : float
        Share of the training pairs with a planted region.
    misregistration : float
        Largest shift in pixels; with it come turns of up to half a degree per pixel.
    seed : int
    """
    from skimage.data import immunohistochemistry

    section: NDArray[np.uint8] = immunohistochemistry()  # type: ignore[no-untyped-call]
    density, stains = _taken_apart(section)
    he = _as_he(stains)
    brown_vector = _brown_vector(density, stains)
    random = np.random.default_rng([seed, int(held_out)])
    height, width = section.shape[:2]
    first, last = (_TRAINING_COLUMNS, width) if held_out else (0, _TRAINING_COLUMNS)
    pairs = []
    for i in range(count):
        y = int(random.integers(height - side + 1))
        x = int(random.integers(first, last - side + 1))
        here = np.s_[y : y + side, x : x + side]
        clean = section[here]
        mask = np.zeros((side, side), bool)
        target_density = density[here]
        shift = np.zeros(3)
        if not held_out:
            shift = random.uniform(-misregistration, misregistration, 3)
            if random.random() < inconsistent:
                mask = _ellipse(side, random)
                target_density = _with_other_brown(
                    density[here], stains[here], brown_vector, mask, random
                )
        target = _moved(_to_pixels(target_density, 255.0), shift) if not held_out else clean
        name = f"{'held out' if held_out else 'training'} {i + 1:03d}"
        pairs.append(SamplePair(name, he[here].copy(), target.copy(), clean.copy(), mask))
    return pairs


def stain_section(*, inconsistent: int = 4, turn: float = 12.0, seed: int = 0) -> SampleSection:
    """Return the whole section, its target with planted regions, and a turned neighbour.

    Parameters
    ----------
    inconsistent : int
        Planted regions, each in a quarter of its own; at most 4.
    turn : float
        Degrees by which the neighbour is turned against the source.
    seed : int
    """
    from skimage.data import immunohistochemistry

    section: NDArray[np.uint8] = immunohistochemistry()  # type: ignore[no-untyped-call]
    density, stains = _taken_apart(section)
    brown_vector = _brown_vector(density, stains)
    random = np.random.default_rng([seed, 2])
    planted, mask = density.copy(), np.zeros(section.shape[:2], bool)
    half = section.shape[0] // 2
    for n in range(inconsistent):
        y, x = half * (n // 2), half * (n % 2)
        here = np.s_[y : y + half, x : x + half]
        ellipse = _ellipse(half, random)
        mask[here] = ellipse
        planted[here] = _with_other_brown(
            density[here], stains[here], brown_vector, ellipse, random
        )
    target = _moved(_to_pixels(planted, 255.0), np.array([1.5, -1.0, 0.4]))
    neighbour = _moved(section, np.array([9.0, -14.0, 2 * turn]), white=True)
    return SampleSection(_as_he(stains), target, section, mask, neighbour)


def _brown_vector(density: NDArray[np.float64], stains: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the unit colour, in optical density, of the section's darkest brown."""
    darkest = density[stains[..., 1] > np.percentile(stains[..., 1], 97)].mean(axis=0)
    return np.asarray(darkest / np.linalg.norm(darkest))


def _taken_apart(section: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return optical density (H, W, 3), and hematoxylin, DAB and rest of it (H, W, 3)."""
    from skimage.color import hdx_from_rgb

    density = -np.log10(np.maximum(section, 1) / 255.0)
    return density, density @ hdx_from_rgb


def _as_he(stains: NDArray[np.float64]) -> NDArray[np.uint8]:
    hematoxylin = np.clip(stains[..., 0], 0, None)
    tissue = np.clip(stains.sum(axis=-1), 0, None)
    # Brown must be guessed from structure: eosin follows the tissue at a coarser scale, and shows
    # brown cytoplasm as a denser pink.
    eosin = 0.35 * np.clip(ndimage.gaussian_filter(tissue, 1.5) - 0.6 * hematoxylin, 0, 1.2)
    return _to_pixels(hematoxylin[..., None] * _HE_VECTORS[0] + eosin[..., None] * _HE_VECTORS[1],
                      _WHITE)  # fmt: skip


def _with_other_brown(
    density: NDArray[np.float64],
    stains: NDArray[np.float64],
    brown_vector: NDArray[np.float64],
    mask: NDArray[np.bool_],
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the density with brown within a mask where there is little, and without it else."""
    from skimage.color import hdx_from_rgb

    blue_vector = np.linalg.inv(hdx_from_rgb)[0]
    brown = np.clip(stains[..., 1], 0, None)
    positive = float(brown[mask].mean()) > 0.15
    strength = float(random.uniform(0.35, 0.6))
    texture = ndimage.gaussian_filter(random.standard_normal(brown.shape), 2.0)
    texture = np.clip(1 + texture / max(float(texture.std()), 1e-9) * 0.4, 0, 2)
    wanted = 0.03 * texture if positive else strength * texture
    soft = np.clip(ndimage.gaussian_filter(mask.astype(float), _FADE) * 2 - 0.5, 0, 1)
    blue = np.clip(stains[..., 0], 0, None)
    painted = blue[..., None] * blue_vector + wanted[..., None] * brown_vector
    return np.asarray(density + soft[..., None] * (painted + _PALE - density))


def _ellipse(side: int, random: np.random.Generator) -> NDArray[np.bool_]:
    y, x = np.mgrid[:side, :side] / side
    centre = random.uniform(0.3, 0.7, 2)
    radii = random.uniform(0.18, 0.32, 2)
    distance = ((y - centre[0]) / radii[0]) ** 2 + ((x - centre[1]) / radii[1]) ** 2
    return np.asarray(distance < 1)


def _moved(
    pixels: NDArray[np.uint8], shift: NDArray[np.float64], *, white: bool = False
) -> NDArray[np.uint8]:
    """Return an image shifted by pixels (y, x) and turned by half of the third number in degrees.

    Beyond its border it is mirrored, or `white`.
    """
    beyond = {"mode": "constant", "cval": _WHITE} if white else {"mode": "reflect"}
    angle = np.radians(0.5 * shift[2])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (np.array(pixels.shape[:2]) - 1) / 2
    offset = middle - turn @ middle + shift[:2]
    channels = [
        ndimage.affine_transform(pixels[..., c].astype(float), turn, offset, order=1, **beyond)
        for c in range(3)
    ]
    return np.asarray(np.clip(np.rint(np.stack(channels, axis=-1)), 0, 255), np.uint8)


def _to_pixels(density: NDArray[np.float64], white: float) -> NDArray[np.uint8]:
    levels = np.asarray(white * 10**-density)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)
