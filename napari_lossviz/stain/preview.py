"""What a training shows of some validation pairs, and how it is judged by all of them."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from napari_lossviz.core import InputError
from napari_lossviz.stain.config import StainConfig
from napari_lossviz.stain.crops import centre_crop, to_network
from napari_lossviz.stain.generator import ResnetGenerator
from napari_lossviz.stain.inspect_pairs import pair_trust
from napari_lossviz.stain.pairs import StainPair
from napari_lossviz.stain.pyramid import pyramid_l1
from napari_lossviz.stain.statistics import TissueRecorder
from napari_lossviz.stain.training import Trainer

_MOST_CROPS = 64
"""Training crops that the fixed statistics are taken over."""


class Preview:
    """Translates chosen pairs with the networks as they are.

    Parameters
    ----------
    pairs : sequence of StainPair
        For validation.
    trainer : Trainer
    config : StainConfig

    Raises
    ------
    InputError
        If the configuration names pairs to preview that are not among them.
    """

    def __init__(self, pairs: Sequence[StainPair], trainer: Trainer, config: StainConfig) -> None:
        by_name = {pair.name: pair for pair in pairs}
        unknown = [name for name in config.preview_names if name not in by_name]
        if unknown:
            raise InputError(
                f"preview_pairs: {unknown[0]!r} is no validation pair; these are "
                f"{', '.join(list(by_name)[:20])}"
            )
        self._pairs = [by_name[name] for name in config.preview_names] or list(pairs[:1])
        self._trainer = trainer
        self._config = config

    def maps(self) -> dict[str, NDArray[np.generic]]:
        """Return the images and trust maps; those of further pairs with their names before it."""
        trainer = self._trainer
        networks = (trainer.generator, trainer.sampler)
        device = next(trainer.generator.parameters()).device
        maps: dict[str, NDArray[np.generic]] = {}
        for number, pair in enumerate(self._pairs):
            prefix = f"{pair.name} " if number else ""
            for network in networks:
                network.eval()
            try:
                trust = pair_trust(pair, networks, self._config, device)
            finally:
                for network in networks:
                    network.train()
            source, target = (centre_crop(side, trust.shape[0]).copy() for side in pair.load())
            maps |= {f"{prefix}source": source, f"{prefix}translated": trust.translated}
            maps[f"{prefix}target"] = target
            maps |= {f"{prefix}{name}": array for name, array in trust.expanded().items()}
        return maps


def validate(
    pairs: Sequence[StainPair],
    trainer: Trainer,
    config: StainConfig,
    poll: Callable[[], None] = lambda: None,
) -> float:
    """Return the mean pyramid loss over the middle of the pairs.

    `poll` is called after each pair; if it raises, the networks are as they were.
    """
    generator = trainer.generator
    device = next(generator.parameters()).device
    generator.eval()
    total = 0.0
    try:
        with torch.no_grad():
            for pair in pairs:
                source, target = (
                    to_network(centre_crop(side, config.crop)[None]).to(device)
                    for side in pair.load()
                )
                total += float(pyramid_l1(generator(source), target, config.level_weights))
                poll()
    finally:
        generator.train()
    return total / len(pairs)


def training_moments(
    generator: ResnetGenerator,
    pairs: Sequence[StainPair],
    config: StainConfig,
    device: torch.device,
    poll: Callable[[], None] = lambda: None,
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Return mean and variance (C,) of each norm layer over the middle of some training pairs."""
    chosen = pairs[:: max(len(pairs) // _MOST_CROPS, 1)][:_MOST_CROPS]
    sums: list[list[NDArray[np.float32]]] = []
    everywhere = torch.ones(1, 1, config.crop, config.crop, device=device)
    with torch.no_grad():
        for pair in chosen:
            source, _ = pair.load()
            recorder = TissueRecorder(everywhere, generator.norm_strides)
            generator(to_network(centre_crop(source, config.crop)[None]).to(device), recorder)
            found = [
                np.stack([mean[0].cpu().numpy(), variance[0].cpu().numpy()])
                for mean, variance in recorder.moments
            ]
            sums.append(found)
            poll()
    layers = [np.stack(layer) for layer in zip(*sums, strict=True)]
    return [(layer[:, 0].mean(axis=0), layer[:, 1].mean(axis=0)) for layer in layers]
