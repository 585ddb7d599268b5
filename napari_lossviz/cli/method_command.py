"""The command of a method that takes one image: made from its registry entry and its config."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

import tyro

from napari_lossviz.cli import consoles
from napari_lossviz.cli.image_options import ImageOptions, VolumeOptions
from napari_lossviz.cli.options import options_of, starting_point, to_config
from napari_lossviz.cli.outputs import is_file_name, subfolder_names
from napari_lossviz.cli.progress import TerminalReporter
from napari_lossviz.core import Image, InputError, LossvizError, MethodConfig, Result
from napari_lossviz.core.identity import NAMELESS
from napari_lossviz.io.atomic import full_stem
from napari_lossviz.jobs.ct_report import ReportPlan, check_report_files, write_report
from napari_lossviz.jobs.export import check_export, check_output, export, export_file
from napari_lossviz.jobs.export_images import ExportParts
from napari_lossviz.jobs.registry import Method
from napari_lossviz.jobs.run import run
from napari_lossviz.jobs.selection import select

Inputs = Annotated[
    tuple[Path, ...],
    tyro.conf.arg(name="input", metavar="INPUT...", help_behavior_hint="(required)"),
    tyro.conf.Positional,
]
Output = Annotated[str, tyro.conf.arg(aliases=["-o"], metavar="OUT")]


def method_command(
    method: Method, arguments: Sequence[str], options: type[ImageOptions] = VolumeOptions
) -> Callable[..., int]:
    """Return the command's function, whose signature tyro turns into options.

    Parameters
    ----------
    method : Method
    arguments : sequence of str
        The command's arguments; ``--preset`` and ``--config`` among them set the other options'
        defaults.
    options : type of ImageOptions
        What the command asks about its images.

    Raises
    ------
    InputError
        If the preset or the configuration file cannot be used.
    """
    base = starting_point(method, arguments)
    settings_type: Any = options_of(base)
    preset_type: Any = Literal[method.presets]
    options_type: Any = options

    def command(
        inputs: Inputs,
        output: Output,
        about_images: Annotated[options_type, tyro.conf.arg(name="")],
        settings: Annotated[settings_type, tyro.conf.arg(name="")],
        preset: preset_type = method.presets[0],
        config: Path | None = None,
        series: str = "all",
        overwrite: bool = False,
    ) -> int:
        del preset, config  # they are in the settings' defaults already
        chosen = to_config(settings, base)
        images = choose(about_images.read(inputs), series)
        return run_all(Order(method, chosen, about_images, output, overwrite), images)

    command.__doc__ = _DOC.format(summary=method.summary, inputs=options.inputs)
    return command


_DOC = """{summary}

Writes the result in the format of the input, the maps, a before/after picture and a recipe from
which `lossviz replay` computes the same again.

Parameters
----------
inputs
    File or folder: {inputs}
output
    Folder for everything, or a file name with a known ending for the result and its recipe alone.
preset
    Where the settings below start from.
config
    JSON file of settings, or a recipe: overrides the preset; options override both.
series
    Which image of the input, counted from 1, or all.
overwrite
    Replace files that are there already.
"""


_NO_MAPS = (
    "the maps of a series this large are not written, they would take several times its size; "
    "choose --slices for those of a part"
)


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


@dataclass(frozen=True, slots=True)
class Order:
    """What to do with each volume, and where to."""

    method: Method
    config: MethodConfig
    options: ImageOptions
    output: str
    overwrite: bool


def run_all(order: Order, images: list[Image]) -> int:
    """Run and export every volume; of several, one that fails does not lose the others.

    Raises
    ------
    LossvizError
        If the output cannot be used, or a volume failed.
    """
    to_file = is_file_name(order.output)
    if to_file and len(images) > 1:
        names = ", ".join(f"{n}: {image.name}" for n, image in enumerate(images, 1))
        raise InputError(
            f"the input holds {len(images)} volumes ({names}), which do not go into the one file "
            f"{order.output}; name a folder, or choose with --series"
        )
    targets = [Path(order.output)]
    if len(images) > 1:
        subfolders = subfolder_names(images, order.options.identity)
        targets = [targets[0] / name for name in subfolders]
    for target in targets:
        check_output(target, overwrite=order.overwrite)
    if len(images) == 1:
        _run_one(order, images[0], targets[0], to_file)
        return 0
    failed = 0
    for image, target in zip(images, targets, strict=True):
        try:
            _run_one(order, image, target, to_file)
        except LossvizError as error:
            failed += 1
            consoles.complain(f"{image.name}: {error}")
    if failed:
        raise InputError(f"{failed} of {len(images)} volumes failed; see above")
    return 0


def _run_one(order: Order, image: Image, target: Path, to_file: bool) -> None:
    for warning in image.warnings:
        consoles.warn_of(image.name, warning)
    selection, radar = order.options.selection(image), order.options.radar
    part = select(image, selection)
    # A run may take minutes: what can be refused is refused before it.
    check_export(
        part,
        target,
        to_file=to_file,
        overwrite=order.overwrite,
        identity=order.options.identity,
        radar=radar,
    )
    plan = order.options.report_plan(part)
    if plan is not None and to_file:
        check_report_files(target.parent, _report_prefix(target), overwrite=order.overwrite)
    doubts = order.method.doubts_of(part, order.config)
    for doubt in doubts:
        consoles.warn_of(image.name, doubt)
    options: dict[str, Any] = {
        "selection": selection,
        "overwrite": order.overwrite,
        "identity": order.options.identity,
    }
    streamed = order.options.streamed(part, to_file=to_file)
    with _store_beside(target, wanted=streamed) as store:
        with TerminalReporter(consoles.err, f"{order.method.title} on {image.name}") as reporter:
            result = run(order.method, part, order.config, reporter=reporter, out=store)
        for warning in result.warnings:
            if any(doubt.startswith(warning) for doubt in doubts):
                continue  # said before the run
            consoles.warn_of(image.name, warning)
        if streamed and not to_file:
            consoles.warn(f"{image.name}: {_NO_MAPS}")
        if to_file:
            written = export_file(result, target, radar=radar, **options)
            written += _report(order, plan, result, target.parent, _report_prefix(target))
        else:
            written = export(
                result,
                target,
                parts=ExportParts(maps=not streamed, radar=radar),
                tell=lambda text: consoles.warn(f"{image.name}: {text}"),
                beside=lambda folder: [path.name for path in _report(order, plan, result, folder)],
                **options,
            )
    consoles.say(
        f"{image.name}: {order.method.title} took {result.seconds:.1f} s on {result.device}"
        f"{_noise_sentence(result)}; wrote " + ", ".join(str(path) for path in written)
    )


def _report_prefix(target: Path) -> str:
    return f"{full_stem(target)}."


def _report(
    order: Order, plan: ReportPlan | None, result: Result, folder: Path, prefix: str = ""
) -> list[Path]:
    """Write the report, where there is to be one."""
    if plan is None:
        return []
    name = NAMELESS if order.options.identity.hides(result.source) else result.source.name
    return write_report(plan, result, folder, prefix=prefix, name=name, overwrite=order.overwrite)


@contextmanager
def _store_beside(target: Path, *, wanted: bool) -> Iterator[Path | None]:
    """Yield where a result too large for memory is kept until it is written; None: in memory."""
    if not wanted:
        yield None
        return
    folder = next(path for path in target.absolute().parents if path.is_dir())
    with TemporaryDirectory(prefix=f".{target.name}.", dir=folder) as temporary:
        yield Path(temporary) / "result.zarr"


def _noise_sentence(result: Result) -> str:
    """Say how much noise there was and how much of it is gone, where the method tells."""
    found = result.metrics
    if not {"noise", "residual", "residual_ratio"} <= set(found):
        return ""
    unit = result.source.value_unit
    return (
        f"; noise {found['noise']:.3g} {unit}".rstrip()
        + f", removed {found['residual']:.3g} {unit}".rstrip()
        + f" in flat areas ({found['residual_ratio']:.0%})"
    )
