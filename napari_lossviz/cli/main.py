"""The command's entry: chooses the subcommand, turns errors into one line and an exit status."""

import os
import sys
from collections.abc import Callable, Sequence

import tyro

from napari_lossviz.cli import consoles
from napari_lossviz.cli.batch import batch, batch_command
from napari_lossviz.cli.betti import betti_command
from napari_lossviz.cli.demo import demo
from napari_lossviz.cli.doctor import doctor
from napari_lossviz.cli.image_options import ImageOptions, VolumeOptions
from napari_lossviz.cli.method_command import method_command
from napari_lossviz.cli.radar_options import RadarOptions
from napari_lossviz.cli.replay import replay
from napari_lossviz.cli.report_options import DenoiseOptions
from napari_lossviz.cli.session import session
from napari_lossviz.cli.stain import stain, stain_command
from napari_lossviz.cli.window import window
from napari_lossviz.core import Cancelled, LossvizError
from napari_lossviz.jobs.registry import METHODS

_IMAGE_OPTIONS: dict[str, type[ImageOptions]] = {
    "denoise": DenoiseOptions,
    "despeckle": RadarOptions,
}
"""Options about the images of commands that take other ones than `VolumeOptions`."""

EXIT_ERROR = 2
EXIT_CANCELLED = 130
"""What a shell gives for a command stopped by Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Returns
    -------
    int
        0: done; 1: done, but something is amiss (`batch`, `doctor`, ``replay --check``); 2: an
        error, told in one line; 130: stopped by Ctrl-C.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    try:
        return _run(given)
    except LossvizError as error:
        if debug:
            raise
        consoles.complain(str(error))
        return EXIT_ERROR
    except (Cancelled, KeyboardInterrupt):
        consoles.err.print("stopped; nothing half-written is left")
        return EXIT_CANCELLED
    except BrokenPipeError:
        # The reader of our output has gone (as with `| head`); nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    except (OSError, MemoryError) as error:  # what no room below could tell more of
        if debug:
            raise
        consoles.complain(str(error) or "the memory of this machine does not suffice")
        return EXIT_ERROR


def _run(arguments: list[str]) -> int:
    if arguments[:1] == ["stain"]:  # a command with commands of its own
        return stain_command(arguments[1:])
    if arguments[:1] == ["batch"]:
        return batch_command(arguments[1:])
    commands: dict[str, Callable[..., int]] = {
        method.command: method_command(
            method,
            _of_command(method.command, arguments),
            _IMAGE_OPTIONS.get(method.command, VolumeOptions),
        )
        for method in METHODS.values()
        if method.images == 1 and " " not in method.command
    }
    commands["betti"] = betti_command(_of_command("betti", arguments))
    commands |= {"stain": stain, "batch": batch, "replay": replay, "session": session}
    commands |= {"demo": demo, "window": window, "doctor": doctor}
    status: int = tyro.extras.subcommand_cli_from_dict(
        commands,
        prog="lossviz",
        description="Self-supervised imaging methods with their losses made visible. Research use "
        "only, not for diagnostic use. Every command takes --debug to show where an error arose.",
        args=arguments,
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    return status


def _of_command(command: str, arguments: list[str]) -> list[str]:
    """Return the arguments if they are that command's, else none: its presets stay unread."""
    return arguments[1:] if arguments[:1] == [command] else []
