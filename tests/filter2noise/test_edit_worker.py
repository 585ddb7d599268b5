"""The worker: the freshest request first, nothing lost, and it ends when told to."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from napari_lossviz.core import Box, Cancelled, Edit, Stroke, WholeMap
from napari_lossviz.filter2noise import EditSession, Filter2NoiseConfig, denoise
from napari_lossviz.filter2noise.edit import Update
from napari_lossviz.filter2noise.edit_worker import EditWorker


class SlowSession:
    """Stands for a session: every update waits until it is let go, or is cancelled."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, int]] = []
        self.started = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.error: Exception | None = None
        self.again: list[int] = []

    def deliver_again(self, n: int) -> None:
        self.again.append(n)

    def update(self, edits: tuple[Edit, ...], n: int, cancel: threading.Event) -> Update:
        self.begun.append((n, len(edits)))
        self.started.release()
        while not self.go.acquire(timeout=0.005):
            if cancel.is_set():
                raise Cancelled
        if self.error is not None:
            raise self.error
        return Update(n, Box(0, 0, 0, len(edits)), np.empty((1, 0, 0), np.float32), Box(0, 0, 0, 0))


class Receiver:
    def __init__(self) -> None:
        self.updates: list[Update] = []
        self.errors: list[Exception] = []

    @property
    def seen(self) -> list[tuple[int, int]]:
        return [(update.n, update.box.x1) for update in self.updates]


@pytest.fixture
def slow() -> SlowSession:
    return SlowSession()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def worker(slow: SlowSession, receiver: Receiver) -> Iterator[EditWorker]:
    worker = EditWorker(slow, receiver.updates.append, receiver.errors.append)  # type: ignore[arg-type]
    yield worker
    worker.close()


def edits(count: int) -> tuple[Edit, ...]:
    return (WholeMap(),) * count


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_the_latest_request_of_a_slice_wins(
    worker: EditWorker, slow: SlowSession, receiver: Receiver
) -> None:
    worker.submit(edits(1))
    slow.started.acquire(timeout=20)
    for count in (2, 3, 4):
        worker.submit(edits(count))
    slow.go.release(2)
    assert worker.wait(20)
    assert slow.begun == [(0, 1), (0, 4)]
    assert receiver.seen == [(0, 1), (0, 4)]


def test_the_slice_asked_for_last_comes_first_and_none_is_lost(
    worker: EditWorker, slow: SlowSession, receiver: Receiver
) -> None:
    worker.submit(edits(1), 0)
    slow.started.acquire(timeout=20)
    for n in (1, 2, 3):
        worker.submit(edits(1), n)
    slow.go.release(4)
    assert worker.wait(20)
    assert [n for n, _ in receiver.seen] == [0, 3, 2, 1]


def test_the_background_gives_way_and_goes_on(
    worker: EditWorker, slow: SlowSession, receiver: Receiver
) -> None:
    worker.submit_background(edits(1), [4, 5])
    slow.started.acquire(timeout=20)
    worker.submit(edits(2), 0)  # cancels slice 4 at once
    slow.started.acquire(timeout=20)
    slow.go.release(3)
    assert worker.wait(20)
    assert receiver.seen == [(0, 2), (4, 1), (5, 1)]
    assert not receiver.errors


def test_newer_background_work_replaces_the_older(
    worker: EditWorker, slow: SlowSession, receiver: Receiver
) -> None:
    worker.submit(edits(1), 0)
    slow.started.acquire(timeout=20)
    worker.submit_background(edits(1), [4, 5])
    worker.submit_background(edits(2), [5, 6])
    slow.go.release(3)
    assert worker.wait(20)
    assert receiver.seen == [(0, 1), (5, 2), (6, 2)]


def test_errors_are_handed_on_and_the_worker_lives(
    worker: EditWorker, slow: SlowSession, receiver: Receiver
) -> None:
    slow.error = ZeroDivisionError("in the update")
    slow.go.release()
    worker.submit(edits(1))
    assert worker.wait(20)
    assert [str(error) for error in receiver.errors] == ["in the update"]
    slow.error = None
    slow.go.release()
    worker.submit(edits(2))
    assert worker.wait(20)
    assert receiver.seen == [(0, 2)]


def test_a_receiver_that_fails_does_not_end_the_worker(slow: SlowSession) -> None:
    errors: list[Exception] = []
    failing = [True]

    def deliver(update: Update) -> None:
        if failing:
            raise RuntimeError("the layer is gone")

    worker = EditWorker(slow, deliver, errors.append)  # type: ignore[arg-type]
    slow.go.release(2)
    worker.submit(edits(1))
    assert worker.wait(20)
    assert [str(error) for error in errors] == ["the layer is gone"]
    assert slow.again == [0]
    failing.clear()
    worker.submit(edits(2))
    assert worker.wait(20)
    worker.close()


def test_closing_cancels_and_ends_the_thread(
    worker: EditWorker, slow: SlowSession, receiver: Receiver
) -> None:
    worker.submit(edits(1))
    slow.started.acquire(timeout=20)
    worker.submit(edits(2), 1)
    worker.submit_background(edits(2), [2, 3])
    worker.close()
    assert not worker._thread.is_alive()
    assert slow.begun == [(0, 1)]
    assert receiver.updates == []
    assert receiver.errors == []
    worker.close()  # once more does no harm


def test_after_closing_nothing_is_pending(worker: EditWorker, slow: SlowSession) -> None:
    worker.close()
    worker.submit(edits(1))
    worker.submit_background(edits(1), [1])
    assert worker.wait(1)
    assert slow.begun == []


def test_waiting_ends_when_its_time_is_over(worker: EditWorker, slow: SlowSession) -> None:
    assert worker.wait(0)
    worker.submit(edits(1))
    assert not worker.wait(0.05)
    slow.go.release()
    assert worker.wait(20)


def test_closing_from_within_a_delivery(slow: SlowSession) -> None:
    closed = threading.Event()
    holder: list[EditWorker] = []

    def deliver(update: Update) -> None:
        holder[0].close()
        closed.set()

    errors: list[Exception] = []
    holder.append(EditWorker(slow, deliver, errors.append))  # type: ignore[arg-type]
    slow.go.release()
    holder[0].submit(edits(1))
    assert closed.wait(20), errors
    until(lambda: not holder[0]._thread.is_alive())
    assert not errors


def test_with_a_real_session_the_end_is_the_same() -> None:
    image = np.random.default_rng(0).normal(40, 12, (3, 40, 44)).astype(np.float32)
    result = denoise(image, Filter2NoiseConfig.instant())
    shown = np.array(result.denoised, copy=True)[:, None]
    errors: list[Any] = []

    def deliver(update: Update) -> None:
        shown[update.n][:, *update.box.slices] = update.denoised

    worker = EditWorker(EditSession(result), deliver, errors.append)
    path = [(5.0 + i, 8.0 + 0.7 * i) for i in range(30)]
    for count in range(1, 31):  # a stroke as the mouse draws it
        stroke = Stroke(points=tuple(path[:count]), radius=4, value=2.0)
        worker.submit((stroke,), 1)
        worker.submit_background((stroke,), [0, 2])
    assert worker.wait(60)
    worker.close()
    assert not errors
    expected = denoise(image, Filter2NoiseConfig.instant(), edits=[stroke])
    np.testing.assert_array_equal(shown[:, 0], expected.denoised)
