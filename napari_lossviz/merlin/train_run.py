"""Training as a whole: from images to weights, with checkpoints, previews and a model card."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from napari_lossviz.core import Image, InputError, Reporter, as_image
from napari_lossviz.engine.devices import choose_device
from napari_lossviz.engine.model_files import STATE_SUFFIX, training_output
from napari_lossviz.engine.progress import Progress
from napari_lossviz.merlin.config import MerlinConfig
from napari_lossviz.merlin.network import MerlinNetwork
from napari_lossviz.merlin.normalisation import NORMALISATIONS, Normalisation, usual_scale
from napari_lossviz.merlin.prepare import Segment, prepare
from napari_lossviz.merlin.preview import Preview
from napari_lossviz.merlin.reference import CITATION
from napari_lossviz.merlin.scene import Scene
from napari_lossviz.merlin.training import Trainer, TrainingStep
from napari_lossviz.merlin.training_data import (
    CropSampler,
    Plate,
    data_hash,
    make_plates,
    validation_batches,
)
from napari_lossviz.merlin.training_state import TrainingState
from napari_lossviz.merlin.weights import MerlinWeights, load_weights, save_weights

_DECISIVE = (
    "weights", "training", "precision", "steps", "learning_rate", "crop", "batch",
    "gradient_clip", "validation", "validate_every", "patience", "seed", "scale", "sensor",
)  # fmt: skip
"""Settings that have to stay when a stopped training goes on."""


def train(
    slcs: Image | ArrayLike | Sequence[Image | ArrayLike],
    config: MerlinConfig = MerlinConfig(training="fine_tune"),
    *,
    reporter: Reporter | None = None,
) -> MerlinWeights:
    """Train a network on one or several single-look-complex images, without any clean one.

    The network sees the real part of random crops and is scored by how likely it makes the
    imaginary part. Blocks of the images are held out; the weights that do best on them are kept.

    Parameters
    ----------
    slcs : Image or (H, W) complex array, or a sequence of these
        See `despeckle`; all of one sensor mode.
    config : MerlinConfig
        ``training="from_scratch"`` begins with random weights, anything else with
        `config.weights`. With `config.checkpoint`, a training that was stopped goes on.
    reporter : Reporter, optional
        Called at every step with the losses, and with the maps "denoised",
        "loss negative log-likelihood" and "loss misfit" of a crop; may raise `Cancelled`.

    Returns
    -------
    MerlinWeights
        The best ones, with a model card; written to `config.checkpoint` if that is given.

    Raises
    ------
    InputError
        If an image, the weights or the checkpoint cannot be used.
    OutputExistsError
        If the checkpoint is there, finished.
    Cancelled
        If the reporter stopped the training.
    """
    several = isinstance(slcs, list | tuple)
    images = [as_image(one) for one in (slcs if several else [slcs])]  # type: ignore[union-attr]
    if not images:
        raise InputError("no image given to train on")
    scenes = [Scene(image) for image in images]
    progress = Progress(reporter, config.steps)
    parts = []
    for scene in scenes:
        progress.announce(f"preparing {scene.image.name}")
        chosen = config.replace(check_statistics=False)
        parts.append((scene, prepare(scene, chosen, progress.poll).segments))
    return train_on(parts, config, progress)


def train_on(
    parts: Sequence[tuple[Scene, list[Segment]]], config: MerlinConfig, progress: Progress
) -> MerlinWeights:
    """Train on prepared scenes; see `train`. The progress counts `config.steps` units for it."""
    path = check_checkpoint(config)
    before = progress.done
    start = _start(parts, config)
    generator = torch.Generator().manual_seed(config.seed)
    scale = config.scale * start.normalisation.scale
    plates: list[Plate] = []
    for scene, segments in parts:
        plates += make_plates(
            scene, segments, scale, config.crop, config.validation, generator, progress.poll
        )
    sha256 = data_hash(plates)
    state = TrainingState(generator, _belongs_to(config, sha256))
    state_path = None if path is None else path.with_suffix(STATE_SUFFIX)
    if state_path is not None and state_path.is_file():
        state.load(state_path)
        progress.skip_to(before + state.step)
    device = choose_device(config.device)
    trainer = Trainer(start.parameters, start.normalisation, config, device)
    preview = Preview(parts[0][0], parts[0][1], start, config)

    def report(step: TrainingStep) -> None:
        progress.step("training", step.losses, lambda: preview.maps(_numpy(step.parameters)))

    def keep(state: TrainingState) -> None:
        if state_path is not None:
            state.save(state_path)

    sampler = CropSampler(plates, config.crop, config.batch, generator)
    trainer.run(sampler, validation_batches(plates), state, report, progress.poll, keep)
    progress.skip_to(before + config.steps)
    names = [scene.image.name for scene, _ in parts]
    trained = MerlinWeights(
        state.best_parameters,
        start.normalisation,
        start.name if path is None else path.stem,
        start.sensor,
        _card(start, config, state, names, sha256),
        start.file_sha256,
    )
    if path is not None and state_path is not None:
        save_weights(trained, path)
        state_path.unlink(missing_ok=True)
    return trained


def check_checkpoint(config: MerlinConfig) -> Path | None:
    """Return where the weights will be written, or None.

    Raises
    ------
    InputError
        If the name does not end in .safetensors.
    OutputExistsError
        If a finished training lies there.
    """
    return training_output(config.checkpoint, what="checkpoint", advice="use it as weights")


def _start(parts: Sequence[tuple[Scene, list[Segment]]], config: MerlinConfig) -> MerlinWeights:
    """Return the weights to start from, with a scale that brings the images to usual numbers."""
    amplitude = np.concatenate([scene.sample() for scene, _ in parts]) * config.scale
    if config.training == "from_scratch":
        sensor = "spotlight" if config.sensor == "auto" else config.sensor
        constants = NORMALISATIONS[sensor]
        generator = torch.Generator().manual_seed(config.seed)
        network = MerlinNetwork(generator).parameters_by_name()
        start = MerlinWeights(_numpy(network), constants, "own", "")
    else:
        start = load_weights(config.weights, config.sensor)
    constants = start.normalisation
    found = usual_scale(amplitude * constants.scale)
    if found == 1.0:
        return start
    scaled = Normalisation(constants.maximum, constants.minimum, constants.scale * found)
    return replace(start, normalisation=scaled)


def _belongs_to(config: MerlinConfig, sha256: str) -> dict[str, Any]:
    settings = config.model_dump(mode="json")
    return {"data": sha256, **{name: settings[name] for name in _DECISIVE}}


def _card(
    start: MerlinWeights,
    config: MerlinConfig,
    state: TrainingState,
    names: list[str],
    sha256: str,
) -> dict[str, Any]:
    return {
        "method": CITATION,
        "started_from": "random weights" if config.training == "from_scratch" else start.name,
        "trained_on": names,
        "data_sha256": sha256,
        "settings": config.model_dump(mode="json", exclude={"checkpoint", "device"}),
        "steps": state.step,
        "best_step": state.best_step,
        "validation_at_start": state.first,
        "validation_best": state.best,
        "history_of_loss": state.history.get("negative log-likelihood", []),
        "history_of_validation": state.history.get("validation", []),
    }


def _numpy(parameters: Mapping[str, Tensor]) -> dict[str, NDArray[np.float32]]:
    return {name: value.detach().cpu().numpy() for name, value in parameters.items()}
