"""`lossviz replay`: compute a result again from its recipe."""

from pathlib import Path
from typing import Annotated

import tyro

from napari_lossviz.cli import consoles
from napari_lossviz.cli.identity_options import DropIdentity, KeepIdentity, identity_from
from napari_lossviz.cli.progress import TerminalReporter
from napari_lossviz.core import InputError
from napari_lossviz.jobs.export import check_output
from napari_lossviz.jobs.replay import replay as replay_recipe
from napari_lossviz.samples import sample_folders


def replay(
    recipe: Annotated[Path, tyro.conf.Positional],
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="OUT")] = None,
    check: bool = False,
    inputs: Annotated[
        tuple[Path, ...] | None, tyro.conf.arg(name="input", metavar="PATH...")
    ] = None,
    overwrite: bool = False,
    keep_identity: KeepIdentity = False,
    drop_identity: DropIdentity = False,
) -> int:
    """Compute a result again from its recipe and compare it with what the recipe recorded.

    The exit status is 1 with --check where the pixels differ.

    Parameters
    ----------
    recipe
        The recipe.json beside an export; its inputs are looked for where it says, and near it.
    output
        Folder for the result; may be left out with --check.
    check
        Only compare, unless an output is given; status 1 if the pixels are not identical. An input
        that has changed is named, and what it makes of the result is measured.
    inputs
        Where the input is now, if it is no longer where the recipe says.
    overwrite
        Replace files that are there already.
    """
    if output is None and not check:
        raise InputError("name an output folder with -o, or give --check to compare only")
    identity = identity_from(keep=keep_identity, drop=drop_identity)
    if output is not None:
        check_output(output, overwrite=overwrite)
    with TerminalReporter(consoles.err, f"replaying {recipe.name}") as reporter:
        outcome = replay_recipe(
            recipe,
            output,
            inputs=inputs,
            changed_inputs=check,
            also_in=sample_folders(),
            overwrite=overwrite,
            identity=identity,
            reporter=reporter,
        )
    for note in outcome.notes:
        consoles.warn(note)
    consoles.say(outcome.verdict)
    for path in outcome.written:
        consoles.say(f"wrote {path}")
    return int(check and not outcome.identical)
