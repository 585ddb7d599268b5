"""`lossviz stain`: train a translation of stains, and translate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import tyro

from napari_lossviz.cli import consoles
from napari_lossviz.cli.image_options import VolumeOptions
from napari_lossviz.cli.method_command import Inputs, Order, Output, choose, run_all
from napari_lossviz.cli.options import options_of, starting_point, to_config
from napari_lossviz.cli.progress import TerminalReporter
from napari_lossviz.core import Image, InputError, MethodConfig
from napari_lossviz.jobs.registry import Method, find_method
from napari_lossviz.jobs.train_stain import train_from_folders, translation_fields

STAIN = "stain"
TRAINING = "stain_training"


@dataclass(frozen=True)
class SectionOptions(VolumeOptions):
    """Options about images of sections."""

    pictures: ClassVar[bool] = True

    def streamed(self, image: Image, *, to_file: bool) -> bool:
        """Whether the image stays in its file: a slide's result would not fit into memory."""
        return to_file and not isinstance(image.array, np.ndarray)


def stain_command(arguments: Sequence[str]) -> int:
    """Run ``lossviz stain …`` and return its exit status.

    Parameters
    ----------
    arguments : sequence of str
        Those after ``stain``.
    """
    method = find_method(STAIN)
    commands: dict[str, Callable[..., int]] = {
        "translate": _translate_command(method, _after("translate", arguments)),
        "train": _train_command(find_method(TRAINING), _after("train", arguments)),
    }
    status: int = tyro.extras.subcommand_cli_from_dict(
        commands,
        prog="lossviz stain",
        description=method.summary + " A virtual stain is a guess. Research use only, not for "
        "diagnostic use.",
        args=list(arguments),
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    return status


def stain() -> int:
    """Translate stains, or train a translation: see ``lossviz stain --help``."""
    return stain_command(["--help"])


def _translate_command(method: Method, arguments: Sequence[str]) -> Callable[..., int]:
    base = starting_point(method, arguments)
    shown = translation_fields()
    hidden = set(type(base).model_fields) - set(shown)
    settings_type: Any = options_of(base, hidden)
    preset_type: Any = Literal[method.presets]

    def translate(
        inputs: Inputs,
        output: Output,
        settings: Annotated[settings_type, tyro.conf.arg(name="")],
        preset: preset_type = method.presets[0],
        config: Path | None = None,
        series: str = "all",
        overwrite: bool = False,
    ) -> int:
        """Turn 8-bit RGB images of sections into another stain.

        Parameters
        ----------
        inputs
            File or folder: slides, TIFF, OME-TIFF, PNG, JPEG or NPY of 8-bit RGB.
        output
            Folder for everything, or a file name (.ome.tif) for the image and its recipe alone.
        preset
            Where the settings below start from.
        config
            JSON file of settings, or a recipe: overrides the preset; options override both.
        series
            Which image of the input, counted from 1, or all.
        overwrite
            Replace files that are there already.
        """
        del preset, config  # they are in the settings' defaults already
        chosen = to_config(settings, base)
        about_images = SectionOptions()
        images = choose(about_images.read(inputs), series)
        return run_all(Order(method, chosen, about_images, output, overwrite), images)

    return translate


def _train_command(method: Method, arguments: Sequence[str]) -> Callable[..., int]:
    base = starting_point(method, arguments)
    hidden = (set(translation_fields()) - {"seed", "device", "microns_per_pixel"}) | {"output"}
    settings_type: Any = options_of(base, hidden)
    preset_type: Any = Literal[method.presets]

    def train(
        folders: Annotated[
            tuple[Path, ...],
            tyro.conf.arg(name="folder", metavar="A [B]", help_behavior_hint="(required)"),
            tyro.conf.Positional,
        ],
        output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="MODEL.safetensors")],
        settings: Annotated[settings_type, tyro.conf.arg(name="")],
        preset: preset_type = method.presets[0],
        config: Path | None = None,
    ) -> int:
        """Train a translation on pairs of images, roughly in register; a stopped training goes on.

        Parameters
        ----------
        folders
            Folder of images of the source stain and folder of those of the target stain, named
            alike; or one folder of side-by-side images with the source on the left.
        output
            File for the finished checkpoint (.safetensors).
        preset
            Where the settings below start from; 'small' suits a first try without a GPU.
        config
            JSON file of settings, or a recipe: overrides the preset; options override both.
        """
        del preset, config
        chosen = to_config(settings, base).replace(output=str(output))
        return _train(folders, chosen, output)

    return train


def _train(folders: Sequence[Path], config: MethodConfig, output: Path) -> int:
    if not 1 <= len(folders) <= 2:
        raise InputError(
            f"{len(folders)} folders given: name the folder of the source stain and that of the "
            "target stain, or one of side-by-side images"
        )
    source, target = folders[0], folders[1] if len(folders) == 2 else None
    with TerminalReporter(consoles.err, f"training on {source.name}") as reporter:
        trained = train_from_folders(source, target, config, reporter=reporter)
    for name, cosine in trained.least_trusted:
        consoles.say(f"least trusted: {name} (mean cosine {cosine:.2f})")
    consoles.say(
        f"trained {trained.steps} steps on {trained.pairs - trained.held_out} of {trained.pairs} "
        f"pairs; wrote {output}. Try it with: "
        f"lossviz stain translate IMAGE -o OUT --checkpoint {output}"
    )
    if not trained.checkpoint.microns_per_pixel:
        consoles.say(
            "the checkpoint does not know the size of its pixels: give --microns-per-pixel, so "
            "that what it translates can be brought to it"
        )
    return 0


def _after(command: str, arguments: Sequence[str]) -> list[str]:
    """Return the arguments if they are that command's, else none: its presets stay unread."""
    if not arguments or arguments[0] != command:
        return []
    if len(arguments) == 1:
        raise InputError(f"name what to {command}: see lossviz stain {command} --help")
    return list(arguments[1:])
