"""Does the adaptive loss see what was planted, and does it help? On a processor, in half an hour.

    python benchmarks/stain_trust.py [--quick]

Trains the same small generator on the sample pairs (`samples.stain_pairs`) with the adaptive
supervised PatchNCE loss and with the plain supervised one, seed by seed, and prints the area under
the ROC curve of low weights against the planted regions, and the errors on clean held-out tiles.
"""

import argparse
import time

import numpy as np
import torch
from scipy import stats

from napari_lossviz.samples.stain_pairs import SamplePair, stain_pairs
from napari_lossviz.stain import StainCheckpoint, StainConfig, train
from napari_lossviz.stain.crops import to_network
from napari_lossviz.stain.density import hdab_densities
from napari_lossviz.stain.pairs import Side, StainPair
from napari_lossviz.stain.trust import expand, trust_maps

WHITE = np.full(3, 255.0)


def settings(quick: bool, seed: int) -> StainConfig:
    """Return the adaptive training."""
    return StainConfig(
        generator_channels=10, residual_blocks=6, discriminator_channels=10,
        discriminator_layers=3, crop=64, patches=128, patch_features=64,
        epochs=2 if quick else 16, decay_epochs=1 if quick else 8, learning_rate=6e-4,
        schedule="linear", pyramid_levels="1/16, 1/8, 1/4, 1", validation=0.0, seed=seed,
        device="cpu", identity=False,
    )  # fmt: skip


def area_under_curve(scores: np.ndarray, positive: np.ndarray) -> float:
    """Return the probability that a positive scores above a negative."""
    ranks = stats.rankdata(scores)
    count = positive.sum()
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (~positive).sum()))


def judge_weights(checkpoint: StainCheckpoint, pairs: list[SamplePair]) -> float:
    """Return the AUC of low weights (mean over layers, 8-pixel blocks) against planted regions."""
    generator, sampler = checkpoint.generator(), checkpoint.sampler()
    scores, truth = [], []
    for pair in pairs:
        if not pair.inconsistent.any():
            continue
        side = pair.source.shape[0]
        images = [to_network(image[None]) for image in (pair.source, pair.target)]
        trust = trust_maps(generator, sampler, *images, "linear")
        blocks = (side // 8, 8, side // 8, 8)
        weight = np.mean([expand(w, (side, side)) for w in trust.weight.values()], axis=0)
        share = pair.inconsistent.reshape(blocks).mean(axis=(1, 3))
        clear = (share == 0) | (share == 1)
        scores.append(-weight.reshape(blocks).mean(axis=(1, 3))[clear])
        truth.append(share[clear] == 1)
    return area_under_curve(np.concatenate(scores), np.concatenate(truth))


def judge_output(checkpoint: StainCheckpoint, pairs: list[SamplePair]) -> tuple[float, float]:
    """Return mean errors on clean tiles: grey levels, and DAB density of 8-pixel blocks."""
    generator = checkpoint.generator()
    grey, brown = [], []
    for pair in pairs:
        with torch.no_grad():
            output = generator(to_network(pair.source[None]))[0]
        image = ((output + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
        grey.append(np.abs(image.astype(float) - pair.clean_target).mean())
        side = image.shape[0] // 8 * 8
        densities = [
            hdab_densities(one, WHITE).dab[:side, :side].reshape(side // 8, 8, side // 8, 8)
            for one in (image, pair.clean_target)
        ]
        brown.append(np.abs(densities[0].mean((1, 3)) - densities[1].mean((1, 3))).mean())
    return float(np.mean(grey)), float(np.mean(brown))


def main() -> None:
    """Train, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, three epochs")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=32)
    parser.add_argument("--keep", default="", help="folder for the trained checkpoints")
    arguments = parser.parse_args()
    seeds = 1 if arguments.quick else arguments.seeds
    count = 8 if arguments.quick else arguments.pairs
    pairs = stain_pairs(count, 112, inconsistent=0.6)
    clean = stain_pairs(8, 112, held_out=True)
    training = [StainPair(pair.name, Side(pair.source), Side(pair.target)) for pair in pairs]
    print(f"{count} pairs, {sum(pair.inconsistent.any() for pair in pairs)} with planted regions")
    found: dict[str, list[tuple[float, float, float]]] = {"adaptive": [], "plain": []}
    for seed in range(seeds):
        for name, weighting in (("adaptive", "linear"), ("plain", "uniform")):
            started = time.perf_counter()
            config = settings(arguments.quick, seed).replace(weighting=weighting)
            if arguments.keep:
                path = f"{arguments.keep}/{name}_{seed}.safetensors"
                config = config.replace(output=path, target_stain="demonstration only")
            checkpoint = train(training, config)
            figures = (judge_weights(checkpoint, pairs), *judge_output(checkpoint, clean))
            found[name].append(figures)
            print(
                f"seed {seed} {name:8}: AUC {figures[0]:.3f}, held-out error "
                f"{figures[1]:.2f} grey levels, {figures[2]:.4f} DAB density "
                f"({time.perf_counter() - started:.0f} s)",
                flush=True,
            )
    for name, rows in found.items():
        mean = np.mean(rows, axis=0)
        print(f"mean {name}: AUC {mean[0]:.3f}, {mean[1]:.2f} grey levels, {mean[2]:.4f} DAB")


if __name__ == "__main__":
    main()
