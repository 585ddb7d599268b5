"""What a run says against its own result, in sentences; torch-free."""

from napari_lossviz.filter2noise.across import lends
from napari_lossviz.filter2noise.config import Filter2NoiseConfig
from napari_lossviz.filter2noise.judge import Judge
from napari_lossviz.filter2noise.layout import Slices

_SHORT = 0.5
"""Share of the noise below which a trained result is called short of it."""


def shortfall(judge: Judge, ratio: float, config: Filter2NoiseConfig) -> tuple[str, ...]:
    """Say where training took away much less than the noise, which it does where noise is low."""
    automatic = config.predictor == "trained" and isinstance(config.lambda_, str)
    wanted = _SHORT * config.strength * (1 - config.noise_kept)
    if not automatic or judge.noise == 0 or ratio >= wanted:
        return ()
    return (
        f"Training took away only {ratio:.0%} of the noise in flat areas: where noise is low the "
        "loss holds on to structure. The instant preset or a higher strength takes away more.",
    )


def coarse_noise(value_unit: str, config: Filter2NoiseConfig) -> tuple[str, ...]:
    """Say what the lowest error costs in CT: fine grain goes, coarse grain stays."""
    if config.predictor != "nonlocal" or value_unit != "HU":
        return ()
    return (
        "The noise that the preset best leaves is coarse: in our phantom its power peaks at 0.05 "
        "per mm (before: 0.18; the paper's settings: 0.12). Faint inserts were seen better, not "
        "worse; where patches mislead you, keep some noise (the setting Noise kept), and look at "
        "the residual.",
    )


def no_neighbours(slices: Slices, config: Filter2NoiseConfig) -> tuple[str, ...]:
    """Say where neighbours were asked for and there are none."""
    if not config.neighbours or lends(slices, config):
        return ()
    return (
        f"No slices lent to each other: what was denoised has no neighbours along "
        f"{config.neighbour_axis}. Denoise the whole series, or set neighbours to 0.",
    )
