"""The run panel: from an image to its result, the same for every method."""

from collections.abc import Callable
from functools import partial
from typing import Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_lossviz.core import LossvizError, MethodConfig, Result, Step
from napari_lossviz.jobs.engine_worker import MapsMessage, StepMessage
from napari_lossviz.jobs.registry import Method
from napari_lossviz.ui.background import Task
from napari_lossviz.ui.engine_process import EngineProcess, Run
from napari_lossviz.ui.full_collections import FullCollections
from napari_lossviz.ui.input_refusals import InputRefusals
from napari_lossviz.ui.instant_show import InstantShow
from napari_lossviz.ui.live_view import LiveView
from napari_lossviz.ui.panel_settings import PanelSettings
from napari_lossviz.ui.part_layers import PartLayers
from napari_lossviz.ui.result_layers import ResultLayers, add_result, followers, show_loss
from napari_lossviz.ui.run_controls import RunControls
from napari_lossviz.ui.run_inputs import RunInputs, gather
from napari_lossviz.ui.run_progress import RunProgress
from napari_lossviz.ui.status_label import StatusLabel
from napari_lossviz.ui.turns import Turns

_MAPS_PAUSE = 300
"""Milliseconds between showing maps and asking for the next ones."""

_DEVICES_AFTER = 1500
"""Milliseconds from opening to the engine process's start: the first picture matters more."""

UNCHANGED = "Images and settings are those of this result: nothing was computed again."


class RunPanel(QWidget):
    """Opens, runs, shows; a failed or cancelled run leaves the viewer as it was.

    Parameters
    ----------
    viewer : napari.Viewer
    method : Method
    settings : PanelSettings
    engine : EngineProcess, optional
        Default: the one that all docks share.
    """

    result_ready = Signal(object)
    """`ResultLayers` of a run that finished."""
    started = Signal()
    """A run begins: its preview will lie over everything."""
    failed = Signal(object)
    """The error of a run that failed."""

    def __init__(
        self,
        viewer: Any,
        method: Method,
        settings: PanelSettings,
        engine: EngineProcess | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._method = method
        self._settings = settings
        self._engine = EngineProcess.shared() if engine is None else engine
        self._engine.hold(self)
        self._run: Run | None = None
        self._loading: Task | None = None
        self._live: LiveView | None = None
        self._shown: ResultLayers | None = None
        self._same: tuple[Any, ...] = ()
        self._known: dict[tuple[Any, ...], ResultLayers] = {}
        self._closed = False
        self.controls = RunControls(viewer, method, self._engine, settings)
        self.progress = RunProgress(method.title)
        self.instant: InstantShow | None = None
        if settings.instant:
            self.instant = InstantShow(viewer, method, settings.instant, self)
        self.at_once = QCheckBox("Instant result at once")
        self.at_once.setToolTip(
            "Show the instant result of every image opened or chosen, without any training"
        )
        self.at_once.setChecked(True)
        self.status = StatusLabel("lossviz run status")
        self._remark = StatusLabel("lossviz run remark")
        self._turns = Turns(self)
        self._parts = PartLayers(viewer)
        self._refusals = InputRefusals(viewer, settings.kinds, settings.refusal, self)
        self._collections = FullCollections(viewer, lambda: self.working, self)
        self._ask_again = QTimer(self)
        self._ask_again.setSingleShot(True)
        self._ask_again.setInterval(_MAPS_PAUSE)
        self._build()
        self._connect()
        QTimer.singleShot(_DEVICES_AFTER, self._ask_devices)
        if self.instant is not None:
            self.instant.run.warm_up()
            QTimer.singleShot(0, self._on_input)

    # what the dock calls

    @property
    def running(self) -> bool:
        """Whether a run goes on or waits."""
        return self._run is not None or self._loading is not None

    @property
    def working(self) -> bool:
        """Whether a run goes on, or the instant one, or their layers still come."""
        instant = self.instant is not None and self.instant.running
        return self.running or instant or self._turns.waiting

    def start(self) -> None:
        """Run with the image and settings chosen."""
        layers = [choice.layer for choice in self.controls.inputs]
        if self.running or None in layers:
            return
        try:
            config = self.controls.config()
            selection = self.controls.part.selection(layers[0])
            inputs = gather(layers, self._settings.titles, selection, self._parts)
        except LossvizError as error:
            self.status.fail(str(error))
            return
        if self.instant is not None:
            if self.controls.preset.name == self.instant.run.preset:
                self.instant.start(inputs.layers[0], config)
                return
            self.instant.cancel()
        self.status.say(inputs.effort)
        self.controls.set_running(True)
        self.started.emit()
        self.progress.start("starting", curves=True)
        if inputs.in_memory:
            self._submit(inputs, config)
        else:  # lazy arrays: their files are read away from the window's thread
            self._loading = Task(inputs.read)
            self._loading.done.connect(lambda read: self._submit(read, config))
            self._loading.failed.connect(lambda error: self._on_failed(error, str(error)))
            self._loading.start()

    def cancel(self) -> None:
        """Stop what runs."""
        if self._loading is not None:
            self._loading.cancel()
            self._on_cancelled()
        elif self._run is not None:
            self.status.say("Stopping …")
            self._run.cancel()
        elif self.instant is not None and self.instant.running:
            self.instant.cancel()
            self.status.say("Cancelled.")

    def close_panel(self, *, tidy: bool = False) -> None:
        """End the run, the threads and, for the last panel, the engine process.

        Parameters
        ----------
        tidy : bool
            The window stays: leave in the viewer what has come whole, and nothing else.
        """
        if self._closed:
            return
        if tidy:
            self._turns.finish()
        self._closed = True
        self._turns.clear()
        self._collections.close()
        self._refusals.close()
        # First what is not Qt's: a window may go down without a word, its widgets first.
        for task in (self._loading, self._run):
            if task is not None:
                task.cancel()
        if self.instant is not None:
            self.instant.close(tidy=tidy)
        live, self._live = self._live, None
        if tidy and live is not None:
            live.end()
        self._run = self._loading = self._shown = None
        self._known.clear()
        self._engine.release(self)
        self.controls.close_controls()
        self.progress.stop()
        self._ask_again.stop()

    # a run in the engine process

    def _submit(self, inputs: RunInputs, config: MethodConfig) -> None:
        self._loading = None
        image, *others = inputs.images
        self._same = inputs.fingerprint(config) if self._settings.repeatable else ()
        known = self._known.get(self._same)
        if known is not None and known.is_shown(self._viewer):
            self._end_run()
            self.result_ready.emit(known)
            self.status.say(UNCHANGED)
            return
        run = self._run = self._engine.submit(self._method.name, image, config, others=others)
        place = self._settings.watched_slice(image)
        self._live = LiveView(self._viewer, image, inputs.layers[0], place)
        self._live.set_term(self.progress.term)
        label = self.controls.preset.run_label(config, self._settings.told)
        if self._engine.busy:
            self.progress.bar.setFormat("waiting for another run to end")
        run.started.connect(self._on_started)
        run.stepped.connect(self._on_step)
        run.maps.connect(self._on_maps)
        run.part.connect(self._live.show_part)
        run.finished.connect(lambda result: self._on_finished(inputs, result, label))
        run.failed.connect(self._on_failed)
        run.cancelled.connect(self._on_cancelled)

    def _on_started(self) -> None:
        self.progress.bar.setFormat("starting")
        self._ask_maps()

    def _ask_maps(self) -> None:
        if self._run is not None:
            self._run.ask_maps()

    def _on_step(self, step: StepMessage) -> None:
        def show() -> None:
            if self._run is not None:
                self.progress.step(step.done, step.total, step.text, step.losses)

        self._turns.add(show)  # drawing the bar draws the canvas too: not in one go with a layer

    def _on_maps(self, message: MapsMessage) -> None:
        live, maps = self._live, message.maps

        def show(part: Callable[[LiveView], None]) -> None:
            if live is not None and live is self._live:  # else the run has ended meanwhile
                part(live)

        def go_on(live: LiveView) -> None:
            self.progress.offer_terms(live.terms)
            self._ask_again.start()

        parts = (lambda it: it.show_preview(maps), lambda it: it.show_losses(maps), go_on)
        self._turns.add(*(partial(show, part) for part in parts))

    def _on_finished(self, inputs: RunInputs, result: Result, label: str) -> None:
        if self._closed:
            return
        self._run = None
        self.progress.bar.setFormat("showing the result")
        # Its maps are expanded here: of a large stack that takes time.
        self._loading = Task(lambda: list(result.images()))
        self._loading.done.connect(lambda images: self._add(inputs, result, label, images))
        self._loading.failed.connect(lambda error: self._on_failed(error, str(error)))
        self._loading.start()

    def _add(self, inputs: RunInputs, result: Result, label: str, images: list[Any]) -> None:
        live, self._live = self._live, None
        self._end_run()

        def show() -> None:
            preview = None if live is None else live.give_preview()
            options = {"label": label, "images": images, "preview": preview}
            layers = add_result(self._viewer, result, *inputs.layers, main_only=True, **options)
            if self._same:
                self._known = {self._same: layers}
            if live is not None:
                self._turns.add(live.end)
            self._turns.add(lambda: self._show_result(layers), *followers(self._viewer, layers))

        self._turns.add(lambda: self.progress.curves.set_history(result.history), show)

    def _on_failed(self, error: object, message: str) -> None:
        self._end_run()
        self._show_last_history()
        self.status.fail(message)
        self.failed.emit(error)

    def _on_cancelled(self) -> None:
        self._end_run()
        self._show_last_history()
        self.status.say("Cancelled.")

    def _show_last_history(self) -> None:
        """Show the curves of the result there is, where a run brought none."""
        self.progress.curves.set_history({} if self._shown is None else self._shown.result.history)

    def _end_run(self) -> None:
        self._run = self._loading = None
        self._ask_again.stop()
        if self._live is not None:
            self._live.end()
            self._live = None
        self.progress.stop()
        self.controls.set_running(False)

    # the instant result

    def _on_input(self, _: Any = None) -> None:
        if self.instant is not None and self.at_once.isChecked() and not self._closed:
            self.instant.offer(self.controls.input.layer)

    def _on_instant_began(self) -> None:
        if not self.running:
            self.status.say("")
            self.progress.start("instant result", curves=False)
            self.controls.set_running(True, may_run=True)

    def _on_instant_step(self, step: Step) -> None:
        if not self.running:
            self.progress.step(step.done, step.total, step.message)

    def _on_instant_ended(self) -> None:
        if not self.running:
            self.progress.stop()
            self.controls.set_running(False)

    # what is said

    def remark(self, text: str) -> None:
        """Say something more under the figures of the result; empty: nothing."""
        self._remark.say(text)

    def add_under_status(self, widget: QWidget) -> None:
        """Show something of the method's own under what is said."""
        self._own.addWidget(widget)

    def show_result(self, layers: ResultLayers | None) -> None:
        """Say the figures of a result, and offer its loss maps."""
        self._shown = layers
        if layers is None or self.running:
            return
        self.status.say(self._settings.figures(layers.result))
        self.progress.offer_terms(tuple(layers.loss_images))
        if self.progress.term:
            self._on_term(self.progress.term)

    def _show_result(self, layers: ResultLayers) -> None:
        self.result_ready.emit(layers)
        self.show_result(layers)
        if layers.result.warnings and not self.running:
            said = [self._settings.figures(layers.result), *layers.result.warnings]
            self.status.say("\n".join(said))

    def _on_term(self, term: str) -> None:
        if self._live is not None:
            self._live.set_term(term)
        elif self._shown is not None and self._shown.is_shown(self._viewer):
            show_loss(self._viewer, self._shown, term)

    def _on_warming(self, begun: bool) -> None:
        if begun and not self.status.text():
            self.status.say("Preparing the filter; the very first time this takes some seconds …")
        elif not begun and self.status.text().startswith("Preparing"):
            self.status.say("")

    # assembling

    def _ask_devices(self) -> None:
        if self._closed:
            return
        if self.instant is not None and self.instant.running:
            QTimer.singleShot(_DEVICES_AFTER, self._ask_devices)
        else:
            self.controls.device.refresh()
            self._collections.soon()

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        layout.addWidget(self.controls)
        if self.instant is not None:
            layout.addWidget(self.at_once)
        layout.addWidget(self.status)
        self._own = QVBoxLayout()
        layout.addLayout(self._own)
        layout.addWidget(self._remark)
        layout.addWidget(self.progress)
        layout.addStretch(1)

    def _connect(self) -> None:
        self.controls.run_asked.connect(self.start)
        self.controls.cancel_asked.connect(self.cancel)
        for choice in self.controls.inputs:
            choice.layer_changed.connect(self.status.forget_failure)
        self._refusals.refused.connect(lambda text: self.running or self.status.fail(text))
        self.controls.input.layer_changed.connect(self._on_input)
        self.controls.open_box.opened.connect(self.status.forget_failure)
        self.controls.open_box.failed.connect(self.status.fail)
        self.progress.term_chosen.connect(self._on_term)
        self._ask_again.timeout.connect(self._ask_maps)
        self.at_once.toggled.connect(self._on_input)
        if self.instant is not None:
            self.instant.began.connect(self._on_instant_began)
            self.instant.ended.connect(self._on_instant_ended)
            self.instant.ready.connect(self._show_result)
            self.instant.failed.connect(self.status.fail)
            self.instant.run.stepped.connect(self._on_instant_step)
            self.instant.run.warming.connect(self._on_warming)
