"""What the window's engine process executes: runs on behalf of another process.

Qt-free, so that the process that loads torch never loads Qt; torch-free at import, so that the
window may name these functions. Only plain objects of this package go back: unpickling an
exception of torch would load torch in the window.
"""

import gc
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil

from napari_lossviz.core import (
    Cancelled,
    Edit,
    Image,
    LossvizError,
    MethodConfig,
    OutOfMemoryError,
    Result,
    Step,
)
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.jobs.run import run

_NICE = 5

_LOOK = 1.0
"""Seconds between two looks at whether the window's process is still there."""

_MAPS_SHARE = 0.05
"""Largest part of a run's time that may go into the maps that somebody watches."""

OUT_OF_MEMORY = (
    "The memory of the device does not suffice for this run. Close other programs that use it, "
    "choose the CPU as device, train on smaller crops, or select fewer slices"
)


@dataclass(frozen=True)
class StepMessage:
    """The steps since the last message.

    Attributes
    ----------
    run : int
        Number of the run.
    done, total : int
        Of the latest step.
    text : str
        What is being done.
    losses : tuple of (int, mapping of str to float)
        The loss terms of every step that had any, with the step's number.
    """

    run: int
    done: int
    total: int
    text: str
    losses: tuple[tuple[int, Mapping[str, float]], ...] = ()


@dataclass(frozen=True, eq=False)
class MapsMessage:
    """Images worth showing now, by name."""

    run: int
    done: int
    maps: Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class PartMessage:
    """A finished part of the result: the index into its array, and the pixels there."""

    run: int
    index: tuple[int | slice, ...]
    pixels: np.ndarray


@dataclass(frozen=True, eq=False)
class Order:
    """A run that is asked for.

    Attributes
    ----------
    run : int
        Number that its messages carry.
    method : str
    image : Image
        Without the headers that only writers need.
    config : MethodConfig
    others : tuple of Image
        Further images that the method takes.
    edits : tuple of Edit
    interval : float
        Seconds between two messages at least.
    """

    run: int
    method: str
    image: Image
    config: MethodConfig
    others: tuple[Image, ...] = ()
    edits: tuple[Edit, ...] = ()
    interval: float = 0.1


@dataclass(frozen=True, eq=False)
class CallOrder:
    """A call that is asked for, of something other than a method's entry function.

    Attributes
    ----------
    run : int
        Number that its messages carry.
    title : str
        What it is called, for people.
    function : callable
        Of an importable module that loads no Qt; takes ``reporter=``.
    arguments : tuple
    interval : float
        Seconds between two messages at least.
    """

    run: int
    title: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    interval: float = 0.1


@dataclass(frozen=True, eq=False)
class Outcome:
    """How a run ended: with a result, an error, or neither, when it was cancelled.

    Attributes
    ----------
    result : Any, optional
        A run's `Result`: its inputs hold no pixels, since who ordered the run has them. What a
        call returned.
    error : LossvizError, optional
    details : str
        Traceback of an error that nobody expected.
    """

    result: Any = None
    error: LossvizError | None = None
    details: str = ""


@dataclass(frozen=True)
class Device:
    """A device as a choice: see `engine.devices.DeviceInfo`."""

    name: str
    title: str
    free_memory: int
    total_memory: int


@dataclass(frozen=True, eq=False)
class _Line:
    """The line to the other process: where messages go, and what it asks for."""

    messages: Any
    cancel: Any
    maps_wanted: Any


_line: list[_Line] = []


def connect(messages: Any, cancel: Any, maps_wanted: Any, window: int) -> None:
    """Take over the line to the window, once, when the process starts.

    Parameters
    ----------
    messages : multiprocessing Connection
        Messages are sent here.
    cancel, maps_wanted : multiprocessing Event
        Set by the other process: the run shall stop; maps shall be sent.
    window : int
        Process of the window; this one ends with it.
    """
    _line[:] = [_Line(messages, cancel, maps_wanted)]
    threading.Thread(target=end_with, args=(window,), name="lossviz-parent", daemon=True).start()
    # Where a run takes all cores, the window goes first: it needs little, and at once.
    with suppress(psutil.Error, OSError):
        process = psutil.Process()
        windows = sys.platform == "win32"
        process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if windows else process.nice() + _NICE)


def end_with(parent: int) -> None:
    """End this process when its parent is gone: one that was killed could not end it.

    Parameters
    ----------
    parent : int
        Number of the process.
    """
    process = psutil.Process()
    with suppress(psutil.Error):
        # It may have been killed before this process could look for it the first time.
        while psutil.pid_exists(parent) and process.ppid() == parent:
            time.sleep(_LOOK)
    os._exit(1)


def execute(order: Order) -> Outcome:
    """Run a method and say how it ended; memory of the device is given back in any case."""

    def work(reporter: "_LineReporter") -> Result:
        result = run(
            order.method,
            order.image,
            order.config,
            others=order.others,
            edits=order.edits,
            reporter=reporter,
        )
        return result.with_inputs(*(without_pixels(image) for image in result.inputs()))

    return _outcome(order, work, lambda: find_method(order.method).title, order.image.name)


def execute_call(order: CallOrder) -> Outcome:
    """Call a function and say how it ended; memory of the device is given back in any case."""

    def work(reporter: "_LineReporter") -> Any:
        return order.function(*order.arguments, reporter=reporter)

    return _outcome(order, work, lambda: order.title, "")


def _outcome(
    order: Order | CallOrder,
    work: Callable[["_LineReporter"], Any],
    title: Callable[[], str],
    what: str,
) -> Outcome:
    try:
        return Outcome(result=work(_LineReporter(_line[0], order)))
    except Cancelled:
        return Outcome()
    except Exception as error:
        known, details = as_known_error(error, title, what, "printed in the terminal")
        return Outcome(error=known, details=details)
    finally:
        give_back_memory()


def as_known_error(
    error: Exception, title: Callable[[], str], what: str, where: str
) -> tuple[LossvizError, str]:
    """Return an error as one that a user may see, and its traceback where nobody expected it.

    Parameters
    ----------
    error : Exception
    title : callable
        Returns what failed, for people.
    what : str
        What it failed on; empty: not told.
    where : str
        Where its traceback will be found: "printed in the terminal".
    """
    if isinstance(error, LossvizError):
        return error, ""
    if _is_out_of_memory(error):
        return OutOfMemoryError(f"{OUT_OF_MEMORY}. ({_first_line(error)})"), ""
    on = f" on {what!r}" if what else ""
    known = LossvizError(
        f"{title()} failed{on}: {_first_line(error)}. This is a fault of the program: please "
        f"report it with the details {where}"
    )
    return known, traceback.format_exc()


def list_devices(method: str) -> list[Device]:
    """Return the usable devices, and load what a run of this method needs."""
    from napari_lossviz.engine import devices

    find_method(method).load_function()
    return [
        Device(found.name, found.title, found.free_memory, found.total_memory)
        for found in devices.list_devices()
    ]


def without_headers(image: Image, keep: Sequence[str] = ()) -> Image:
    """Return an image with what a method needs: no headers, files, contrast or warnings.

    Parameters
    ----------
    image : Image
    keep : sequence of str
        Keys of the metadata that stay.
    """
    stripped = Image(
        np.asarray(image.array),
        image.axes,
        image.spacing,
        image.units,
        value_unit=image.value_unit,
        name=image.name,
        valid=image.valid,
        metadata={key: image.metadata[key] for key in keep if key in image.metadata},
    )
    return stripped


def without_pixels(image: Image) -> Image:
    """Return an image of the same axes without any pixel."""
    return image.replace(array=np.empty((0,) * len(image.axes), np.float32), valid=None)


class _LineReporter:
    """Sends steps at most every so often, and maps when they are asked for and affordable."""

    def __init__(self, line: _Line, order: Order | CallOrder) -> None:
        self._line = line
        self._order = order
        self._losses: list[tuple[int, Mapping[str, float]]] = []
        self._sent = -np.inf
        self._started = time.monotonic()
        self._maps_seconds = 0.0

    def __call__(self, step: Step, /) -> None:
        if self._line.cancel.is_set():
            raise Cancelled
        if step.part is not None:
            self._line.messages.send(PartMessage(self._order.run, *step.part()))
        if step.losses:
            self._losses.append((step.done, dict(step.losses)))
        now = time.monotonic()
        if now - self._sent >= self._order.interval or step.done >= step.total:
            self._sent = now
            message = StepMessage(
                self._order.run, step.done, step.total, step.message, tuple(self._losses)
            )
            self._losses = []
            self._line.messages.send(message)
        affordable = self._maps_seconds <= _MAPS_SHARE * (now - self._started)
        if affordable and self._line.maps_wanted.is_set():
            maps = step.maps()
            if maps:
                self._line.maps_wanted.clear()
                self._line.messages.send(MapsMessage(self._order.run, step.done, maps))
                self._maps_seconds += time.monotonic() - now


def _is_out_of_memory(error: Exception) -> bool:
    kind = type(error).__name__
    return isinstance(error, MemoryError) or "OutOfMemory" in kind or "out of memory" in str(error)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def give_back_memory() -> None:
    """Give memory back that no run needs any more, the GPU's too."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
