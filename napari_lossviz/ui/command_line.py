"""The command that does what a dock is set to; Qt-free."""

import shlex
from collections.abc import Iterator

from napari_lossviz.core import Image, MethodConfig, Selection
from napari_lossviz.jobs.registry import Method


def command_line(
    method: Method, preset: str, config: MethodConfig, image: Image, selection: Selection
) -> str:
    """Return the command that runs a method of one image on the file of an image.

    Parameters
    ----------
    method : Method
    preset : str
    config : MethodConfig
        What differs from the preset is given as options.
    image : Image
        As it was read from its file.
    selection : Selection
        The part of the file's image: its rows and columns.

    Returns
    -------
    str
        As it is typed in a shell; empty where the image was not read from one file.
    """
    if len(image.origin.paths) != 1:
        return ""
    (path,) = image.origin.paths
    words = ["lossviz", *method.command.split(), str(path.absolute())]
    words += ["-o", f"{path.stem}_despeckled.tif", "--preset", preset]
    words += _differences(method.preset(preset), config)
    number = int(image.metadata.get("volume_index", 0))
    if number or path.suffix.lower() == ".zip":
        words += ["--series", str(number + 1)]
    for axis, option in (("y", "--rows"), ("x", "--columns")):
        if axis in selection.ranges:
            words += [option, *map(str, selection.ranges[axis])]
    return shlex.join(words)


def _differences(base: MethodConfig, config: MethodConfig) -> Iterator[str]:
    """Yield the options that lead from one configuration to another."""
    for name in type(config).model_fields:
        value = getattr(config, name)
        if value == getattr(base, name):
            continue
        option = name.strip("_").replace("_", "-")
        if isinstance(value, bool):
            yield f"--{option}" if value else f"--no-{option}"
        else:
            yield from (f"--{option}", str(value))
