"""`lossviz window`: napari with the plugin and the files given."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from napari_lossviz.cli import consoles
from napari_lossviz.cli.diagnosis import display_there
from napari_lossviz.core import InputError, LossvizError, MissingPackageError
from napari_lossviz.jobs.registry import find_method

PLUGIN = "napari-lossviz"


def window(
    paths: Annotated[tuple[Path, ...], tyro.conf.Positional] = (),
    *,
    panel: Literal["filter2noise", "betti", "merlin", "stain", "lab", "none"] = "filter2noise",
) -> int:
    """Open napari with the plugin.

    Parameters
    ----------
    paths
        Files or folders to open.
    panel
        Method whose panel is opened beside them, or the loss lab; the others are in the menu
        Plugins.
    """
    if not (display_there() or os.environ.get("QT_QPA_PLATFORM")):
        # Qt would end the process without a word that helps.
        raise LossvizError(
            "no window can be opened: there is no display here (DISPLAY is not set). Log in to a "
            "desktop or with ssh -X; `lossviz denoise` works without one"
        )
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise InputError(f"{', '.join(missing)}: there is no such file or folder")
    try:
        import qtpy  # noqa: F401 - napari's own message does not say how to get a binding
    except ImportError as error:
        raise MissingPackageError(
            f'the window needs Qt: python -m pip install "{PLUGIN}[pyqt5]" (or pyqt6)'
        ) from error
    from napari_lossviz.ui.open_window import run_window

    others = {"lab": "Loss lab", "none": ""}
    run_window(paths, others[panel] if panel in others else find_method(panel).title)
    return 0


def start_window(paths: Sequence[Path], *, patience: float = 10.0) -> None:
    """Open napari in a process of its own, and tell if it ends at once with an error.

    A process that has computed holds torch, which shall not meet Qt; and the window stays open
    when the command ends.

    Parameters
    ----------
    paths : sequence of Path
    patience : float
        Seconds within which a failure is noticed.
    """
    command = [sys.executable, "-m", "napari_lossviz.cli", "window", *map(str, paths)]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        try:
            status = process.wait(patience)
        except subprocess.TimeoutExpired:
            return
        if status:
            log.seek(0)
            last = ([line for line in log.read().splitlines() if line.strip()] or ["no message"])[
                -1
            ]
            consoles.warn(f"napari did not open ({last}); `lossviz doctor` may know why")
