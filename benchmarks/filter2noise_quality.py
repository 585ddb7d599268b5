"""Filter2Noise: quality of the presets and of other denoisers, image by image.

    python benchmarks/filter2noise_quality.py FILE.json [--methods instant best …] [--report]

Two sets of images (`images.held_out`, and apart from them `images.chosen_on`, by which the
constants of `best()` were chosen). PSNR and SSIM in the window of each image. Our presets see the
noisy image alone. The others are helped by the truth: total variation, non-local means and BM3D
(package `bm3d`, extra `benchmark`) get the strength that is best for each image, from the full
range of values or from the window, whichever serves them better, and BM3D is told the power
spectrum of the very noise. ZS-N2N (arXiv 2303.11253) is trained on each image as published.

Oracles bound the family: the filter of `best()` with its guide, the three sigmas constant and
tuned on the truth, and as maps of 8 x 8 pixels fitted to it by gradients.

Results are kept in the file and not computed again: a long run can be stopped and resumed.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from images import Case, chosen_on, held_out
from numpy.typing import NDArray
from scipy import ndimage
from skimage import restoration
from zs_n2n import zero_shot_noise2noise

from napari_lossviz.filter2noise import Filter2NoiseConfig, adaptive_bilateral_filter, denoise
from napari_lossviz.filter2noise.bilateral import bilateral_filter
from napari_lossviz.metrics import image_quality

Array = NDArray[np.float32]

PRESETS = {
    "paper": Filter2NoiseConfig.paper(),
    "trained": Filter2NoiseConfig(),
    "instant": Filter2NoiseConfig.instant(),
    "best": Filter2NoiseConfig.best(),
}


def preset(case: Case, name: str) -> Array:
    """Denoise with one of our presets; CT is said to be CT, so that its window is found."""
    config = PRESETS[name]
    if case.window[0] < 0 and config.intensity_range == "content":
        config = config.replace(intensity_range=case.window)
    return np.asarray(denoise(case.noisy, config).denoised)


def best_of(case: Case, candidates: Iterator[Array]) -> Array:
    """Return the candidate that is nearest to the truth."""
    return max(candidates, key=case.psnr)


def sources(case: Case) -> tuple[Array, ...]:
    """Return the image as it is and clipped to its window: the peers may take either."""
    return (case.noisy, np.clip(case.noisy, *case.window))


def total_variation(case: Case) -> Array:
    """Chambolle's total variation, tuned on the truth."""
    span, sigma = case.window[1] - case.window[0], float((case.noisy - case.clean).std())

    def trials() -> Iterator[Array]:
        for source in sources(case):
            for factor in (0.2, 0.3, 0.5, 0.8, 1.2, 1.8, 2.5, 4.0):
                weight = factor * sigma / span
                yield span * restoration.denoise_tv_chambolle(source / span, weight=weight)

    return best_of(case, trials())


def non_local_means(case: Case) -> Array:
    """Non-local means with two sizes of patch and window, tuned on the truth."""
    sigma = float((case.noisy - case.clean).std())

    def trials() -> Iterator[Array]:
        for source in sources(case):
            for size, distance in ((5, 6), (7, 9)):
                options = {"patch_size": size, "patch_distance": distance, "fast_mode": True}
                for factor in (0.3, 0.45, 0.6, 0.8, 1.0, 1.3):
                    h = factor * sigma
                    yield restoration.denoise_nl_means(source, h=h, **options)
                    yield restoration.denoise_nl_means(source, h=h, sigma=0.7 * sigma, **options)

    return best_of(case, trials())


def bm3d_of(case: Case, source: Array, factor: float) -> Array:
    """BM3D of an image, told the power spectrum of the very noise, its strength times a factor."""
    if not hasattr(np, "trapz"):
        np.trapz = np.trapezoid  # noqa: NPY201 (bm4d 4.2 calls it by the name that NumPy 2.4 dropped)
    from bm3d import bm3d as denoiser

    noise = (case.noisy - case.clean).astype(np.float64)
    spectrum = ndimage.gaussian_filter(np.abs(np.fft.fft2(noise)) ** 2, 2, mode="wrap")
    return np.asarray(denoiser(source.astype(np.float64), spectrum * factor**2), np.float32)


def bm3d(case: Case) -> Array:
    """BM3D, its strength tuned on the truth."""

    def trials() -> Iterator[Array]:
        for source in sources(case)[: 2 if case.window[0] < 0 else 1]:
            for factor in (0.9, 1.2, 1.5):
                yield bm3d_of(case, source, factor)

    return best_of(case, trials())


def constants_oracle(case: Case) -> Array:
    """Filter as `best()` does, with the constants that are best for the truth."""
    result = denoise(case.noisy, PRESETS["best"])
    noise, guide = result.metrics["noise_of_spectrum"], result.guide[0]

    def trials() -> Iterator[Array]:
        for spatial in (1.5, 3.0, 6.0, 10.0):
            for h in (0.15, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4):
                sigma = np.full((3, *case.noisy.shape), spatial, np.float32)
                sigma[2] = h * noise
                yield bilateral_filter(case.noisy[None], sigma, radius=8, guide=guide)[0]

    return best_of(case, trials())


def maps_oracle(case: Case, patch: int = 8, steps: int = 80) -> Array:
    """Filter as `best()` does, with maps of 8 x 8 pixels fitted to the truth in its window."""
    result = denoise(case.noisy, PRESETS["best"])
    height, width = case.noisy.shape
    low, high = case.window
    shape = (1, 3, -(-height // patch), -(-width // patch))
    start = torch.tensor(result.sigma_maps[0, :, 0, 0]).log().reshape(1, 3, 1, 1)
    offsets = torch.zeros(shape, requires_grad=True)
    values, truth = (torch.from_numpy(a)[None, None] for a in (case.noisy, case.clean))
    guide = torch.from_numpy(result.guide[0])[None]
    optimiser = torch.optim.Adam([offsets], lr=0.1)
    best: tuple[float, Array] = (-np.inf, case.noisy)
    for _ in range(steps):
        full = (start + offsets).exp().repeat_interleave(patch, 2).repeat_interleave(patch, 3)
        sigma = full[..., :height, :width].contiguous()
        filtered = adaptive_bilateral_filter(values, sigma, window=17, guide=guide)
        error = (filtered.clamp(low, high) - truth.clamp(low, high)).square().mean()
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        output = filtered.detach()[0, 0].numpy()
        best = max(best, (case.psnr(output), output.copy()), key=lambda b: b[0])
    return best[1]


METHODS: dict[str, Callable[[Case], Array]] = {
    "noisy": lambda case: case.noisy,
    "instant": lambda case: preset(case, "instant"),
    "best": lambda case: preset(case, "best"),
    "total variation": total_variation,
    "non-local means": non_local_means,
    "trained": lambda case: preset(case, "trained"),
    "BM3D": bm3d,
    "oracle constants": constants_oracle,
    "oracle maps": maps_oracle,
    "paper": lambda case: preset(case, "paper"),
    "ZS-N2N": lambda case: zero_shot_noise2noise(case.noisy, case.window),
}

SETS = {"held out": held_out, "chosen on": chosen_on}


def measure(case: Case, method: str) -> dict[str, float]:
    """Return PSNR, SSIM and the processor's seconds."""
    start = time.process_time()
    output = METHODS[method](case)
    seconds = time.process_time() - start
    low, high = case.window
    figures = image_quality(np.clip(output, low, high), np.clip(case.clean, low, high), (low, high))
    return {"psnr": case.psnr(output), "ssim": figures.ssim, "processor_seconds": seconds}


def report(found: dict[str, dict[str, dict[str, dict[str, float]]]], figure: str) -> None:
    """Print a Markdown table for each set of images, and the mean over its images."""
    for name, images in found.items():
        methods = [m for m in METHODS if any(m in row for row in images.values())]
        print(f"\n| {name}: {figure} | " + " | ".join(methods) + " |")
        print("|---" * (len(methods) + 1) + "|")
        digits = 3 if figure == "ssim" else 2
        for image, row in images.items():
            cells = [f"{row[m][figure]:.{digits}f}" if m in row else "" for m in methods]
            print(f"| {image} | " + " | ".join(cells) + " |")
        complete = [m for m in methods if all(m in row for row in images.values())]
        means = {m: float(np.mean([row[m][figure] for row in images.values()])) for m in complete}
        cells = [f"{means[m]:.{digits}f}" if m in means else "" for m in methods]
        print("| mean | " + " | ".join(cells) + " |")


def main() -> None:
    """Measure what is not in the file yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--report", action="store_true", help="only print what is in the file")
    options = parser.parse_args()
    found = json.loads(options.file.read_text()) if options.file.exists() else {}
    if not options.report:
        sets = {name: list(SETS[name]()) for name in options.sets}
        for method in options.methods:
            for name, cases in sets.items():
                for case in cases:
                    row = found.setdefault(name, {}).setdefault(case.name, {})
                    if method not in row:
                        row[method] = measure(case, method)
                        print(f"{method:18s} {case.name:30s} {row[method]['psnr']:.2f}", flush=True)
                        options.file.write_text(json.dumps(found, indent=1))
    for figure in ("psnr", "ssim", "processor_seconds"):
        report(found, figure)


if __name__ == "__main__":
    main()
