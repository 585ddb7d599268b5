"""Runs of a method's dock, by its button."""

from typing import Any

WAIT = 300_000


def run_dock(qtbot: Any, dock: Any) -> Any:
    """Run, wait until everything is shown, and return the result's layers."""
    with qtbot.waitSignal(dock.run_panel.result_ready, timeout=WAIT):
        dock.run_panel.controls.run_button.click()
    qtbot.waitUntil(lambda: not dock.run_panel.working, timeout=WAIT)
    return dock.results.result


def train_shortly(dock: Any, **settings: Any) -> None:
    """Set MERLIN's dock to two steps of training, which needs no weights; settings come on top."""
    short = {"steps": 2, "crop": 32, "batch": 1, "validate_every": 1, "tile": 96, "overlap": 32}
    form = dock.run_panel.controls.form
    form.set_config(form.config().replace(training="from_scratch", **short | settings))
