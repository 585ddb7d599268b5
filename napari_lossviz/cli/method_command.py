"""The command of a method that takes one image: made from its registry entry and its config."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from napari_lossviz import io
from napari_lossviz.cli import consoles
from napari_lossviz.cli.options import options_of, starting_point, to_config
from napari_lossviz.cli.outputs import is_file_name, subfolder_names
from napari_lossviz.cli.progress import TerminalReporter
from napari_lossviz.core import Image, InputError, LossvizError, MethodConfig
from napari_lossviz.jobs.export import check_output, export, export_file
from napari_lossviz.jobs.registry import Method
from napari_lossviz.jobs.run import run


def method_command(method: Method, arguments: Sequence[str]) -> Callable[..., int]:
    """Return the command's function, whose signature tyro turns into options.

    Parameters
    ----------
    method : Method
    arguments : sequence of str
        The command's arguments; ``--preset`` and ``--config`` among them set the other options'
        defaults.

    Raises
    ------
    InputError
        If the preset or the configuration file cannot be used.
    """
    base = starting_point(method, arguments)
    settings_type: Any = options_of(base)
    preset_type: Any = Literal[method.presets]

    def command(
        inputs: Annotated[
            tuple[Path, ...], tyro.conf.arg(name="input", metavar="INPUT"), tyro.conf.Positional
        ],
        output: Annotated[str, tyro.conf.arg(aliases=["-o"], metavar="OUT")],
        settings: Annotated[settings_type, tyro.conf.arg(name="")],
        preset: preset_type = method.presets[0],
        config: Path | None = None,
        series: str = "all",
        overwrite: bool = False,
        drop_identity: bool = False,
    ) -> int:
        del preset, config  # they are in the settings' defaults already
        chosen = to_config(settings, base)
        images = choose(_read(inputs), series)
        return _run_all(method, images, chosen, output, overwrite, drop_identity)

    command.__doc__ = _DOC.format(summary=method.summary)
    return command


_DOC = """{summary}

Writes the result in the format of the input, the maps, a before/after picture and a recipe from
which `lossviz replay` computes the same again.

Parameters
----------
inputs
    File or folder: DICOM, TIFF, NIfTI, NRRD or NPY. Several paths are read together.
output
    Folder for everything, or a file name with a known ending for the result and its recipe alone.
preset
    Where the settings below start from.
config
    JSON file of settings, or a recipe: overrides the preset; options override both.
series
    Which volume of the input, counted from 1, or all.
overwrite
    Replace files that are there already.
drop_identity
    Leave out the patient's name, number and dates (DICOM).
"""


def choose(images: list[Image], series: str) -> list[Image]:
    """Return the volumes that ``--series`` names.

    Raises
    ------
    InputError
        If there is no such volume; the message lists those there are.
    """
    if series == "all":
        return images
    if series.isdecimal() and 1 <= int(series) <= len(images):
        return [images[int(series) - 1]]
    there = "; ".join(f"{n}: {image.name} {image.shape}" for n, image in enumerate(images, 1))
    raise InputError(f"--series {series}: expected all or a number; the input holds {there}")


def _read(inputs: Sequence[Path]) -> list[Image]:
    if not inputs:
        raise InputError("no input given; name a file or a folder")
    with TerminalReporter(consoles.err, "reading") as reporter:
        return io.read(inputs, reporter=reporter)


def _run_all(
    method: Method,
    images: list[Image],
    config: MethodConfig,
    output: str,
    overwrite: bool,
    drop_identity: bool,
) -> int:
    """Run and export every image; with several, one that fails does not lose the others."""
    to_file = is_file_name(output)
    if to_file and len(images) > 1:
        names = ", ".join(f"{n}: {image.name}" for n, image in enumerate(images, 1))
        raise InputError(
            f"the input holds {len(images)} volumes ({names}), which do not go into the one file "
            f"{output}; name a folder, or choose with --series"
        )
    target = Path(output)
    targets = [target]
    if len(images) > 1:
        targets = [target / name for name in subfolder_names(images)]
    for place in targets:
        check_output(place, overwrite=overwrite)
    failures: list[LossvizError] = []
    for image, place in zip(images, targets, strict=True):
        for warning in image.warnings:
            consoles.warn(f"{image.name}: {warning}")
        try:
            with TerminalReporter(consoles.err, f"{method.title} on {image.name}") as reporter:
                result = run(method, image, config, reporter=reporter)
            for warning in result.warnings:
                consoles.warn(f"{image.name}: {warning}")
            write = export_file if to_file else export
            done = write(result, place, overwrite=overwrite, drop_identity=drop_identity)
        except LossvizError as error:
            failures.append(error)
            if len(images) > 1:
                consoles.complain(f"{image.name}: {error}")
        else:
            consoles.say(
                f"{image.name}: {method.title} took {result.seconds:.1f} s on {result.device}; "
                f"wrote {', '.join(str(path) for path in done)}"
            )
    if failures and len(images) == 1:
        raise failures[0]
    if failures:
        raise InputError(f"{len(failures)} of {len(images)} volumes failed; see above")
    return 0
