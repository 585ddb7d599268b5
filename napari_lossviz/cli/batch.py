"""`lossviz batch`: one method with the same settings over many images."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.table import Table

from napari_lossviz.cli import consoles
from napari_lossviz.cli.batch_progress import (
    JsonListener,
    Kind,
    TerminalListener,
    stop_main_thread,
    stop_when_told,
    stopped_by_signals,
)
from napari_lossviz.cli.identity_options import DropIdentity, KeepIdentity, identity_of
from napari_lossviz.cli.method_command import Inputs
from napari_lossviz.cli.options import options_of, starting_point, to_config
from napari_lossviz.core import InputError, LossvizError
from napari_lossviz.io.recipes import read_recipe
from napari_lossviz.jobs.batch.batch_state import Batch, BatchListener
from napari_lossviz.jobs.batch.replacing import ReplaceError
from napari_lossviz.jobs.batch.run import Where, run_batch
from napari_lossviz.jobs.batch.settings import (
    BatchSettings,
    batch_methods,
    settings_for,
    settings_of_recipe,
)
from napari_lossviz.jobs.registry import Method, find_method
from napari_lossviz.jobs.train_stain import translation_fields

OutFolder = Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="OUT")]

EXIT_FAILED = 1
"""Some items failed; the others are done."""


@dataclass(frozen=True)
class BatchOptions:
    """Where a batch runs and what it tells."""

    workers: Annotated[
        int | None,
        tyro.conf.arg(
            help="Worker processes on this machine. Default: one for each GPU, else for each core, "
            "as far as the memory goes."
        ),
    ] = None
    threads: Annotated[
        int | None,
        tyro.conf.arg(
            help="CPU threads of each run; the recipes record them. Default: the cores shared "
            "among the workers, or of a recipe its own."
        ),
    ] = None
    scheduler: Annotated[
        str,
        tyro.conf.arg(
            help="Address of a dask cluster that is there already, such as tcp://10.0.0.1:8786, "
            "whose workers see the same files under the same paths."
        ),
    ] = ""
    maps: Annotated[
        bool,
        tyro.conf.arg(
            help="Leave out the maps, which take several times the space of a result. (Those of "
            "large series that stay in their files are always left out.)"
        ),
    ] = True
    keep_identity: KeepIdentity = False
    drop_identity: DropIdentity = False
    replace: Annotated[
        bool,
        tyro.conf.arg(
            help="Do items anew that have results with other settings, of other files, or that "
            "were changed since, and put the new ones in their place. Default: say so, and do "
            "nothing."
        ),
    ] = False
    progress: Annotated[
        Kind, tyro.conf.arg(help="A bar, a line of JSON for each event, or nothing.")
    ] = "bar"


def batch() -> int:
    """Run a method over many files and folders: see ``lossviz batch --help``."""
    return batch_command(["--help"])


def batch_command(arguments: Sequence[str]) -> int:
    """Run ``lossviz batch …`` and return its exit status.

    Parameters
    ----------
    arguments : sequence of str
        Those after ``batch``.

    Raises
    ------
    InputError
        If they name neither a method nor a recipe first.
    """
    arguments = list(arguments)
    commands = {method.command: method for method in batch_methods()}
    for words in (2, 1):
        command = " ".join(arguments[:words])
        if command in commands and len(arguments) >= words:
            rest = arguments[words:]
            return _run(_method_function(commands[command], rest), command, rest)
    first = arguments[0] if arguments else "--help"
    if first in ("-h", "--help"):
        _help(commands)
        return 0
    if not first.endswith(".json") and not Path(first).is_file():
        raise InputError(
            f"lossviz batch {first}: expected a method ({', '.join(commands)}) or a recipe.json "
            "first, and then the inputs"
        )
    return _run(_recipe_function(Path(first)), first, arguments[1:])


def _run(function: Callable[..., int], command: str, arguments: Sequence[str]) -> int:
    status: int = tyro.cli(
        function,
        prog=f"lossviz batch {command}",
        args=list(arguments),
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    return status


def _help(commands: dict[str, Method]) -> None:
    consoles.say("usage: lossviz batch METHOD|RECIPE.json INPUT... -o OUT [options]\n")
    consoles.say(
        "Run a method, or the settings and edits of a recipe, over files, folders and series. "
        "Each result is OUT/<name>.<ending>, everything about it is in OUT/<name>/, the table of "
        "all in OUT/summary.html. What is done is not done again.\n"
    )
    table = Table("method", "what it does", box=None, pad_edge=False)
    for command, method in commands.items():
        table.add_row(command, method.summary)
    consoles.out.print(table)
    consoles.say("\nIts settings: lossviz batch METHOD --help")


_DOC = """{summary}

Runs over every image of the inputs, several at a time. A result is OUT/<name>.<ending>, everything
about it lies in OUT/<name>/, the table of all is OUT/summary.html and .csv. What is done is not
done again: give the same command to go on after a stop. The status is 1 where some items failed.

Parameters
----------
inputs
    {inputs}
output
    Folder for the results."""

_METHOD_DOC = """
preset
    Where the settings below start from.
config
    JSON file of settings, or a recipe: overrides the preset; options override both.
"""


def _method_function(method: Method, arguments: Sequence[str]) -> Callable[..., int]:
    base = starting_point(method, arguments)
    shown = translation_fields() if method.name == "stain" else type(base).model_fields
    settings_type: Any = options_of(base, set(type(base).model_fields) - set(shown))
    preset_type: Any = Literal[method.presets]

    def command(
        inputs: Inputs,
        output: OutFolder,
        options: Annotated[BatchOptions, tyro.conf.arg(name="")],
        settings: Annotated[settings_type, tyro.conf.arg(name="")],
        preset: preset_type = method.presets[0],
        config: Path | None = None,
    ) -> int:
        del preset, config  # they are in the settings' defaults already
        wanted = settings_for(
            method,
            to_config(settings, base),
            identity=identity_of(options),
            maps=options.maps,
        )
        return _do(wanted, inputs, output, options)

    pairs = "Predictions, files or folders, and at last the target; folders are paired by name."
    inputs = pairs if method.images == 2 else "Files and folders; each series is an item."
    command.__doc__ = _DOC.format(summary=method.summary, inputs=inputs) + _METHOD_DOC
    return command


def _recipe_function(path: Path) -> Callable[..., int]:
    def command(
        inputs: Inputs,
        output: OutFolder,
        options: Annotated[BatchOptions, tyro.conf.arg(name="")],
    ) -> int:
        recipe = read_recipe(path)
        settings, note = settings_of_recipe(
            recipe, path, identity=identity_of(options), maps=options.maps
        )
        if note:
            consoles.warn(note)
        return _do(settings, inputs, output, options, recipe.threads)

    summary = "Use the settings and edits of a recipe for many images."
    command.__doc__ = _DOC.format(summary=summary, inputs="Files and folders.") + "\n"
    return command


def _do(
    settings: BatchSettings,
    inputs: Sequence[Path],
    output: Path,
    options: BatchOptions,
    threads: int | None = None,
) -> int:
    for name in ("workers", "threads"):
        given = getattr(options, name)
        if given is not None and given < 1:
            raise InputError(f"--{name} {given}: expected a number from 1 on")
    where = Where(options.workers, options.threads or threads, options.scheduler)
    with stopped_by_signals():
        if options.progress == "json":
            return _told_in_json(settings, inputs, output, where, options.replace)
        title = find_method(settings.method).title
        listener = TerminalListener(consoles.err, title) if options.progress == "bar" else None
        with nullcontext() if listener is None else listener:
            done = run_batch(
                inputs,
                output,
                settings,
                where=where,
                listener=listener or BatchListener(),
                reporter=None if listener is None else listener.looking,
                replace_others=options.replace,
            )
    return _tell(done)


def _told_in_json(
    settings: BatchSettings, inputs: Sequence[Path], output: Path, where: Where, replace: bool
) -> int:
    listener = JsonListener()
    stop_when_told(stop_main_thread)
    try:
        done = run_batch(
            inputs,
            output,
            settings,
            where=where,
            listener=listener,
            reporter=listener.looking,
            replace_others=replace,
        )
    except LossvizError as error:
        listener.failed(str(error), isinstance(error, ReplaceError))
        raise
    listener.finished(done)
    return EXIT_FAILED if done.failed else 0


def _tell(done: Batch) -> int:
    failed = done.failed
    consoles.say(f"{len(done.records) - len(failed)} of {len(done.records)} items are done")
    for one in failed:
        consoles.say(f"{one.state}: {one.stem}")
    consoles.say(f"wrote {done.summary}")
    return EXIT_FAILED if failed else 0
