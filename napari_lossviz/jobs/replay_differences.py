"""How a replayed result differs from that of then, and what may be the reason."""

import math
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from napari_lossviz import __version__, io
from napari_lossviz.core import Image, LossvizError, MethodConfig, Recipe, Result
from napari_lossviz.io.radar_output import RadarOutput
from napari_lossviz.io.recipes import file_sha256, pixel_sha256, processor_name
from napari_lossviz.jobs.export import earlier_results
from napari_lossviz.jobs.export_images import ExportParts

_PART = 1 << 24
"""Values that are compared at once."""
_ROUNDING = 1e-3
"""Allowance for float32 values of some ten thousand, beside half a step of a DICOM."""


@dataclass(frozen=True)
class Difference:
    """How two arrays differ.

    Attributes
    ----------
    pixels, of : int
        How many values differ, and how many there are.
    largest, mean : float
        Absolute difference: the largest, and the mean over the values that differ.
    """

    pixels: int
    of: int
    largest: float
    mean: float

    @classmethod
    def between(cls, one: np.ndarray, other: np.ndarray, more_than: float = 0.0) -> "Difference":
        """Compare two arrays of one shape; NaN equals NaN, and differs from numbers by infinity.

        Parameters
        ----------
        one, other : ndarray
        more_than : float
            A difference up to this one counts as none.
        """
        pixels, largest, total = 0, 0.0, 0.0
        kind = np.complex128 if "c" in (one.dtype.kind, other.dtype.kind) else np.float64
        a, b = one.reshape(-1), other.reshape(-1)
        for start in range(0, a.size, _PART):
            x, y = (part[start : start + _PART].astype(kind) for part in (a, b))
            with np.errstate(invalid="ignore"):
                apart = np.abs(x - y)
            apart[(x == y) | (np.isnan(x) & np.isnan(y))] = 0
            apart[np.isnan(apart)] = np.inf
            differing = apart[apart > more_than]
            pixels += differing.size
            largest = max(largest, float(differing.max(initial=0.0)))
            total += float(differing.sum())
        return cls(pixels, a.size, largest, total / pixels if pixels else 0.0)

    def text(self, unit: str) -> str:
        """Return the difference in words."""
        amount = f"{self.largest:.3g} {unit}".rstrip()
        return f"differs by at most {amount}, in {self.pixels} of {self.of} pixels"


def compare_with_earlier(
    result: Result, recipe: Recipe, recipe_path: Path, identical: bool
) -> tuple[Difference | None, tuple[str, ...]]:
    """Compare a result with the earlier one that lies beside the recipe, if it is still there.

    Parameters
    ----------
    result : Result
        Of the replay.
    recipe : Recipe
    recipe_path : Path
    identical : bool
        Whether the result is that of the recipe: then a difference is the earlier file's.

    Returns
    -------
    Difference or None
        None where nothing is there to compare with.
    tuple of str
        A sentence if the earlier file is not what was written with the recipe.
    """
    main = np.asarray(result.main_image().array)
    parts = ExportParts.of_record(recipe.output)
    for path, image in _earlier(recipe_path, result, parts, main.shape):
        array, valid = np.asarray(image.array), result.source.valid
        now = main
        if valid is not None and valid.shape == main.shape:  # formats fill the rest as they do
            now, array = main[np.asarray(valid)], array[np.asarray(valid)]
        found = Difference.between(array, now)
        if parts.radar != RadarOutput():  # perhaps another quantity
            return found, ()
        unit = result.source.value_unit
        if identical:
            altered = Difference.between(array, now, _stored_step(image))
            if altered.pixels:
                return found, (
                    f"{path}: altered since the recipe was written: {altered.text(unit)}",
                )
        elif _was_exact(image) and valid is None:
            as_written = np.asarray(image.array).astype(main.dtype, copy=False)
            if pixel_sha256(as_written) != recipe.result_sha256:
                sentence = (
                    f"{path}: its pixels are not those of the recipe either: it was altered since, "
                    "and the difference may be its own"
                )
                return found, (sentence,)
        return found, ()
    return None, ()


def _earlier(
    recipe_path: Path, result: Result, parts: ExportParts, shape: tuple[int, ...]
) -> Iterator[tuple[Path, Image]]:
    for path in earlier_results(recipe_path, result, parts):
        try:
            images = io.read(path)
        except LossvizError:
            continue
        yield from ((path, image) for image in images if image.shape == shape)


def _was_exact(image: Image) -> bool:
    """Whether the file's format gives back the values that were written, bit by bit."""
    return "dicom" not in image.metadata


def _stored_step(image: Image) -> float:
    """Return by how much writing changes a value at most."""
    if _was_exact(image):
        return 0.0
    (first, *_) = image.metadata["dicom"]["datasets"]
    try:
        return abs(float(first.get("RescaleSlope") or 1.0)) / 2 + _ROUNDING
    except (TypeError, ValueError):
        return math.inf


def kind_of_device(device: str) -> str:
    """Return "cuda", "mps" or "cpu" of a device's name."""
    return next((kind for kind in ("cuda", "mps") if kind in device.lower()), "cpu")


def changed_settings(recipe: Recipe, config: MethodConfig) -> list[str]:
    """Return a sentence for each setting that is not that of the recipe, which says less or more.

    The device is not among them: what it was is compared by itself.
    """
    sentences = []
    for name, now in config.model_dump(mode="json").items():
        if name == "device":
            continue
        if name not in recipe.config:
            sentences.append(f"the recipe does not state {name}; it is {now!r} now")
        elif recipe.config[name] != now:
            sentences.append(f"{name} was {recipe.config[name]!r}, it is {now!r} now")
    return sentences


def changed_files(recipe: Recipe, config: MethodConfig) -> list[str]:
    """Return a sentence for each file of weights that is not the one of then."""
    sentences = []
    for name, path in config.files_read().items():
        then, now = recipe.files.get(name), file_sha256(path)
        if then is not None and now != then:
            sentences.append(
                f"{name} {path}: another file than then: its SHA-256 is {now[:12]}…, the recipe's "
                f"{then[:12]}…"
            )
    return sentences


def changed_surroundings(recipe: Recipe, result: Result) -> list[str]:
    """Return what differs between then and now and may change the last digits."""
    sentences = [
        f"the {what} was {then}, it is {now} now"
        for what, then, now in (
            ("processor", recipe.processor, processor_name()),
            ("kind of device", kind_of_device(recipe.device), kind_of_device(result.device)),
            ("number of threads", recipe.threads, result.threads),
        )
        if then != now
    ]
    changed = [
        f"{package} {then} (now {now})"
        for package, then in recipe.versions.items()
        if (now := _version(package)) != then
    ]
    if changed:
        sentences.append(f"other versions then: {', '.join(changed)}")
    return sentences


def changed_figures(recipe: Recipe, result: Result) -> list[str]:
    """Return a sentence for each figure of the recipe that is another now."""
    return [
        f"{name} was {figure:.10g}, it is {result.metrics[name]:.10g} now"
        for name, figure in recipe.metrics.items()
        if name in result.metrics and not math.isclose(figure, result.metrics[name])
    ]


def _version(package: str) -> str:
    if package == "python":
        return platform.python_version()
    try:
        return __version__ if package == "napari-lossviz" else version(package)
    except PackageNotFoundError:
        return "missing"
