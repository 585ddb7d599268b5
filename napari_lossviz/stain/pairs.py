"""Pairs of images to train on: from folders, from side-by-side images, or from arrays."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from napari_lossviz.core import Image, InputError
from napari_lossviz.stain.scene import as_rgb_image, pixel_size
from napari_lossviz.stain.tissue import estimate_white, tissue_mask

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".npy")
"""Endings of the files that are looked for in folders."""

_LEAST_TISSUE = 0.1
"""Share of a tile."""

_READ_BYTES = 12  # of a pixel, while it is read
_TILE = re.compile(r" row (\d+) column (\d+)$")
"""End of the name of a tile."""

Half = str
"""Which half of a side-by-side image: "left", "right", or "" for the whole."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Side:
    """One side of a pair.

    Attributes
    ----------
    place : Path or Image or array
        A file is read each time that it is needed.
    half : str
        Of a side-by-side image.
    read : callable
        Reads a file to (H, W, 3) uint8.
    """

    place: Any
    half: Half = ""
    read: Callable[[Path], Pixels] | None = None

    @property
    def title(self) -> str:
        """Name for messages."""
        if isinstance(self.place, Path):
            return str(self.place)
        return self.place.name if isinstance(self.place, Image) else "an array"

    def load(self) -> Pixels:
        """Return (H, W, 3) uint8 pixels.

        Raises
        ------
        InputError
            If it is not a readable 8-bit RGB image.
        """
        if isinstance(self.place, Path):
            pixels = (self.read or read_rgb)(self.place)
        else:
            pixels = np.asarray(as_rgb_image(self.place).array)
        if not self.half:
            return pixels
        if pixels.shape[1] % 2:
            raise InputError(
                f"{self.title}: {pixels.shape[1]} columns cannot be halved: a side-by-side image "
                "holds two images of the same width"
            )
        middle = pixels.shape[1] // 2
        return pixels[:, :middle] if self.half == "left" else pixels[:, middle:]

    def digest(self) -> bytes:
        """Return a SHA-256 of the file, or of the pixels where there is none."""
        if isinstance(self.place, Path):
            return hashlib.sha256(self.place.read_bytes() + self.half.encode()).digest()
        return hashlib.sha256(np.ascontiguousarray(self.load()).tobytes()).digest()


@dataclass(frozen=True, eq=False)
class StainPair:
    """A region under two stains, roughly in register.

    Attributes
    ----------
    name : str
        Decides, with the seed, whether the pair is kept for validation.
    source, target : Side
    microns_per_pixel : float
        0 where unknown.
    """

    name: str
    source: Side
    target: Side
    microns_per_pixel: float = 0.0

    def load(self) -> tuple[Pixels, Pixels]:
        """Return source and target, (H, W, 3) uint8 of the same size.

        Raises
        ------
        InputError
            If one cannot be read, or the sizes differ.
        """
        source, target = self.source.load(), self.target.load()
        if source.shape != target.shape:
            raise InputError(
                f"pair {self.name}: {self.source.title} is {source.shape[0]} x {source.shape[1]}, "
                f"{self.target.title} is {target.shape[0]} x {target.shape[1]}: bring the pair "
                "into register first, so that both have the same size"
            )
        return source, target


def as_pairs(pairs: Iterable[Any]) -> list[StainPair]:
    """Return pairs of what may be `StainPair`s or (source, target) of images or arrays.

    Raises
    ------
    InputError
        If there is none, an entry is no pair, or a name occurs twice.
    """
    found = []
    for i, pair in enumerate(pairs):
        if not isinstance(pair, StainPair):
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise InputError(
                    f"entry {i} of the pairs is a {type(pair).__name__}, expected a StainPair or "
                    "(source, target)"
                )
            source, target = (
                Path(one) if isinstance(one, str | Path) else as_rgb_image(one) for one in pair
            )
            name, size = f"pair {i + 1:04d}", 0.0
            if isinstance(source, Image):
                name = source.name if source.name != "image" else name
                size = pixel_size(source)
            pair = StainPair(name, Side(source), Side(target), size)
        found.append(pair)
    if not found:
        raise InputError("no pairs given to train on")
    names = [pair.name for pair in found]
    twice = sorted({name for name in names if names.count(name) > 1}) if _repeats(names) else []
    if twice:
        raise InputError(f"several pairs are named {twice[0]!r}: give each its own name")
    return found


def pairs_from_folders(
    source: str | Path,
    target: str | Path,
    *,
    read: Callable[[Path], Pixels] | None = None,
    microns_per_pixel: float = 0.0,
) -> list[StainPair]:
    """Return the pairs of two folders, whose files are named alike but for their endings.

    Parameters
    ----------
    source, target : path
    read : callable, optional
        Reads a file to (H, W, 3) uint8; default `read_rgb`.
    microns_per_pixel : float
        0 where unknown.

    Raises
    ------
    InputError
        If a folder is missing or empty, or a file has no partner.
    """
    sources, targets = _files(Path(source)), _files(Path(target))
    alone = sorted(set(sources) ^ set(targets))
    if alone:
        listed = ", ".join(
            f"{name} (only in {source if name in sources else target})" for name in alone[:4]
        )
        more = f" and {len(alone) - 4} more" if len(alone) > 4 else ""
        raise InputError(
            f"{source} holds {len(sources)} images and {target} {len(targets)}; without a partner "
            f"of the same name: {listed}{more}"
        )
    return [
        StainPair(name, Side(sources[name], read=read), Side(targets[name], read=read),
                  microns_per_pixel)
        for name in sorted(sources)
    ]  # fmt: skip


def pairs_from_side_by_side(
    folder: str | Path,
    *,
    read: Callable[[Path], Pixels] | None = None,
    microns_per_pixel: float = 0.0,
) -> list[StainPair]:
    """Return the pairs of a folder of images that show source (left) and target (right) at once.

    Raises
    ------
    InputError
        If the folder is missing or empty.
    """
    return [
        StainPair(name, Side(path, "left", read), Side(path, "right", read), microns_per_pixel)
        for name, path in sorted(_files(Path(folder)).items())
    ]


def tile_side(shape: Sequence[int], crop: int) -> int:
    """Return the side of the tiles that images are cut into for training."""
    return 2 * crop if min(shape[:2]) >= 4 * crop else crop


def tile_spans(length: int, side: int) -> list[tuple[int, int]]:
    """Return start and stop of the tiles along an axis: at least `side` long, none overlapping."""
    count = length // side
    edges = [i * length // count for i in range(count + 1)]
    return list(pairwise(edges))


def tile_of(
    name: str, shape: Sequence[int], crop: int
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return rows and columns of a tile of `pairs_from_images` by its name; None: there is none."""
    found = _TILE.search(name)
    side = tile_side(shape, crop)
    if found is None or min(shape[:2]) < side:
        return None
    rows, columns = (dict(tile_spans(n, side)) for n in shape[:2])
    y, x = int(found[1]), int(found[2])
    return ((y, rows[y]), (x, columns[x])) if y in rows and x in columns else None


def pairs_from_images(source: Image, target: Image, side: int) -> list[StainPair]:
    """Return the pairs of tiles of two registered images, those without tissue left out.

    Parameters
    ----------
    source, target : Image
        8-bit RGB of the same size, at least `side` along each axis.
    side : int
        Of the tiles in pixels at least. They do not overlap: what is kept for validation is never
        trained on.

    Raises
    ------
    InputError
        If the sizes differ, the images are smaller than a tile, or no tile shows tissue.
    """
    source, target = as_rgb_image(source), as_rgb_image(target)
    if source.shape != target.shape:
        raise InputError(
            f"{source.name} is {source.shape[0]} x {source.shape[1]}, {target.name} is "
            f"{target.shape[0]} x {target.shape[1]}: bring them into register first, so that both "
            "have the same size"
        )
    if min(source.shape[:2]) < side:
        raise InputError(
            f"{source.name}: {source.shape[0]} x {source.shape[1]} pixels are less than the "
            f"{side} of a training tile: lower crop, or choose larger images"
        )
    white = estimate_white(np.asarray(source.array[:: max(source.shape[0] // 512, 1)]))
    pairs = []
    for (y, y1), (x, x1) in product(*(tile_spans(n, side) for n in source.shape[:2])):
        here = np.s_[y:y1, x:x1]
        pixels = np.ascontiguousarray(source.array[here])
        if tissue_mask(pixels, white).mean() < _LEAST_TISSUE:
            continue
        partner = np.ascontiguousarray(target.array[here])
        name = f"{source.name} row {y} column {x}"
        pairs.append(StainPair(name, Side(pixels), Side(partner), pixel_size(source)))
    if not pairs:
        raise InputError(f"{source.name}: no tile of {side} pixels shows enough tissue")
    return pairs


def without(pairs: Sequence[StainPair], names: Sequence[str]) -> list[StainPair]:
    """Return the pairs that do not have one of these names.

    Raises
    ------
    InputError
        If there is no pair of such a name, or none is left.
    """
    known = {pair.name for pair in pairs}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(
            f"leave_out: there is no pair named {unknown[0]!r}; names with a comma in them cannot "
            "be left out"
        )
    kept = [pair for pair in pairs if pair.name not in names]
    if not kept:
        raise InputError("leave_out names every pair: there is nothing left to train on")
    return kept


def validation_split(
    pairs: Sequence[StainPair], share: float, seed: int
) -> tuple[list[StainPair], list[StainPair]]:
    """Return training and validation pairs; names decide, so that adding pairs moves few others.

    With a share above 0 and at least 2 pairs, at least one is kept for validation.
    """
    count = round(share * len(pairs))
    if share > 0 and len(pairs) > 1:
        count = min(max(count, 1), len(pairs) - 1)

    def rank(pair: StainPair) -> str:
        return hashlib.sha256(f"{seed} {pair.name}".encode()).hexdigest()

    chosen = {id(pair) for pair in sorted(pairs, key=rank)[:count]}
    return (
        [pair for pair in pairs if id(pair) not in chosen],
        [pair for pair in pairs if id(pair) in chosen],
    )


def data_hash(pairs: Sequence[StainPair], poll: Callable[[], None] = lambda: None) -> str:
    """Return the SHA-256 of all pairs with their names."""
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(pair.name.encode() + b"\0")
        digest.update(pair.source.digest() + pair.target.digest())
        poll()
    return digest.hexdigest()


def read_rgb(path: Path) -> Pixels:
    """Read a file to (H, W, 3) uint8; an alpha channel is dropped.

    Raises
    ------
    InputError
        If it cannot be read, is grey, or has another depth than 8 bits.
    """
    import PIL.Image

    try:
        if path.suffix.lower() == ".npy":
            return np.asarray(as_rgb_image(np.load(path, allow_pickle=False)).array)
        with PIL.Image.open(path) as opened:
            if opened.width * opened.height * _READ_BYTES > psutil.virtual_memory().available:
                raise InputError(
                    f"{opened.width} x {opened.height} pixels are more than fit into memory: cut "
                    "it into tiles"
                )
            mode = opened.mode
            colours = mode in ("RGB", "RGBA", "P", "RGBX")
            deep = _deep_mode(opened) if colours else ""
            if colours and not deep:
                return np.asarray(opened.convert("RGB"))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except PIL.Image.DecompressionBombError as error:
        raise InputError(f"{path}: too large for one image of a pair: cut it into tiles") from error
    except (OSError, ValueError, SyntaxError) as error:  # what damaged files make Pillow raise
        raise InputError(f"{path}: cannot be read as an image ({error})") from error
    if deep:
        raise InputError(
            f"{path}: more than 8 bits a colour ({deep}); scale it to 8 bits first, with white "
            "near 255"
        )
    kind = "a grey image" if mode in ("L", "LA", "1") else f"an image of mode {mode}"
    raise InputError(f"{path}: {kind}; expected 8-bit RGB: convert it, or leave the file out")


def _deep_mode(opened: Any) -> str:
    """Return the raw mode of an image of more than 8 bits a colour, of which Pillow keeps 8."""
    raw = [str(part) for tile in opened.tile for part in np.atleast_1d(np.array(tile[3], object))]
    return next((mode for mode in raw if ";16" in mode), "")


def _repeats(names: Sequence[str]) -> bool:
    return len(set(names)) < len(names)


def _files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in found:
            raise InputError(f"{folder}: both {found[path.stem].name} and {path.name} are there")
        found[path.stem] = path
    if not found:
        raise InputError(f"{folder}: holds no images ({', '.join(SUFFIXES)})")
    return found
