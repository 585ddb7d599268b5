"""Train on two registered images, and show where the loss believed them."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Image, Reporter, Step, silent
from napari_lossviz.engine.progress import Progress
from napari_lossviz.stain.checkpoint import StainCheckpoint
from napari_lossviz.stain.config import StainConfig, StainTrainingConfig
from napari_lossviz.stain.macenko import estimate_stains, normalise_stains
from napari_lossviz.stain.pairs import pairs_from_images, tile_side
from napari_lossviz.stain.run import translate
from napari_lossviz.stain.scene import as_rgb_image
from napari_lossviz.stain.source_colours import recoloured
from napari_lossviz.stain.training_result import StainTrainingResult


def train_layers(
    source: Image,
    target: Image,
    config: StainConfig = StainTrainingConfig(),
    *,
    reporter: Reporter | None = None,
    out: str | Path | None = None,
) -> StainTrainingResult:
    """Train a translation on two registered images of the same size.

    They are cut into tiles of twice the crop (or of the crop, where the images are smaller); see
    `train` for what follows.

    Parameters
    ----------
    source, target : Image or (H, W, 3) uint8 array
    config : StainConfig
    reporter : Reporter, optional
        See `train`.
    out : path, optional
        Not used: the result fits where the images did.

    Raises
    ------
    InputError
        If the images cannot be used; see `train` for more.
    """
    del out
    started = time.perf_counter()
    source, target = as_rgb_image(source), as_rgb_image(target)
    pairs = pairs_from_images(source, target, tile_side(source.shape, config.crop))
    seen = source
    if config.macenko:  # by the stains of the whole image, as it will be translated
        pixels = np.asarray(source.array)
        stains = estimate_stains(pixels)
        pairs = recoloured(pairs, stains)
        seen = source.replace(array=normalise_stains(pixels, stains))

    import torch

    from napari_lossviz.engine.devices import choose_device, describe_device
    from napari_lossviz.engine.memory import PeakMemory
    from napari_lossviz.stain.train_run import train

    device = choose_device(config.device)
    tell: Reporter = silent if reporter is None else reporter
    last = [Step(0, 1)]

    def during(step: Step, /) -> None:
        last[0] = step
        tell(step)

    def afterwards(step: Step, /) -> None:
        """Say what goes on and how far, and let it be stopped, at the end of the training's bar."""
        message = f"{step.message}, {step.done} of {step.total}" if step.done else step.message
        tell(Step(last[0].done, last[0].total, message=message))

    with PeakMemory(device) as peak:
        checkpoint = train(pairs, config, reporter=during)
        translated = translate(source, checkpoint, config, reporter=afterwards)
        trust = trust_over(seen, target, checkpoint, config, device, Progress(afterwards, 0))
    return StainTrainingResult(
        source=source,
        config=config,
        history=checkpoint.history,
        metrics={
            "pairs": float(len(pairs)),
            "validation": checkpoint.history["validation"][-1],
        },
        device=describe_device(device),
        threads=torch.get_num_threads(),
        seconds=time.perf_counter() - started,
        peak_memory=peak.bytes,
        warnings=translated.warnings,
        files={"start_from": checkpoint.file_sha256} if checkpoint.file_sha256 else {},
        checkpoint=checkpoint,
        target_image=target,
        translated=translated.translated,
        trust=trust,
    )


def trust_over(
    source: Image,
    target: Image,
    checkpoint: StainCheckpoint,
    config: StainConfig,
    device: Any,
    progress: Progress,
) -> dict[str, NDArray[np.float32]]:
    """Return the maps of trust over whole images, crop by crop, (H, W) each.

    Parameters
    ----------
    source, target : Image
        8-bit RGB of the same size, at least a crop.
    checkpoint : StainCheckpoint
        With a patch sampler.
    config : StainConfig
        Its crop and weighting.
    device : torch.device
    progress : Progress
        Counts the crops.
    """
    from napari_lossviz.engine.tiles import cover
    from napari_lossviz.stain.crops import to_network
    from napari_lossviz.stain.trust import trust_maps

    networks = checkpoint.generator().to(device), checkpoint.sampler().to(device)
    height, width = source.shape[:2]
    maps: dict[str, NDArray[np.float32]] = {}
    spans = [cover(n, config.crop, 0, 1) for n in (height, width)]
    progress.extend(len(spans[0]) * len(spans[1]))
    progress.announce("looking at what is trusted")
    for y in spans[0]:
        for x in spans[1]:
            here = np.s_[y.start : y.stop, x.start : x.stop]
            both = [
                to_network(np.asarray(image.array[here])[None]).to(device)
                for image in (source, target)
            ]
            found = trust_maps(*networks, both[0], both[1], config.weighting)
            for name, part in found.expanded().items():
                whole = maps.setdefault(name, np.zeros((height, width), np.float32))
                whole[here] = part
            progress.step("looking at what is trusted")
    return maps
