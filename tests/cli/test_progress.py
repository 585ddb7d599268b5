import io
import signal

import pytest
from rich.console import Console

from napari_lossviz.cli.progress import TerminalReporter
from napari_lossviz.core import Cancelled, Step


def console(terminal: bool) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, force_terminal=terminal, width=120), text


def test_shows_steps_and_losses_on_a_terminal() -> None:
    target, text = console(terminal=True)
    with TerminalReporter(target, "work") as report:
        report(Step(3, 7, {"total": 0.25}, message="choosing the strength"))
    for part in ("choosing the strength", "3/7", "total 0.25"):
        assert part in text.getvalue()


def test_is_silent_where_there_is_no_terminal() -> None:
    target, text = console(terminal=False)
    with TerminalReporter(target, "work") as report:
        report(Step(1, 2))
    assert text.getvalue() == ""


def test_first_interrupt_cancels_at_the_next_step_the_second_at_once() -> None:
    target, _ = console(terminal=False)
    before = signal.getsignal(signal.SIGINT)
    with TerminalReporter(target, "work") as report:
        report(Step(0, 2))
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Cancelled):
            report(Step(1, 2))
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
