"""The maps of a result to files: one TIFF (and NIfTI) each, and one NPZ with all."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_lossviz.core import Image, NamedImage, Result, to_millimetres
from napari_lossviz.io.affines import resample_affine
from napari_lossviz.io.atomic import atomic_folder, refuse_inputs
from napari_lossviz.io.sar_product import QUANTITY_TAG, SAR_KEY, SarProduct

MAPS_FOLDER = "maps"
ALL_MAPS_FILE = "maps.npz"

LOSS_PREFIX = "loss_"
"""How the names of files start that show where a term of the loss acts."""

_AXIS_OF = {"sigma_x": "x", "sigma_y": "y"}
"""Maps whose pixels are counted along an axis of the image."""


def write_maps(result: Result, folder: str | Path, *, overwrite: bool = False) -> list[Path]:
    """Write every image of the result whose role is "map", and a radar image's ratio.

    ``<name>_<unit>.tif`` for each, with the spacing of its own grid; ``maps.npz`` with all under
    the same names and ``spacing_mm_zyx`` (NaN where unknown); ``<name>_<unit>.nii.gz`` where the
    source is a volume or has a spacing in mm. A map in pixels (unit "px") is written in mm too
    where the spacing along it is known: sigma_x by that of x, sigma_y by that of y, others only
    where both are equal and no map of angles turns them; sigma_z, in slices, by that of z. Maps of
    a radar product are GeoTIFF with its place on the ground, in the rows of its file: bursts are
    not merged. Where each term of the loss acts (role "loss") is ``loss_<term>.tif`` alone.

    Parameters
    ----------
    result : Result
    folder : path
        It may hold other files.
    overwrite : bool
        Whether maps that we wrote before may be replaced.

    Returns
    -------
    list of Path
        The files written; empty where the result has no maps.

    Raises
    ------
    OutputExistsError, OutputError
        See `atomic_folder`.
    """
    from napari_lossviz.io import geotiff_write, nifti, tiff

    folder = Path(folder)
    radar = _is_radar(result.source)
    maps = [
        named
        for named in result.images()
        if named.role == "map" or (radar and named.role == "residual" and named.name == "ratio")
    ]
    losses = [named for named in result.images() if named.role == "loss"]
    if not maps and not losses:
        return []
    refuse_inputs(folder / ALL_MAPS_FILE, result.source.origin.never_overwritten)
    turned = any(named.name.startswith("angle") for named in maps)
    spacing = [to_millimetres(*result.source.spacing_of(axis)) for axis in "zyx"]
    as_nifti = "z" in result.source.axes or None not in spacing[1:]
    arrays: dict[str, np.ndarray] = {}
    names: list[str] = []
    with atomic_folder(folder, overwrite, merge=True) as temporary:
        for named in maps:
            for key, image in _variants(named, result.source, turned):
                arrays[key] = np.asarray(image.array)
                names.append(f"{key}.tif")
                writer = geotiff_write if geotiff_write.writes(image) else tiff
                writer.write(image, temporary / names[-1])
                if as_nifti:
                    names.append(f"{key}.nii.gz")
                    nifti.write(image, temporary / names[-1])
        for named in losses:
            names.append(f"{_file_key(named.name)}.tif")
            image = map_image(named, result.source)
            writer = geotiff_write if geotiff_write.writes(image) else tiff
            writer.write(image, temporary / names[-1])
        known = np.array([np.nan if length is None else length for length in spacing])
        names.append(ALL_MAPS_FILE)
        with (temporary / ALL_MAPS_FILE).open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, spacing_mm_zyx=known, **arrays)
    return [folder / name for name in names]


def loss_key(term: str) -> str:
    """Return a term of the loss as the names of files spell it."""
    return _file_key(term)


def _file_key(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_")


def map_image(named: NamedImage, source: Image) -> Image:
    """Return a map as an image with the spacing and patient affine of its own grid.

    The map covers the source exactly: its spacing is the source's times the ratio of the shapes.
    Where it has fewer axes than the source (without c), it lies along the last ones.
    """
    array = np.asarray(named.array)
    axes = source.axes.replace("c", "")[-array.ndim :]
    full = dict(zip(source.axes, source.shape, strict=True))
    factors = {axis: full[axis] / n for axis, n in zip(axes, array.shape, strict=True)}
    pairs = [source.spacing_of(axis) for axis in axes]
    affine = source.patient_affine
    if affine is not None:
        affine = resample_affine(affine, [factors.get(axis, 1.0) for axis in "zyx"])
    metadata = {}
    if _is_radar(source) and axes == "yx":
        metadata[SAR_KEY] = _radar_product(named, source, factors)
    return Image(
        array,
        axes,
        tuple(s * factors[axis] for axis, (s, _) in zip(axes, pairs, strict=True)),
        tuple(unit for _, unit in pairs),
        value_unit=named.unit,
        name=f"{source.name} {named.name}",
        patient_affine=affine,
        origin=source.origin,
        metadata=metadata,
    )


def _is_radar(source: Image) -> bool:
    return isinstance(source.metadata.get(SAR_KEY), SarProduct)


def _radar_product(named: NamedImage, source: Image, factors: dict[str, float]) -> SarProduct:
    """Return where a map of a radar product lies, and what it is."""
    product: SarProduct = source.metadata[SAR_KEY]
    quantity = f"{named.name} in {named.unit}" if named.unit else f"{named.name}, without a unit"
    if product.tops is not None:
        quantity += ", rows of the bursts below each other, not merged"
    return replace(
        product.scaled(factors["y"], factors["x"]),
        tags={**product.tags, QUANTITY_TAG: quantity},
        nodata=float("nan"),
    )


def _variants(named: NamedImage, source: Image, turned: bool) -> Iterator[tuple[str, Image]]:
    """Yield the map in its own unit and, where it can be, in mm; each with its key."""
    image = map_image(named, source)
    key = _file_key(named.name)
    unit = re.sub(r"\W+", "", named.unit)
    yield (f"{key}_{unit}" if unit else key), image
    if named.unit == "slices":
        length = to_millimetres(*source.spacing_of("z"))
    elif named.unit == "px":
        length = _pixel_length(named.name, source, turned)
    else:
        return
    if length is not None:
        array = (image.array * np.float64(length)).astype(image.array.dtype)
        yield f"{key}_mm", image.replace(array=array, value_unit="mm")


def _pixel_length(name: str, source: Image, turned: bool) -> float | None:
    """Return how many mm a source pixel is along the direction that the map counts in."""
    by_axis = {axis: to_millimetres(*source.spacing_of(axis)) for axis in "yx"}
    equal = by_axis["y"] == by_axis["x"]
    axis = next((axis for start, axis in _AXIS_OF.items() if name.startswith(start)), None)
    if equal or (axis is not None and not turned):
        return by_axis[axis or "x"]
    return None
