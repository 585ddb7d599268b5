"""What a TIFF file says of its axes: OME-XML, ImageJ's description, resolution tags."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from napari_lossviz.core import to_millimetres

ANNOTATIONS = "napari-lossviz"
"""Namespace of the annotations that we add to OME-XML."""

_MM_PER_RESOLUTION_UNIT = {2: 25.4, 3: 10.0}
"""ResolutionUnit of the TIFF tag: inch, centimetre."""
_SCREEN_DPI = (72.0, 96.0)
"""What programs write that know nothing of the real size."""
_MICROMETRE_NAMES = {"micron", "microns", "um", "µm", "μm", "\\u00b5m", "micrometer"}


@dataclass(frozen=True)
class Calibration:
    """What is known of one series.

    Attributes
    ----------
    spacing, units : mapping
        By axis letter; a missing one is unknown.
    value_unit, name : str
    patient_affine : (4, 4) ndarray, optional
    metadata : mapping
        What our writer gives back.
    warnings : tuple of str
    """

    spacing: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    value_unit: str = ""
    name: str = ""
    patient_affine: np.ndarray | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def read_calibrations(tif: Any, path: Path) -> list[Calibration]:
    """Return one calibration for each series of an open ``tifffile.TiffFile``."""
    if tif.is_ome:
        try:
            found = _from_ome(tif.ome_metadata)
        except Exception as error:  # ome-types raises what its XML and validation layers raise
            sentence = f"{path.name}: its OME metadata is not valid ({error}); spacing is unknown."
            return [Calibration(warnings=(sentence,)) for _ in tif.series]
        return (found + [Calibration()] * len(tif.series))[: len(tif.series)]
    if tif.is_imagej:
        return [_from_imagej(tif) for _ in tif.series]
    return [_from_resolution(series.keyframe, path) for series in tif.series]


def _from_ome(xml: str) -> list[Calibration]:
    import ome_types

    ome = ome_types.from_xml(xml)
    return [_from_ome_image(image) for image in ome.images]


def _from_ome_image(image: Any) -> Calibration:
    pixels = image.pixels
    spacing: dict[str, float] = {}
    units: dict[str, str] = {}
    for axis in "xyz":
        value = getattr(pixels, f"physical_size_{axis}")
        unit = getattr(pixels, f"physical_size_{axis}_unit").value
        if value is None or not value > 0:
            continue
        spacing[axis], units[axis] = _length(float(value), unit)
    if pixels.time_increment:
        spacing["t"], units["t"] = float(pixels.time_increment), pixels.time_increment_unit.value
    ours: dict[str, str] = {}
    for reference in image.annotation_refs:
        if getattr(reference.ref, "namespace", None) == ANNOTATIONS:
            ours |= dict(reference.ref.value)
    affine = ours.get("patient_affine")
    names = [channel.name for channel in pixels.channels if channel.name]
    return Calibration(
        spacing,
        units,
        ours.get("value_unit", ""),
        image.name or "",
        None if affine is None else np.array(json.loads(affine), dtype=np.float64),
        {"channel_names": tuple(names), "description": image.description or ""},
    )


def _from_imagej(tif: Any) -> Calibration:
    described = tif.imagej_metadata or {}
    unit = str(described.get("unit", "")).strip().lower()
    unit = "um" if unit in _MICROMETRE_NAMES else unit
    spacing: dict[str, float] = {}
    units: dict[str, str] = {}
    if to_millimetres(1.0, unit) is not None:
        page = tif.pages[0]
        for axis, tag in (("x", "XResolution"), ("y", "YResolution")):
            density = _density(page, tag)
            if density:
                spacing[axis], units[axis] = _length(1.0 / density, unit)
        if described.get("spacing"):
            spacing["z"], units["z"] = _length(abs(float(described["spacing"])), unit)
    if described.get("finterval"):
        spacing["t"], units["t"] = float(described["finterval"]), "s"
    keep = ("unit", "spacing", "finterval", "min", "max", "mode", "Info")
    metadata = {"imagej": {key: described[key] for key in keep if key in described}}
    return Calibration(spacing, units, metadata=metadata)


def _from_resolution(page: Any, path: Path) -> Calibration:
    tag = page.tags.get("ResolutionUnit")
    millimetres = _MM_PER_RESOLUTION_UNIT.get(int(tag.value)) if tag is not None else None
    densities = {axis: _density(page, f"{axis.upper()}Resolution") for axis in "xy"}
    if millimetres is None or not all(densities.values()):
        return Calibration()
    if millimetres == 25.4 and set(densities.values()) <= set(_SCREEN_DPI):
        sentence = (
            f"{path.name}: {densities['x']:g} dots per inch is what programs write that do not "
            "know the size; the pixel spacing is taken as unknown."
        )
        return Calibration(warnings=(sentence,))
    spacing = {axis: millimetres / density for axis, density in densities.items()}
    return Calibration(spacing, dict.fromkeys("xy", "mm"))


def _density(page: Any, tag: str) -> float:
    """Return samples per unit, 0 where the tag is missing or makes no sense."""
    found = page.tags.get(tag)
    if found is None:
        return 0.0
    numerator, denominator = found.value
    return float(Fraction(numerator, denominator)) if denominator else 0.0


def _length(value: float, unit: str) -> tuple[float, str]:
    """Return a length in um or mm where the unit is one of length, else as it is."""
    if unit.lower() in _MICROMETRE_NAMES:
        return value, "um"
    millimetres = to_millimetres(value, "inch" if unit == "in" else unit)
    if millimetres is None:
        return value, "pixel" if unit in ("pixel", "reference frame", "") else unit
    return (millimetres * 1e3, "um") if unit in ("nm", "nanometer") else (millimetres, "mm")
