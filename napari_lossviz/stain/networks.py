"""Networks from checkpoints, and tensors from networks."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_lossviz.core import InputError
from napari_lossviz.stain.authors_checkpoint import check_shapes, read_authors_generator
from napari_lossviz.stain.checkpoint import GENERATOR, SAMPLER, Architecture, StainCheckpoint
from napari_lossviz.stain.generator import ResnetGenerator
from napari_lossviz.stain.patch_sampler import PatchSampler


def build_generator(checkpoint: StainCheckpoint) -> ResnetGenerator:
    """Return the generator of a checkpoint, in evaluation mode.

    Raises
    ------
    InputError
        If its tensors are not those of its architecture.
    """
    sizes, arrays = checkpoint.architecture, checkpoint.part(GENERATOR)
    network = ResnetGenerator(sizes.channels, sizes.blocks)
    fill(network, arrays, checkpoint.name)
    return network.eval()


def build_sampler(checkpoint: StainCheckpoint) -> PatchSampler:
    """Return the patch sampler of a checkpoint.

    Raises
    ------
    InputError
        If it has none, or its tensors are not those of its architecture.
    """
    sizes = checkpoint.architecture
    if not sizes.layers:
        raise InputError(
            f"checkpoint {checkpoint.name}: it holds no patch sampler, without which there is no "
            "trust map; checkpoints written by stain.train have one"
        )
    generator = ResnetGenerator(sizes.channels, sizes.blocks)
    sampler = PatchSampler(
        {layer: generator.feature_channels(layer) for layer in sizes.layers}, sizes.features
    )
    fill(sampler, checkpoint.part(SAMPLER), checkpoint.name)
    return sampler.eval()


def fill(network: nn.Module, arrays: Mapping[str, NDArray[np.float32]], name: str) -> None:
    """Set a network's parameters and buffers.

    Raises
    ------
    InputError
        If they are not those of the network, or not finite.
    """
    expected = network.state_dict()
    tensors = {key: torch.from_numpy(np.array(value)) for key, value in arrays.items()}
    different = sorted(set(expected) ^ set(tensors))
    if different:
        raise InputError(
            f"checkpoint {name}: not of the architecture that its card states; "
            f"{', '.join(different[:4])} is missing or unknown"
        )
    check_shapes(Path(name), expected, tensors)
    network.load_state_dict(tensors)


def arrays_of(network: nn.Module, prefix: str = "") -> dict[str, NDArray[np.float32]]:
    """Return copies of a network's parameters and buffers, their names behind a prefix."""
    return {
        f"{prefix}{name}": value.detach().float().cpu().numpy().copy()
        for name, value in network.state_dict().items()
    }


def authors_checkpoint(path: Path) -> StainCheckpoint:
    """Return the authors' generator as a checkpoint; see `read_authors_generator`."""
    network = read_authors_generator(path)
    return StainCheckpoint(
        Architecture(network.channels, len(network.blocks)),
        arrays_of(network, GENERATOR),
        path.stem,
        card={"format": "authors' latest_net_G.pth"},
    )
