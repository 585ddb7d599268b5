"""`Image` to napari layer and back: the only code that makes layers.

A layer carries scale, units and axis labels of its image. Orientation in the patient stays in the
image: napari shows an oblique affine without its rotation, and warns. All that is ours lies under
one key, ``layer.metadata["lossviz"]``: the image, and the array that is shown of it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_lossviz.core import (
    DisplayWindow,
    Image,
    InputError,
    NamedImage,
    Origin,
    Selection,
    check_axes,
    to_millimetres,
)
from napari_lossviz.ui.large_images import is_lazy, levels_in_file, levels_of
from napari_lossviz.ui.layer_looks import colours, contrast_limits_of, decibels, is_colour
from napari_lossviz.ui.layer_names import layer_name

METADATA_KEY = "lossviz"

ROLE_KEY = "role"
"""Under our key of a layer that a method made: its role. Such a layer is no input by itself."""

SELECTION_KEY = "selection"
"""Under our key: the `Selection` that a layer shows of the image of its files."""

UNIT_KEY = "unit"
"""Under our key: unit of the values shown, where it is not that of the image's values."""

NAMED_KEY = "named"
"""Under our key of a layer that a method made: what it is called without its source's name."""

LayerData = tuple[Any, dict[str, Any], str]

_SHORT_UNITS = {
    "nanometer": "nm",
    "micrometer": "um",
    "millimeter": "mm",
    "centimeter": "cm",
    "meter": "m",
    "second": "s",
    "millisecond": "ms",
    "minute": "min",
}
_AXIS_NAMES = {"time": "t", "phase": "t", "slice": "z", "depth": "z", "channel": "c"}


def image_layer(
    image: Image,
    *,
    name: str | None = None,
    decibel: bool = False,
    contrast: tuple[float, float] | None = None,
    selection: Selection | None = None,
) -> LayerData:
    """Return the layer of an image, as a reader hands it to napari.

    Parameters
    ----------
    image : Image
        Complex values are shown as their amplitude in dB; the image keeps them. Three or four
        channels in the last axis are shown as colours, other channels as a slider. A large image
        that is not in memory becomes a layer of several resolutions, read where it is looked at.
    name : str, optional
        Name of the layer; the image's by default, where that is long in short.
    decibel : bool
        Show an amplitude in dB, as complex values always are.
    contrast : tuple of float, optional
        Contrast limits; default: the image's own window, else robust percentiles.
    selection : Selection, optional
        Which part of the image of its files this is, for the recipe; default: all of it.

    Returns
    -------
    (data, keyword arguments, "image")
        As napari's readers return it; the data is a list for a layer of several resolutions.
    """
    decibel = decibel or np.issubdtype(image.array.dtype, np.complexfloating)
    levels, limits = None, None
    if is_lazy(image.array):
        levels, limits = levels_of(image, decibel=decibel)
        array, rgb = levels[0], False
    else:
        array, rgb = _to_show(image, decibel)
        levels = levels_in_file(image) if rgb else None
    axes = _layer_axes(image.axes, rgb)
    spacing, units = zip(*(image.spacing_of(axis) for axis in axes), strict=True)
    settings: dict[str, Any] = {
        "name": name or layer_name(image.name),
        "scale": spacing,
        "units": tuple(_napari_unit(unit) for unit in units),
        "axis_labels": tuple(axes),
        "rgb": rgb,
        "metadata": {METADATA_KEY: {"image": image, "shown": array}},
    }
    if decibel:
        settings["metadata"][METADATA_KEY][UNIT_KEY] = "dB"
    if selection is not None:
        settings["metadata"][METADATA_KEY][SELECTION_KEY] = selection
    if not rgb:
        settings["colormap"] = "gray"
        settings["contrast_limits"] = contrast or limits or contrast_limits_of(image, array)
    if levels is not None:
        settings["multiscale"] = True
    return levels or array, settings, "image"


def derived_layer(named: NamedImage, source: Image, shown: Any, *, label: str = "") -> LayerData:
    """Return the layer of one image of a result.

    It lies where the source's layer lies. A main result takes over how the source looks; maps and
    losses have colours of their own and limits that do not follow edits; all but the main result
    are hidden.

    Parameters
    ----------
    named : NamedImage
    source : Image
        The input of the run.
    shown : napari.layers.Image
        Its layer.
    label : str
        Tells results of one input apart: ``<input> <name> (<label>)``.
    """
    array = named.array
    axes = source.axes
    if array.ndim < len(axes):
        axes = axes.replace("c", "")[-array.ndim :]
    spacing, units = zip(*(source.spacing_of(axis) for axis in axes), strict=True)
    image = source.replace(
        array=array,
        axes=axes,
        spacing=spacing,
        units=units,
        # napari shortens long names in the middle, where the stage would be
        name=f"{source.name} {named.name.replace(' stage ', ' ')}"
        + (f" ({label})" if label else ""),
        value_unit=named.unit,
        valid=source.valid if array.shape == source.shape else None,
        display_windows=() if named.role != "result" else source.display_windows,
    )
    # What came of complex values, which are shown in dB, is an amplitude: shown alike.
    alike = named.role == "result" and np.issubdtype(source.array.dtype, np.complexfloating)
    # percentiles would be for nothing
    known = tuple(shown.contrast_limits) if has_contrast(shown) else None
    data, settings, kind = image_layer(image, decibel=alike, contrast=known)
    settings["metadata"][METADATA_KEY] |= {ROLE_KEY: named.role, NAMED_KEY: named.name}
    settings["visible"] = named.role == "result"
    settings["translate"] = _translate_of(shown, _layer_axes(axes, settings["rgb"]))
    coarsest = data[-1] if isinstance(data, list) else data
    if coarsest.ndim == shown.ndim:
        settings["affine"] = shown.affine
    if not settings["rgb"]:
        settings |= colours(named, coarsest, shown)
    return data, settings, kind


def part_layer(layer: Any, part: Image, selection: Selection) -> LayerData:
    """Return the layer of a part of another layer's image, in its place.

    Parameters
    ----------
    layer : napari.layers.Image
    part : Image
        What `selection` leaves of its image.
    selection : Selection
        Kept with the layer, for the recipe.
    """
    data, settings, kind = image_layer(part.replace(name=f"{layer.name} part"))
    axes = _layer_axes(part.axes, settings["rgb"])
    starts = {axis: start for axis, (start, _) in selection.ranges.items()}
    settings["translate"] = tuple(
        offset + starts.get(axis, 0) * step
        for offset, axis, step in zip(
            _translate_of(layer, axes), axes, settings["scale"], strict=True
        )
    )
    settings["metadata"][METADATA_KEY][SELECTION_KEY] = selection.within(selection_of(layer))
    if layer._type_string == "labels":
        kept = ("name", "scale", "translate", "units", "axis_labels", "metadata")
        return part.array, {name: settings[name] for name in kept}, "labels"
    if not settings["rgb"] and not layer.rgb:
        settings["colormap"] = layer.colormap
        settings["contrast_limits"] = tuple(layer.contrast_limits)
    return data, settings, kind


def is_rgb(layer: Any) -> bool:
    """Whether a layer shows colours; one of labels does not have the question."""
    return bool(getattr(layer, "rgb", False))


def has_contrast(layer: Any) -> bool:
    """Whether a layer has contrast limits and a colormap of values."""
    return layer._type_string == "image" and not layer.rgb


def selection_of(layer: Any) -> Selection:
    """Return which part of the image of its files a layer shows; empty for all of it."""
    known = layer.metadata.get(METADATA_KEY, {})
    return known.get(SELECTION_KEY, Selection()) if _is_as_read(layer) else Selection()


def slice_layer(
    array: np.ndarray, source: Image, shown: Any, leading: tuple[int, ...], role: str, name: str
) -> LayerData:
    """Return a layer of one slice of an image, in its place; nothing shows beside it.

    Parameters
    ----------
    array : (H, W) ndarray
    source : Image
    shown : napari.layers.Image
        Its layer.
    leading : tuple of int
        Index of the slice along t and z, as far as the image has them.
    role : str
        As a `NamedImage` has it; "result" takes over how the source looks.
    name : str
        Of the layer, after the source's.
    """
    axes = source.axes.replace("c", "")
    plane = array if axes.index("y") < axes.index("x") else array.T
    stack = plane[tuple(slice(None) if axis in "yx" else np.newaxis for axis in axes)]
    named = NamedImage(name, stack, role, source.value_unit if role == "result" else "")
    data, settings, kind = derived_layer(named, source.replace(valid=None), shown)
    place = dict(zip((axis for axis in "tz" if axis in axes), leading, strict=True))
    settings["translate"] = tuple(
        offset + place.get(axis, 0) * step
        for offset, axis, step in zip(settings["translate"], axes, settings["scale"], strict=True)
    )
    settings["visible"] = True
    return data, settings, kind


def _is_as_read(layer: Any) -> bool:
    """Whether a layer of ours shows what it was made with."""
    data = layer.data[0] if layer.multiscale else layer.data
    known = layer.metadata.get(METADATA_KEY, {})
    return "image" in known and data is known.get("shown")


def role_of(layer: Any) -> str:
    """Return the role of a layer that a method made, and an empty string for any other."""
    return str(layer.metadata.get(METADATA_KEY, {}).get(ROLE_KEY, ""))


def image_from_layer(layer: Any) -> Image:
    """Return the image of any napari Image or Labels layer, whoever made it.

    As long as a layer of ours shows what it was made with, this is the image that it was made
    from. After its data was replaced, the new data counts, without the file it came from; what
    else is known of the image stays if the shapes agree. Scale, units, name and contrast limits
    are the layer's.

    Parameters
    ----------
    layer : napari.layers.Image
        Of a multiscale layer the finest level is taken.

    Raises
    ------
    InputError
        If this is no Image or Labels layer, or its axes cannot be told.
    """
    if getattr(layer, "_type_string", "") not in ("image", "labels"):
        raise InputError(f"layer {layer.name!r}: an Image layer is needed, this is another kind")
    rgb = is_rgb(layer)
    data = layer.data[0] if layer.multiscale else layer.data
    ours: Mapping[str, Any] = layer.metadata.get(METADATA_KEY, {})
    source: Image | None = ours.get("image")
    shown: Any = ours.get("shown")
    if source is not None and _is_as_read(layer):
        image = source
        axes = _layer_axes(image.axes, rgb)
    else:
        axes = _axes_of(layer)
        image = Image(data, axes + "c" if rgb else axes)
        if source is not None and tuple(data.shape) == tuple(shown.shape):
            image = _with_knowledge_of(source, image)
    sampling = {
        axis: (abs(float(step)), _short_unit(unit))
        for axis, step, unit in zip(axes, layer.scale, layer.units, strict=True)
    }
    spacing, units = zip(*(sampling[a] if a != "c" else (1.0, "") for a in image.axes), strict=True)
    windows = _display_windows(layer, () if source is None else source.display_windows)
    name = layer.name
    if source is not None and name == layer_name(source.name):
        name = source.name  # the layer's is only shorter
    return image.replace(name=name, spacing=spacing, units=units, display_windows=windows)


def _to_show(image: Image, decibel: bool) -> tuple[Any, bool]:
    """Return the array that napari can show, and whether its last axis is colours."""
    array = image.array
    if decibel:
        array = decibels(np.asarray(array))
    elif array.dtype == bool:
        array = np.asarray(array).astype(np.uint8)
    if image.axes.endswith("c") and is_colour(array):
        return array, True
    if "c" in image.axes:
        array = np.moveaxis(np.asarray(array), image.axes.index("c"), 0)
    return array, False


def _translate_of(shown: Any, axes: str) -> tuple[float, ...]:
    """Return where a layer with `axes` starts that lies on the layer `shown`."""
    # Its axes are those of the same name; a layer of another plugin may name them as it likes.
    names = [_AXIS_NAMES.get(str(label).lower(), str(label).lower()) for label in shown.axis_labels]
    if not set(axes) <= set(names):
        names = list("ctzyx"[-shown.ndim :])
    offsets = dict(zip(names, (float(offset) for offset in shown.translate), strict=True))
    return tuple(offsets.get(axis, 0.0) for axis in axes)


def _layer_axes(axes: str, rgb: bool) -> str:
    """Return the axes of the layer that shows an image with `axes`."""
    without = axes.replace("c", "")
    return without if rgb or "c" not in axes else "c" + without


def _napari_unit(unit: str) -> str:
    """Return the unit if napari can parse it, else "pixel"."""
    known = to_millimetres(1.0, unit) is not None or unit in _SHORT_UNITS.values()
    return unit if known else "pixel"


def _short_unit(unit: Any) -> str:
    name = str(unit)
    return _SHORT_UNITS.get(name, name)


def _axes_of(layer: Any) -> str:
    """Return the axes of a layer by their labels, else by their number, colours left out."""
    labels = [str(label).strip().lower() for label in layer.axis_labels]
    axes = "".join(_AXIS_NAMES.get(label, label if len(label) == 1 else "?") for label in labels)
    try:
        return check_axes(axes, layer.ndim)
    except InputError:
        if 2 <= layer.ndim <= 4:
            return "tzyx"[-layer.ndim :]
        raise InputError(
            f"layer {layer.name!r} has {layer.ndim} axes named {', '.join(labels)}; name each by "
            "one of the letters 'tzyxc' (layer.axis_labels), or take a layer with fewer axes"
        ) from None


def _with_knowledge_of(source: Image, image: Image) -> Image:
    """Return `image` with what stays true of `source` when its values change."""
    valid = source.valid
    if valid is not None and valid.shape != image.spatial_shape:
        valid = None
    return image.replace(
        value_unit=source.value_unit,
        patient_affine=source.patient_affine,
        origin=Origin(series_uid=source.origin.series_uid, guarded=source.origin.never_overwritten),
        valid=valid,
        metadata=source.metadata,
        warnings=source.warnings,
    )


def _display_windows(layer: Any, known: tuple[DisplayWindow, ...]) -> tuple[DisplayWindow, ...]:
    """Return the contrast limits of the layer as the preferred window, before the known ones."""
    if is_rgb(layer) or layer._type_string == "labels":
        return known
    low, high = (float(limit) for limit in layer.contrast_limits)
    if known and (known[0].low, known[0].high) == (low, high):
        return known
    return DisplayWindow("layer", low, high), *known
