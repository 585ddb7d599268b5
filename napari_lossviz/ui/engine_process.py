"""The engine process: where runs from the window happen, so that the window stays quick.

One warm process serves all docks of all viewers, one run at a time, in the order asked for. It
loads torch; the window's process never does. A run is asked to stop through an event, and the
process is killed when it does not within a second; the next run starts a new one. Its end gives all
memory back, the GPU's too.
"""

import atexit
import itertools
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from typing import Any

from loky import ProcessPoolExecutor
from loky.backend import get_context
from qtpy.QtCore import QCoreApplication, QObject, QTimer, Signal

from napari_lossviz.core import Edit, Image, LossvizError, MethodConfig
from napari_lossviz.jobs import engine_worker
from napari_lossviz.jobs.engine_worker import (
    CallOrder,
    MapsMessage,
    Order,
    Outcome,
    PartMessage,
    StepMessage,
)
from napari_lossviz.jobs.registry import find_method

PATIENCE = 1.0
"""Seconds from asking a run to stop to killing the process."""

IDLE = 600
"""Seconds without work after which the process ends by itself; the next run starts it anew."""

KILLED = (
    "The engine process ended unexpectedly, most often because the system's memory ran out and it "
    "was killed. The viewer and your layers are unharmed. Close other programs, or choose smaller "
    "crops or fewer slices, and run again"
)

_numbers = itertools.count(1)


class Job(QObject):
    """Something the engine process was asked for.

    Parameters
    ----------
    function : callable
        Of an importable module that loads no Qt.
    *args
        Its arguments.
    """

    started = Signal()
    """It left the queue."""
    finished = Signal(object)
    """What the function returned."""
    failed = Signal(object, str)
    """A `LossvizError`, and its message, which says what to do."""
    cancelled = Signal()

    def __init__(self, engine: "EngineProcess", function: Callable[..., Any], *args: Any) -> None:
        super().__init__(engine)
        self.number = next(_numbers)
        self.function = function
        self.args = args
        self.ended = False
        self.patience = PATIENCE
        self.unwanted = False  # asked to stop; what it returns nonetheless counts no more
        self._engine = engine

    def cancel(self) -> None:
        """Stop it; `cancelled` follows at once or within about a second."""
        if not self.ended:
            self._engine.cancel(self)

    def ask_maps(self) -> None:
        """Ask for one `MapsMessage`, as soon as the run can afford it."""
        self._engine.ask_maps(self)

    def settle(self, outcome: Any) -> None:
        """Tell the outcome."""
        self.finished.emit(outcome)


class Call(Job):
    """A call that tells its steps and can be stopped; `finished` gives what it returned.

    Parameters
    ----------
    engine : EngineProcess
    order : CallOrder
    patience : float
        Seconds from asking it to stop to killing the process.
    """

    stepped = Signal(object)
    """A `StepMessage`, at most ten a second."""
    maps = Signal(object)
    """A `MapsMessage` that was asked for."""
    part = Signal(object, object)
    """Index into the result's array, and pixels: a part of the result that is finished."""

    def __init__(
        self, engine: "EngineProcess", order: CallOrder | Order, patience: float = PATIENCE
    ) -> None:
        execute = engine_worker.execute if isinstance(order, Order) else engine_worker.execute_call
        super().__init__(engine, execute, order)
        self.number = order.run
        self.patience = patience

    def settle(self, outcome: Outcome) -> None:
        """Tell how it ended."""
        if outcome.details:
            print(outcome.details, file=sys.stderr)
        if outcome.error is not None:
            self.failed.emit(outcome.error, str(outcome.error))
        elif outcome.result is None:
            self.cancelled.emit()
        else:
            self.finished.emit(self.completed(outcome.result))

    def completed(self, value: Any) -> Any:
        """Return what `finished` tells of what came back."""
        return value


class Run(Call):
    """A run of a method; `finished` gives its `Result`, with the images it was started with."""

    def __init__(self, engine: "EngineProcess", order: Order, inputs: Sequence[Image]) -> None:
        super().__init__(engine, order)
        self._inputs = tuple(inputs)

    def completed(self, value: Any) -> Any:
        """Return the result with its inputs."""
        return value.with_inputs(*self._inputs)


class _Process:
    """One executor with its line; after a kill another one takes its place."""

    def __init__(self, receive: Callable[[Any], None]) -> None:
        context = get_context("loky")
        self._receiver, self._sender = context.Pipe(duplex=False)
        self.cancel = context.Event()
        self.maps_wanted = context.Event()
        self.executor = ProcessPoolExecutor(
            max_workers=1,
            timeout=IDLE,
            context=context,
            initializer=engine_worker.connect,
            initargs=(self._sender, self.cancel, self.maps_wanted, os.getpid()),
        )
        self._receive = receive
        self._thread = threading.Thread(target=self._listen, name="lossviz-engine", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        # The pipe ends when both writers are closed: the process's, and ours in `close`.
        with suppress(EOFError, OSError, RuntimeError):
            while True:
                self._receive(self._receiver.recv())

    def close(self, *, wait: bool) -> None:
        self.executor.shutdown(wait=wait, kill_workers=True)
        self._sender.close()
        if wait:
            self._thread.join(2)


class EngineProcess(QObject):
    """The queue of jobs before the engine process; lives in the window's thread."""

    _received = Signal(object)
    _settled = Signal(object, object)

    _shared: "EngineProcess | None" = None

    def __init__(self) -> None:
        super().__init__()
        self._process: _Process | None = None
        self._waiting: deque[Job] = deque()
        self._current: Job | None = None
        self._owners: set[int] = set()
        self._guarded = False
        self._received.connect(self._dispatch)
        self._settled.connect(self._settle)

    @classmethod
    def shared(cls) -> "EngineProcess":
        """Return the one of this window's process, made at its first use."""
        if cls._shared is None:
            cls._shared = cls()
        return cls._shared

    def submit(
        self,
        method: str,
        image: Image,
        config: MethodConfig,
        edits: Sequence[Edit] = (),
        *,
        others: Sequence[Image] = (),
    ) -> Run:
        """Ask for a run of a method.

        Parameters
        ----------
        method : str
            Its name in `jobs.registry`.
        image : Image
            Headers and files are not sent; the result has them again.
        config : MethodConfig
        edits : sequence of Edit
            Replayed on the maps.
        others : sequence of Image
            Further images that the method takes.
        """
        number = next(_numbers)
        keep = find_method(method).metadata
        sent, *rest = (engine_worker.without_headers(one, keep) for one in (image, *others))
        order = Order(number, method, sent, config, tuple(rest), tuple(edits))
        run = Run(self, order, (image, *others))
        self._enqueue(run)
        return run

    def call(
        self, title: str, function: Callable[..., Any], *args: Any, patience: float = PATIENCE
    ) -> Call:
        """Ask for a call that tells its steps.

        Parameters
        ----------
        title : str
            What it is called, for people.
        function : callable
            Of an importable module that loads no Qt; takes ``reporter=``.
        *args
            Its arguments.
        patience : float
            Seconds that it has to end by itself once it was asked to stop.
        """
        call = Call(self, CallOrder(next(_numbers), title, function, args), patience)
        self._enqueue(call)
        return call

    def ask(self, function: Callable[..., Any], *args: Any) -> Job:
        """Ask for the value of a function of an importable, Qt-free module."""
        job = Job(self, function, *args)
        self._enqueue(job)
        return job

    def ask_maps(self, job: Job) -> None:
        """See `Job.ask_maps`."""
        if job is self._current and self._process is not None:
            self._process.maps_wanted.set()

    def cancel(self, job: Job) -> None:
        """See `Job.cancel`."""
        if job in self._waiting:
            self._waiting.remove(job)
            self._end(job)
            job.cancelled.emit()
        elif job is self._current and self._process is not None:
            job.unwanted = True
            self._process.cancel.set()
            QTimer.singleShot(int(1000 * job.patience), lambda: self._kill_if_running(job))

    @property
    def busy(self) -> bool:
        """Whether something runs or waits."""
        return self._current is not None

    def hold(self, owner: object) -> None:
        """Keep the process for an owner, such as a dock, until it calls `release`."""
        self._owners.add(id(owner))

    def release(self, owner: object) -> None:
        """Let go of the process; it ends with its last owner."""
        self._owners.discard(id(owner))
        if not self._owners:
            self.shutdown()

    def shutdown(self) -> None:
        """Drop all jobs and end the process; nothing is told. A later job starts a new one."""
        for job in (*self._waiting, self._current):
            if job is not None:
                self._end(job)
        self._waiting.clear()
        self._current = None
        self._drop_process(wait=True)

    # the queue

    def _enqueue(self, job: Job) -> None:
        self._waiting.append(job)
        # Whoever asked connects to the job's signals first.
        QTimer.singleShot(0, self._start_next)

    def _start_next(self) -> None:
        if self._current is not None or not self._waiting:
            return
        job = self._current = self._waiting.popleft()
        try:
            future = self._submitted(job)
        except BrokenExecutor:  # the process was killed while it had nothing to do
            self._drop_process(wait=False)
            future = self._submitted(job)
        job.started.emit()
        future.add_done_callback(lambda done: self._tell_settled(job, done))
        if not self._guarded:
            self._guarded = True
            self._end_with_program()

    def _submitted(self, job: Job) -> "Future[Any]":
        if self._process is None:
            self._process = _Process(self._received.emit)
        self._process.cancel.clear()
        self._process.maps_wanted.clear()
        return self._process.executor.submit(job.function, *job.args)

    def _tell_settled(self, job: Job, future: "Future[Any]") -> None:
        with suppress(RuntimeError):  # the window is gone, and Qt with it
            self._settled.emit(job, future)

    def _settle(self, job: Job, future: "Future[Any]") -> None:
        if job is not self._current:  # it was killed or dropped
            return
        self._current = None
        error = None if future.cancelled() else future.exception()
        if future.cancelled() or error is not None:
            # The executor is broken, or what came back could not be read: start afresh.
            self._drop_process(wait=False)
        self._end(job)
        if job.unwanted:
            job.cancelled.emit()
        elif error is not None:
            known = LossvizError(f"{KILLED}. ({type(error).__name__})")
            job.failed.emit(known, str(known))
        elif not future.cancelled():
            job.settle(future.result())
        self._start_next()

    def _kill_if_running(self, job: Job) -> None:
        if job is not self._current:
            return
        self._current = None
        self._drop_process(wait=False)
        self._end(job)
        job.cancelled.emit()
        self._start_next()

    def _end_with_program(self) -> None:
        """End the process with the program, whichever way the program ends."""

        def end() -> None:
            self._drop_process(wait=True)

        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(end)
        # When the interpreter ends, loky waits for a running job before `atexit` has its turn. The
        # hook registered last goes first, and loky's is there since its first job.
        getattr(threading, "_register_atexit", atexit.register)(end)

    def _drop_process(self, *, wait: bool) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.close(wait=wait)

    def _end(self, job: Job) -> None:
        job.ended = True
        job.deleteLater()

    def _dispatch(self, message: StepMessage | MapsMessage | PartMessage) -> None:
        run = self._current
        if not isinstance(run, Call) or message.run != run.number:
            return
        if isinstance(message, StepMessage):
            run.stepped.emit(message)
        elif isinstance(message, PartMessage):
            run.part.emit(message.index, message.pixels)
        else:
            run.maps.emit(message)
