"""The Train section: pairs, settings, a training in the engine process, and what it trusts."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from napari_lossviz.core import Image, InputError, LossvizError, MethodConfig
from napari_lossviz.jobs import train_stain
from napari_lossviz.jobs.engine_worker import MapsMessage, StepMessage, without_headers
from napari_lossviz.stain.pairs import tile_of
from napari_lossviz.ui.engine_process import Call, EngineProcess
from napari_lossviz.ui.layers import image_from_layer
from napari_lossviz.ui.result_layers import add_result, followers
from napari_lossviz.ui.run_progress import RunProgress
from napari_lossviz.ui.stain.pair_view import show_pair, show_tile
from napari_lossviz.ui.stain.pairs_list import PairsList
from napari_lossviz.ui.stain.preview_box import PreviewBox, limits_of
from napari_lossviz.ui.stain.registration_box import RegistrationBox
from napari_lossviz.ui.stain.training_controls import TrainingControls
from napari_lossviz.ui.stain.training_source import Folders, Layers, images_of
from napari_lossviz.ui.turns import Turns

_PATIENCE = 20.0
"""Seconds that a training has to write its state before it is killed."""
_MAPS_PAUSE = 1000
"""Milliseconds between two previews."""


class TrainPanel(QWidget):
    """Trains on layers or folders; a training that was stopped goes on.

    Parameters
    ----------
    viewer : napari.Viewer
    engine : EngineProcess
    """

    trained = Signal(str)
    """Path of a finished checkpoint."""

    def __init__(self, viewer: Any, engine: EngineProcess, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._engine = engine
        self._call: Call | None = None
        self._checkpoint = ""
        self._finished = ""
        self._trust: Any = None
        self._translated: Any = None
        self._turns = Turns(self)
        self.register_button = QPushButton()
        self.register_button.setCheckable(True)
        self.register_button.setStyleSheet("text-align: left;")
        self.register_button.setToolTip("Bring one of two sections into register with the other")
        self.registration = RegistrationBox(viewer, engine)
        self.controls = TrainingControls(viewer, engine)
        self.progress = RunProgress("Training a translation")
        self.preview = PreviewBox(viewer)
        self.pairs = PairsList()
        self.status = QLabel()
        self.status.setObjectName("lossviz train status")
        self.status.setWordWrap(True)
        self.status.setMinimumWidth(1)  # a long name must not widen the dock
        self.status.hide()
        self._ask_again = QTimer(self)
        self._ask_again.setSingleShot(True)
        self._ask_again.setInterval(_MAPS_PAUSE)
        self._build()
        self._ask_again.timeout.connect(self._ask_maps)
        self.register_button.toggled.connect(self._unfold)
        self._unfold(False)
        self.controls.run_asked.connect(self.start)
        self.controls.cancel_asked.connect(self.cancel)
        self.controls.source.source_changed.connect(self._on_source)
        self.registration.registered.connect(self._on_registered)
        self.pairs.look_asked.connect(self._look)
        self.pairs.rank_asked.connect(self._rank)
        self.pairs.left_out_changed.connect(self._say_left_out)
        self._on_source()

    @property
    def running(self) -> bool:
        """Whether something goes on in the engine process, or its layers still come."""
        return self._call is not None or self._turns.waiting

    def set_checkpoint(self, path: str) -> None:
        """Rank pairs by this checkpoint from now on; empty: none."""
        self._checkpoint = path
        self._update_rank()

    def start(self) -> None:
        """Train, or go on with a training that was stopped."""
        chosen = self.controls.source.chosen()
        if self._call is not None or chosen is None:
            return
        try:
            config = self.controls.config(self.pairs.left_out())
            if isinstance(chosen, Layers):
                images = images_of(chosen)
                sent = [without_headers(image) for image in images]
                call = self._ask("train_from_layers", *sent, config)
                call.finished.connect(lambda found: self._on_layers(found, images, chosen, config))
            else:
                call = self._ask("train_from_folders", chosen.source, chosen.target, config)
                call.finished.connect(lambda found: self._on_folders(found, config))
        except LossvizError as error:
            self._say(str(error), bad=True)
            return
        self.preview.clear()
        self.progress.start("starting", curves=True)
        call.started.connect(self._ask_maps)
        call.maps.connect(self._on_maps)

    def cancel(self) -> None:
        """Stop what goes on; a training keeps its state."""
        if self._call is not None:
            self._say("Stopping …")
            self._call.cancel()

    def close_panel(self) -> None:
        """Stop, and follow the viewer no longer."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
        self._turns.clear()
        self._ask_again.stop()
        self.registration.close_box()
        self.controls.close_controls()
        self.progress.stop()
        self.preview.close_box()
        self._trust = self._translated = None

    # a call in the engine process

    def _ask(self, name: str, *arguments: Any) -> Call:
        function: Callable[..., Any] = getattr(train_stain, name)
        call = self._call = self._engine.call("Training", function, *arguments, patience=_PATIENCE)
        self._say("")
        self.controls.set_running(True)
        self._update_rank()
        call.stepped.connect(self._on_step)
        call.failed.connect(lambda _, message: self._on_failed(message))
        call.cancelled.connect(self._on_cancelled)
        return call

    def _ask_maps(self) -> None:
        if self._call is not None:
            self._call.ask_maps()

    def _on_step(self, step: StepMessage) -> None:
        if self._call is not None:
            self.progress.step(step.done, step.total, step.text, step.losses)

    def _on_maps(self, message: MapsMessage) -> None:
        if self._call is not None:
            self.preview.show_maps(message.maps)
            self._ask_again.start()

    def _on_folders(self, trained: Any, config: MethodConfig) -> None:
        if self._call is None:
            return
        self._end()
        self._take(trained.checkpoint, config)

    def _on_layers(
        self, result: Any, images: list[Image], layers: Layers, config: MethodConfig
    ) -> None:
        if self._call is None:
            return
        self._end()
        whole = replace(result, source=images[0], target_image=images[1])
        if layers.source in self._viewer.layers:

            def show() -> None:
                made = add_result(
                    self._viewer, whole, layers.source, label="training", main_only=True
                )
                # Weights are 1 on average over each crop: what compares crops is the cosine.
                cosines = [layer for (name, _), layer in made.maps.items() if "cosine" in name]
                self._trust = cosines[-1] if cosines else None
                self._translated = made.denoised
                for (name, _), layer in made.maps.items():
                    layer.contrast_limits = limits_of(name)
                self._turns.add(*followers(self._viewer, made))

            self._turns.add(show)
        self._take(result.checkpoint, config)

    def _take(self, checkpoint: Any, config: MethodConfig) -> None:
        history = checkpoint.history
        self.progress.curves.set_history(history)
        self.pairs.show_pairs(checkpoint.card["least_trusted_pairs"].items())
        path = Path(getattr(config, "output", "")).expanduser()
        self._finished = str(path)
        self.controls.offer_next_output()
        losses, count = history.get("validation", []), checkpoint.card["pairs"]
        held_out = len(checkpoint.card["validation_pairs"])
        said = f"loss of the others {losses[0]:.3g} → {losses[-1]:.3g}" if held_out else ""
        self._say(
            f"Trained {len(history['total'])} steps on {count - held_out} of {count} pairs"
            f"{', ' if said else ''}{said}. "
            f"The checkpoint {path.name} is chosen under Translate."
        )
        self.trained.emit(str(path))

    def _on_failed(self, message: str) -> None:
        self._end()
        self._say(message, bad=True)

    def _on_cancelled(self) -> None:
        self._end()
        if self.controls.is_stopped():
            kept = " What was trained is kept; it can go on."
        elif Path(self.controls.output.text).expanduser().exists():  # it was at its end already
            kept = " The training was through: its checkpoint is written."
        else:
            kept = ""
        self._say(f"Cancelled.{kept}")

    def _end(self) -> None:
        self._call = None
        self._ask_again.stop()
        self.progress.stop()
        self.controls.set_running(False)
        self._update_rank()

    # pairs

    def _on_source(self) -> None:
        self.pairs.forget()
        self._update_rank()

    def _unfold(self, shown: bool) -> None:
        self.register_button.setText(f"{'▾' if shown else '▸'} Register first")
        self.registration.setVisible(shown)

    def _on_registered(self, registered: Any, fixed: Any) -> None:
        """Take the registered layer for the partner that it is."""
        source = self.controls.source
        if source.source_layer.layer in (None, fixed):
            source.source_layer.choose(fixed)
            source.target_layer.choose(registered)
        elif source.target_layer.layer is fixed:
            source.source_layer.choose(registered)

    def _rank(self) -> None:
        chosen = self.controls.source.chosen()
        if self._call is not None or not isinstance(chosen, Folders) or not self._checkpoint:
            return
        try:
            config = self.controls.config(())
        except LossvizError as error:
            self._say(str(error), bad=True)
            return
        call = self._ask("rank_folders", chosen.source, chosen.target, self._checkpoint, config)
        self.progress.start("starting", curves=False)
        call.finished.connect(self._on_ranking)

    def _on_ranking(self, ranking: Any) -> None:
        if self._call is not None:
            self._finished = self._checkpoint
            self._end()
            self.pairs.show_pairs(ranking)

    def _look(self, name: str) -> None:
        chosen = self.controls.source.chosen()
        try:
            if isinstance(chosen, Layers):
                self._look_at_tile(name, chosen)
            elif isinstance(chosen, Folders) and self._call is None:
                config = self.controls.config(())
                arguments = (chosen.source, chosen.target, name, self._finished, config)
                call = self._ask("inspect_pair", *arguments)
                call.finished.connect(lambda maps: self._on_pair(name, maps))
        except LossvizError as error:
            self._say(str(error), bad=True)

    def _on_pair(self, name: str, maps: Any) -> None:
        if self._call is not None:
            self._end()
            show_pair(self._viewer, name, maps)

    def _look_at_tile(self, name: str, layers: Layers) -> None:
        crop = getattr(self.controls.config(()), "crop", 0)
        found = tile_of(name, image_from_layer(layers.source).shape, crop)
        if found is None:
            raise InputError(f"{name}: is no tile of the layers chosen, at this crop")
        if self._trust in self._viewer.layers:
            self._trust.opacity, self._trust.visible = 0.5, True
        if self._translated in self._viewer.layers:
            self._translated.visible = False  # it would cover the pair
        show_tile(self._viewer, layers.source, *found)

    def _say_left_out(self) -> None:
        count = len(self.pairs.left_out())
        some = f"{count} pair{'s are' if count > 1 else ' is'} left out of the next training."
        self._say(some if count else "")

    def _update_rank(self) -> None:
        folders = isinstance(self.controls.source.chosen(), Folders)
        self.pairs.rank.setVisible(self.controls.source.kind.currentIndex() > 0)
        self.pairs.rank.setEnabled(folders and bool(self._checkpoint) and self._call is None)

    def _say(self, text: str, *, bad: bool = False) -> None:
        self.status.setStyleSheet("color: #e8575a;" if bad else "")
        self.status.setText(text)
        self.status.setVisible(bool(text))

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        for widget in (
            self.register_button, self.registration, self.controls, self.status, self.progress,
            self.preview, self.pairs,
        ):  # fmt: skip
            layout.addWidget(widget)
        layout.addStretch(1)
