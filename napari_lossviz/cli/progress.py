"""The terminal's reporter: a progress line, and Ctrl-C as a clean stop."""

import signal
from types import FrameType, TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from napari_lossviz.core import Cancelled, Step


class TerminalReporter:
    """Shows the steps of a run on a terminal.

    Within its ``with`` block the first Ctrl-C stops the run at its next step; a second one
    interrupts at once.

    Parameters
    ----------
    console : Console
        Where the line is drawn; on a console that is no terminal only the end is printed.
    title : str
        What is running.
    """

    def __init__(self, console: Console, title: str) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[losses]}"),
            console=console,
            transient=not console.is_terminal,
            disable=not console.is_terminal,
        )
        self._title = title
        self._task: TaskID = self._progress.add_task(title, total=1, losses="")
        self._stop = False
        self._previous: Any = None

    def __call__(self, step: Step, /) -> None:
        """Show a step.

        Raises
        ------
        Cancelled
            After Ctrl-C.
        """
        if self._stop:
            raise Cancelled
        description = f"{self._title}: {step.message}" if step.message else self._title
        losses = "  ".join(f"{name} {value:.3g}" for name, value in step.losses.items())
        self._progress.update(
            self._task,
            completed=step.done,
            total=step.total,
            description=description,
            losses=losses,
        )

    def __enter__(self) -> Self:
        self._previous = signal.signal(signal.SIGINT, self._interrupt)
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()
        signal.signal(signal.SIGINT, self._previous)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._stop:
            raise KeyboardInterrupt
        self._stop = True
