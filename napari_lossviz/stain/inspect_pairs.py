"""How far each pair is trusted: which ones to look at, or to leave out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_lossviz.core import Reporter
from napari_lossviz.engine.progress import Progress
from napari_lossviz.stain.checkpoint import StainCheckpoint
from napari_lossviz.stain.config import StainConfig
from napari_lossviz.stain.pairs import StainPair, as_pairs
from napari_lossviz.stain.source_colours import as_trained

if TYPE_CHECKING:
    import torch

    from napari_lossviz.stain.generator import ResnetGenerator
    from napari_lossviz.stain.patch_sampler import PatchSampler
    from napari_lossviz.stain.trust import TrustMaps


@dataclass(frozen=True)
class PairTrust:
    """Trust in one pair.

    Attributes
    ----------
    name : str
    mean_cosine : float
        Over layers and patches of the middle of the pair; the lower, the less it is believed.
    """

    name: str
    mean_cosine: float


def rank_pairs(
    pairs: Iterable[Any],
    checkpoint: StainCheckpoint,
    config: StainConfig = StainConfig(),
    *,
    reporter: Reporter | None = None,
) -> list[PairTrust]:
    """Return the trust in each pair, the least trusted first.

    Parameters
    ----------
    pairs : iterable
        See `train`.
    checkpoint : StainCheckpoint
        Of `train`; the authors' files lack the patch sampler.
    config : StainConfig
        Its crop, weighting and device.

    Raises
    ------
    InputError
        If a pair cannot be read, or the checkpoint has no patch sampler.
    Cancelled
        If the reporter stopped the run.
    """
    from napari_lossviz.engine.devices import choose_device

    device = choose_device(config.device)
    networks = checkpoint.generator().to(device), checkpoint.sampler().to(device)
    listed = as_trained(as_pairs(pairs), checkpoint)
    progress = Progress(reporter, len(listed))
    return ranked(listed, networks, config, device, progress)


def ranked(
    pairs: Sequence[StainPair],
    networks: "tuple[ResnetGenerator, PatchSampler]",
    config: StainConfig,
    device: "torch.device",
    progress: Progress,
) -> list[PairTrust]:
    """Return `rank_pairs` of networks in evaluation mode, a unit of progress for each pair."""
    found = []
    for pair in pairs:
        trust = pair_trust(pair, networks, config, device)
        found.append(PairTrust(pair.name, trust.mean_cosine))
        progress.step("looking for pairs that disagree")
    return sorted(found, key=lambda one: one.mean_cosine)


def pair_trust(
    pair: StainPair,
    networks: "tuple[ResnetGenerator, PatchSampler]",
    config: StainConfig,
    device: "torch.device",
) -> "TrustMaps":
    """Return the trust maps of the middle of a pair, at most a crop in size."""
    from napari_lossviz.stain.config import GRID
    from napari_lossviz.stain.crops import centre_crop, to_network
    from napari_lossviz.stain.trust import trust_maps

    source, target = pair.load()
    side = min(config.crop, *(n // GRID * GRID for n in source.shape[:2]))
    both = [to_network(centre_crop(pixels, side)[None]).to(device) for pixels in (source, target)]
    return trust_maps(*networks, both[0], both[1], config.weighting)
