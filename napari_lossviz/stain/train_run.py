"""Training as a whole: from pairs to a checkpoint, resumable, with previews and trust maps."""

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import InputError, OutputExistsError, Reporter
from napari_lossviz.engine.atomic_files import write_atomically
from napari_lossviz.engine.devices import choose_device
from napari_lossviz.engine.model_files import STATE_SUFFIX, training_output
from napari_lossviz.engine.progress import Progress
from napari_lossviz.stain.checkpoint import (
    GENERATOR,
    SAMPLER,
    STATISTICS,
    Architecture,
    StainCheckpoint,
    load_checkpoint,
    save_checkpoint,
)
from napari_lossviz.stain.config import StainConfig
from napari_lossviz.stain.crops import CropSampler, check_size
from napari_lossviz.stain.generator import FIRST_BLOCK_LAYER, ResnetGenerator
from napari_lossviz.stain.inspect_pairs import ranked
from napari_lossviz.stain.networks import arrays_of
from napari_lossviz.stain.pairs import StainPair, as_pairs, data_hash, validation_split, without
from napari_lossviz.stain.patch_sampler import PatchSampler
from napari_lossviz.stain.preview import Preview, training_moments, validate
from napari_lossviz.stain.reference import CITATION
from napari_lossviz.stain.source_colours import recoloured
from napari_lossviz.stain.training import Trainer
from napari_lossviz.stain.training_state import TrainingState

_INDECISIVE = (
    "checkpoint", "statistics", "kernel", "tile", "overlap", "batch_tiles", "precision",
    "background", "sensitivity", "device", "output", "preview_pairs", "save_every",
)  # fmt: skip
"""Settings that may change when a stopped training goes on."""
_SAVE_SECONDS = 120.0
_LISTED = 50
"""Least trusted pairs that a card names."""


def train(
    pairs: Iterable[Any],
    config: StainConfig = StainConfig(),
    *,
    reporter: Reporter | None = None,
) -> StainCheckpoint:
    """Train a generator on pairs of images, roughly in register (arXiv 2303.06193).

    Parameters
    ----------
    pairs : iterable of StainPair, or of (source, target)
        See `pairs_from_folders` and `pairs_from_side_by_side`; or images, arrays (H, W, 3) uint8 or
        paths.
    config : StainConfig
        Default: as published. With `config.output`, a training that was stopped goes on.
    reporter : Reporter, optional
        Called at every step with every loss term, and with the maps "source", "translated",
        "target", "trust cosine layer N" and "trust weight layer N" of the previewed pairs (of the
        second and following ones with their names before it); may raise `Cancelled`.

    Returns
    -------
    StainCheckpoint
        After the last step; written to `config.output` if that is given.

    Raises
    ------
    InputError
        If pairs, the checkpoint to start from or the state to go on from cannot be used.
    OutputExistsError
        If a finished checkpoint is there, or comes there from another training.
    OutputError
        If a state or the checkpoint could not be written; the last state written stays.
    Cancelled
        If the reporter stopped the training; with `config.output`, nothing is lost.
    """
    path = check_output(config)
    if path is not None:
        _refuse_unwritable(path)
    listed = without(as_pairs(pairs), config.left_out_names)
    if config.macenko:
        listed = recoloured(listed)
    training, validation = validation_split(listed, config.validation, config.seed)
    progress = Progress(reporter, 1)
    progress.announce("reading the pairs")
    for pair in listed:
        check_size(pair, pair.load()[0], config.crop)
        progress.poll()
    sha256 = data_hash(listed, progress.poll)
    device = choose_device(config.device)
    generator, sampler, started_from, start_sha256 = _start(config)
    trainer = Trainer(generator, sampler, config, device)
    state = TrainingState({"data": sha256, **_decisive(config)})
    state_path = None if path is None else path.with_suffix(STATE_SUFFIX)
    if state_path is not None and state_path.is_file():
        state.load(state_path, trainer.networks, trainer.optimizers)
    crops = CropSampler(training, config)
    steps = steps_of_epoch(len(training), config) * config.total_epochs
    progress.extend(steps + len(training) - 1)
    progress.skip_to(state.step)
    _run(trainer, crops, state, steps, validation or training[:1], config, progress, state_path)
    networks = (trainer.generator.eval(), trainer.sampler.eval())
    least_trusted = ranked(training, networks, config, device, progress)
    card = {
        "method": CITATION,
        "started_from": started_from,
        "settings": config.model_dump(mode="json", exclude={"output", "device"}),
        "pairs": len(listed),
        "validation_pairs": [pair.name for pair in validation],
        "data_sha256": sha256,
        "least_trusted_pairs": {one.name: one.mean_cosine for one in least_trusted[:_LISTED]},
        "history": state.history,
    }
    moments = training_moments(trainer.generator, training, config, device, progress.poll)
    checkpoint = _checkpoint(trainer, moments, config, listed, card, path)
    checkpoint = replace(checkpoint, file_sha256=start_sha256)
    if path is not None and state_path is not None:
        _refuse_other(path, checkpoint)
        save_checkpoint(checkpoint, path)
        state_path.unlink(missing_ok=True)
    return checkpoint


def check_output(config: StainConfig) -> Path | None:
    """Return where the checkpoint will be written, or None.

    Raises
    ------
    InputError
        If the name does not end in .safetensors.
    OutputExistsError
        If a finished training lies there.
    """
    return training_output(config.output, what="output", advice="start from it by start_from")


def _refuse_unwritable(path: Path) -> None:
    """Refuse a place that cannot be written to now, rather than when the first state is due.

    Raises
    ------
    OutputError
    """
    probe = path.with_name(f".{path.name}.probe")
    write_atomically(probe, lambda target: target.touch())
    probe.unlink(missing_ok=True)


def _refuse_other(path: Path, checkpoint: StainCheckpoint) -> None:
    """Refuse to replace a checkpoint that another training finished meanwhile.

    Raises
    ------
    OutputExistsError
    """
    if path.is_file() and load_checkpoint(path).sha256 != checkpoint.sha256:
        raise OutputExistsError(
            f"output {path}: another training has finished there meanwhile; this one is through "
            "too, and its state is kept beside it: rename that file, and go on"
        )


def steps_of_epoch(pairs: int, config: StainConfig) -> int:
    """Return the optimisation steps of an epoch over so many training pairs."""
    batches = -(-pairs // config.batch)
    return max(-(-batches // config.accumulate), 1)


def _run(
    trainer: Trainer,
    crops: CropSampler,
    state: TrainingState,
    steps: int,
    validation: list[StainPair],
    config: StainConfig,
    progress: Progress,
    state_path: Path | None,
) -> None:
    per_epoch = steps // config.total_epochs
    preview = Preview(validation, trainer, config)
    saved = time.monotonic()

    def keep() -> None:
        nonlocal saved
        if state_path is not None:
            state.save(state_path, trainer.networks, trainer.optimizers)
            saved = time.monotonic()

    kept = state.step
    latest = state.history["validation"][-1] if state.step else math.nan
    try:
        if math.isnan(latest):  # nothing done yet, or stopped while it was measured
            latest = validate(validation, trainer, config, progress.poll)
            state.amend("validation", latest)
        while state.step < steps:
            epoch, within = divmod(state.step, per_epoch)
            first = epoch * crops.batches + within * config.accumulate
            last = min(first + config.accumulate, (epoch + 1) * crops.batches)
            batches = [crops.draw(number) for number in range(first, last)]
            losses = trainer.step(batches, epoch + 1, state.step, progress.poll)
            ends = within + 1 == per_epoch
            # The step counts before anything else may stop: its weights are there.
            state.append({**losses, "validation": math.nan if ends else latest})
            if ends:
                latest = validate(validation, trainer, config, progress.poll)
                state.amend("validation", latest)
            message = f"training, epoch {epoch + 1} of {config.total_epochs}"
            progress.step(message, {**losses, "validation": latest}, preview.maps)
            due = state.step % config.save_every == 0
            if due or time.monotonic() - saved > _SAVE_SECONDS:
                keep()
                kept = state.step
    finally:
        if state.step > kept and trainer.whole:
            keep()


def _start(config: StainConfig) -> tuple[ResnetGenerator, PatchSampler, str, str]:
    """Return the networks that a training starts from, their name, and the hash of their file."""
    if not config.start_from:
        generator = ResnetGenerator(config.generator_channels, config.residual_blocks, config.seed)
        return generator, _new_sampler(generator, config), "random weights", ""
    start = load_checkpoint(config.start_from)
    generator = start.generator()
    sizes = start.architecture
    last = FIRST_BLOCK_LAYER + sizes.blocks - 1
    if max(config.layer_numbers) > last:
        raise InputError(
            f"layers ({config.layers}) go beyond the {sizes.blocks} residual blocks of "
            f"{config.start_from}, whose last layer is {last}: leave out what is beyond"
        )
    if sizes.layers == config.layer_numbers and sizes.features == config.patch_features:
        return generator, start.sampler(), start.name, start.file_sha256
    return generator, _new_sampler(generator, config), start.name, start.file_sha256


def _new_sampler(generator: ResnetGenerator, config: StainConfig) -> PatchSampler:
    channels = {layer: generator.feature_channels(layer) for layer in config.layer_numbers}
    return PatchSampler(channels, config.patch_features, config.seed + 2)


def _decisive(config: StainConfig) -> dict[str, Any]:
    return config.model_dump(mode="json", exclude=set(_INDECISIVE))


def _checkpoint(
    trainer: Trainer,
    moments: list[tuple[NDArray[np.float32], NDArray[np.float32]]],
    config: StainConfig,
    pairs: list[StainPair],
    card: Mapping[str, Any],
    path: Path | None,
) -> StainCheckpoint:
    generator = trainer.generator
    tensors: dict[str, NDArray[np.float32]] = {
        **arrays_of(generator, GENERATOR),
        **arrays_of(trainer.sampler, SAMPLER),
    }
    for layer, (mean, variance) in enumerate(moments):
        tensors[f"{STATISTICS}mean.{layer}"] = mean
        tensors[f"{STATISTICS}variance.{layer}"] = variance
    sizes = {pair.microns_per_pixel for pair in pairs}
    return StainCheckpoint(
        Architecture(
            generator.channels, len(generator.blocks), config.layer_numbers, config.patch_features
        ),
        tensors,
        "stain" if path is None else path.stem,
        config.source_stain,
        config.target_stain,
        config.microns_per_pixel or (sizes.pop() if len(sizes) == 1 else 0.0),
        card,
    )
