"""Denoised CT as a physicist judges it: repeated scans of the phantom with and without inserts.

    python benchmarks/ct_physics.py [--realisations 30] [--paper-realisations 15] [--only best …]

Every scan is simulated twice from the same random numbers: with the low-contrast inserts in the
anatomy and without them. So the mean of the differences is what a filter leaves of an insert, at
the contrast and the noise that it has (Yu et al. 2015: ensembles for filters that are not linear),
and a scan less the mean of all scans is noise alone, whatever the anatomy.

- d' of the non-prewhitening observer with eye filter (AAPM TG-233), measured, not computed from
  transfer function and noise power: the template is the insert as the filter leaves it on average
  in the other scans, twice through the eye filter; d' is the mean of its response to scans with the
  insert less that to scans without, over their standard deviation.
- Noise power spectrum of 24 x 24 pixels around the inserts, less the mean of the scans.
- TTF50 of an insert's mean: where its transfer function falls to one half; nan where it never does.
- Contrast kept: the insert's mean in the inner 0.7 of its radius, over that without noise.
- Bias: mean difference from the scan without noise, by tissue of that scan (HU classes), edges
  included.

The total variation, non-local means and Gaussian of scikit-image and SciPy, and BM3D (package
`bm3d`, extra `benchmark`; minutes), get the strength that is best in PSNR for the first scan, which
nobody can know without its truth.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from filter2noise_quality import bm3d_of
from images import KERNELS, Case
from numpy.typing import NDArray
from peers import PEERS
from scipy import fft, optimize

from napari_lossviz.core import Image, InputError
from napari_lossviz.filter2noise import Filter2NoiseConfig, denoise
from napari_lossviz.filter2noise.intensity import SOFT_TISSUE
from napari_lossviz.metrics import image_quality, noise_power_spectrum, task_transfer_function
from napari_lossviz.metrics.ct_regions import HU_CLASSES, hu_classes
from napari_lossviz.metrics.detectability import eye_filter
from napari_lossviz.samples.acquisition import Scanner, project, reconstruct
from napari_lossviz.samples.inserts import Insert, inserts
from napari_lossviz.samples.make import GEOMETRY, LOW_DOSE_PHOTONS, SCANNER
from napari_lossviz.samples.phantom import phantom_slice
from napari_lossviz.samples.shapes import Grid

Stack = NDArray[np.float32]
Filter = Callable[[Stack], Stack]

SLICES = (2, 3, 4)
"""In which all inserts are."""
WINDOW, NOISE_SIDE = 32, 24
CALM = 1.6
"""Radii of an insert within which its surroundings are uniform."""
STRENGTHS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.2)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)
RESIDUAL_SIGMAS = (1.5, 2.0, 2.5, 3.0, 4.0, None)
BM3D_STRENGTHS = (0.9, 1.2, 1.5)
SPACING = (GEOMETRY.spacing, GEOMETRY.spacing)


@dataclass(frozen=True, eq=False)
class Scans:
    """Repeated scans: (R, N, H, W) with and without inserts, and (N, H, W) free of noise."""

    present: Stack
    absent: Stack
    clean_present: Stack
    clean_absent: Stack

    def without(self, context: int) -> "Scans":
        """Return the scans less `context` slices at both ends."""
        stacks = self.present, self.absent, self.clean_present, self.clean_absent
        return Scans(*(inner(stack, context) for stack in stacks))


def inner(stack: Stack, context: int) -> Stack:
    """Return (…, N, H, W) slices less those at both ends."""
    return stack[..., context : stack.shape[-3] - context, :, :]


def simulate(
    realisations: int,
    photons: float,
    measured: tuple[int, ...] = SLICES,
    context: int = 0,
    seed: int = 0,
    *,
    thin: bool = False,
    scanner: Scanner = SCANNER,
) -> Scans:
    """Simulate the scans; the n-th of both kinds has the same random numbers.

    `context` slices before and after those that are measured are simulated too; `thin`: these hold
    no inserts.
    """
    size = GEOMETRY.size
    numbers = range(measured[0] - context, measured[-1] + context + 1)
    shape = (realisations, len(numbers), size, size)
    noisy = {True: np.empty(shape, np.float32), False: np.empty(shape, np.float32)}
    clean = {True: np.empty(shape[1:], np.float32), False: np.empty(shape[1:], np.float32)}
    for n, index in enumerate(numbers):
        fine = phantom_slice(index, GEOMETRY, oversampling=SCANNER.oversampling)
        for with_inserts in (True, False):
            kept = with_inserts and not (thin and index not in measured)
            drawn = fine if kept else without_inserts(fine, index)
            transmitted = project(drawn, GEOMETRY.spacing, scanner)
            clean[with_inserts][n] = reconstruct(
                transmitted * photons, photons, GEOMETRY.spacing, scanner
            )
            for r in range(realisations):
                generator = np.random.default_rng([seed, index, r])
                counts = detected(transmitted * photons, generator)
                noisy[with_inserts][r, n] = reconstruct(counts, photons, GEOMETRY.spacing, scanner)
    return Scans(noisy[True], noisy[False], clean[True], clean[False])


def detected(expected: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    """Return noisy counts, the same noise for the same generator whatever is expected.

    Normal in place of Poisson, which uses up random numbers as it goes: hundreds of photons do not
    tell the two apart.
    """
    quantum, electronic = generator.standard_normal((2, *expected.shape))
    return expected + np.sqrt(expected) * quantum + SCANNER.electronic_noise * electronic


def without_inserts(fine: NDArray[np.float32], index: int) -> NDArray[np.float32]:
    """Return a slice of the phantom without what the inserts add."""
    grid = Grid(len(fine), GEOMETRY.spacing / SCANNER.oversampling)
    plain = fine.copy()
    for insert in inserts(GEOMETRY.size, GEOMETRY.spacing):
        if insert.slices[0] <= index < insert.slices[1]:
            radii = (insert.radius_mm, insert.radius_mm)
            plain[grid.ellipse(insert.centre_mm, radii) < 1] -= insert.contrast
    return plain


def presets() -> Iterator[tuple[str, Filter]]:
    """Yield every preset that the configuration has, the default as "default"."""
    names = [
        name for name, kind in vars(Filter2NoiseConfig).items() if isinstance(kind, classmethod)
    ]
    configs = {name: getattr(Filter2NoiseConfig, name)() for name in names}
    for name, config in {"default": Filter2NoiseConfig(), **configs}.items():
        yield name, lambda stack, config=config: denoised(stack, config)


def lending(preset: str, context: int) -> Iterator[tuple[str, Filter]]:
    """Yield a preset with as many neighbours as there are."""
    kept = getattr(Filter2NoiseConfig, preset)()
    for count in range(1, context + 1):
        config = kept.replace(neighbours=count)
        yield (
            f"{preset}, {count} neighbour{'s' if count > 1 else ''}",
            lambda stack, config=config: denoised(stack, config),
        )


def strengths(preset: str) -> Iterator[tuple[str, Filter]]:
    """Yield a preset with other strengths than its own: what more noise left in would bring."""
    kept = Filter2NoiseConfig() if preset == "default" else getattr(Filter2NoiseConfig, preset)()
    for strength in STRENGTHS:
        config = kept.replace(strength=strength)
        yield f"{preset} × {strength:g}", lambda stack, config=config: denoised(stack, config)


def residuals() -> Iterator[tuple[str, Filter]]:
    """Yield the preset best with its residual averaged over other widths, or not given back."""
    for sigma in RESIDUAL_SIGMAS:
        config = Filter2NoiseConfig.best().replace(sigma_residual=sigma)
        name = "none" if sigma is None else f"{sigma:g} px"
        yield f"best, {name}", lambda stack, config=config: denoised(stack, config)


def mixtures(preset: str) -> Iterator[tuple[str, Filter]]:
    """Yield a preset with a share of the noisy scan mixed back in."""
    kept = Filter2NoiseConfig() if preset == "default" else getattr(Filter2NoiseConfig, preset)()
    for share in SHARES:
        yield (
            f"{preset}, {share:g} noisy",
            lambda stack, share=share: (1 - share) * denoised(stack, kept) + share * stack,
        )


def denoised(stack: Stack, config: Filter2NoiseConfig) -> Stack:
    """Run the method on a volume in HU."""
    image = Image(stack, "zyx", (3.0, *SPACING), ("mm",) * 3, value_unit="HU")
    return np.asarray(denoise(image, config).denoised, np.float32)


def peers(noisy: Stack, clean: Stack) -> Iterator[tuple[str, Filter]]:
    """Yield the classical filters, each tuned on the clean image."""
    for name, (function, bounds) in PEERS.items():
        found = optimize.minimize_scalar(
            lambda strength, f=function: (
                -image_quality(f(noisy, strength), clean, SOFT_TISSUE).psnr
            ),
            bounds=bounds,
            method="bounded",
            options={"xatol": (bounds[1] - bounds[0]) / 100},
        )
        yield name, lambda stack, f=function, strength=found.x: f(stack, strength)


def bm3d_peer(noisy: Stack, clean: Stack) -> tuple[str, Filter]:
    """Return BM3D, told the spectrum of the first scan's noise, its strength tuned on the truth."""
    case = Case("", clean[0], noisy[0], SOFT_TISSUE)

    def filtered(stack: Stack, factor: float) -> Stack:
        return np.stack([bm3d_of(case, one, factor) for one in stack])

    def psnr(factor: float) -> float:
        return image_quality(filtered(noisy[:1], factor), clean[:1], SOFT_TISSUE).psnr

    strength = max(BM3D_STRENGTHS, key=psnr)
    return "BM3D", lambda stack: filtered(stack, strength)


def window_of(insert: Insert, side: int) -> tuple[slice, slice]:
    """Return the rows and columns of a square around an insert."""
    top, left = (round(at) - side // 2 for at in insert.centre)
    return slice(top, top + side), slice(left, left + side)


def responses(present: Stack, absent: Stack, near: NDArray) -> tuple[NDArray, NDArray]:
    """Return the observer's (R, N) responses with and without an insert in (R, N, S, S) squares.

    The template of a scan comes from the other scans: its own noise must not answer itself. Only
    what is `near` the insert counts for it: a filter that sets its strength by the whole image
    changes edges far away a little, too.
    """
    count, side = len(present), present.shape[-1]
    difference = (present - absent).astype(np.float64)
    total = difference.sum(axis=0)
    f = np.hypot(*np.meshgrid(*2 * [fft.fftfreq(2 * side, GEOMETRY.spacing)], indexing="ij"))
    eye = eye_filter(f) ** 2
    found = np.empty((2, count, present.shape[1]))
    for r in range(count):
        signal = ((total - difference[r]) / (count - 1)).mean(axis=0) * near
        # room around it: the filter must not reach over the borders to the other side
        padded = np.zeros((2 * side, 2 * side))
        padded[:side, :side] = signal
        template = fft.ifft2(fft.fft2(padded) * eye).real[:side, :side]
        found[0, r] = (present[r] * template).sum(axis=(-1, -2))
        found[1, r] = (absent[r] * template).sum(axis=(-1, -2))
    return found[0], found[1]


def d_prime(present: NDArray, absent: NDArray) -> float:
    """Return mean difference over standard deviation; slices differ in their anatomy alone."""
    variance = (present.var(axis=0, ddof=1).mean() + absent.var(axis=0, ddof=1).mean()) / 2
    return float((present - absent).mean() / np.sqrt(variance))


def jackknife(values: Callable[[NDArray], float], count: int) -> float:
    """Return the standard error of a figure by leaving out one scan after the other."""
    found = np.array([values(np.delete(np.arange(count), r)) for r in range(count)])
    return float(np.sqrt((count - 1) / count * ((found - found.mean()) ** 2).sum()))


def measure(scans: Scans, present: Stack, absent: Stack, noisy: dict | None) -> dict:
    """Return all figures of one filter; `noisy` are those of no filter, for paired ratios."""
    count = len(present)
    noise = (absent - absent.mean(axis=0)) * np.sqrt(count / (count - 1))
    squares = []
    rows = []
    for number, insert in enumerate(inserts(GEOMETRY.size, GEOMETRY.spacing)):
        there, room = window_of(insert, WINDOW), window_of(insert, NOISE_SIDE)
        squares.append(noise[(..., *room)].reshape(-1, NOISE_SIDE, NOISE_SIDE))
        y, x = np.indices(present.shape[-2:])
        away = np.hypot(y - insert.centre[0], x - insert.centre[1])
        near = away <= CALM * insert.radius
        pair = responses(present[(..., *there)], absent[(..., *there)], near[there])
        row = {
            "name": f"{insert.organ}, {insert.contrast:+.0f} HU, {2 * insert.radius_mm:.1f} mm",
            "responses": pair,
            "d": d_prime(*pair),
            "d_error": jackknife(lambda left, p=pair: d_prime(p[0][left], p[1][left]), count),
        }
        if noisy is not None:
            other = [one[:count] for one in noisy["inserts"][number]["responses"]]

            def ratio(left: NDArray, p: tuple = pair, o: list = other) -> float:
                return d_prime(p[0][left], p[1][left]) / d_prime(o[0][left], o[1][left])

            row["ratio"] = ratio(np.arange(count))
            row["ratio_error"] = jackknife(ratio, count)
        mean = (present - absent).mean(axis=(0, 1))
        truth = (scans.clean_present - scans.clean_absent).mean(axis=0)
        inner = away <= 0.7 * insert.radius
        row["kept"] = float(mean[inner].mean() / truth[inner].mean())
        deviation = float(np.sqrt(noise[..., near].var()))
        row["cnr"] = float(abs(mean[inner].mean()) / deviation)
        try:
            transfer = task_transfer_function(mean, insert.centre, insert.radius_mm, SPACING)
            row["ttf50"] = transfer.frequency_at(0.5)
        except InputError:
            row["ttf50"] = float("nan")
        rows.append(row)
    power = noise_power_spectrum(np.concatenate(squares), SPACING, degree=0)
    deviation = (absent - scans.clean_absent).astype(np.float64)
    bias = {}
    for name in HU_CLASSES:
        masks = np.zeros(scans.clean_absent.shape, bool)
        for n, clean in enumerate(scans.clean_absent):
            for area in hu_classes(clean, n, seen(clean.shape), smoothing=0, edge=0):
                if area.name == name:
                    masks[n] = area.mask
        found = np.array([one[masks].mean() for one in deviation])
        bias[name] = (float(found.mean()), float(found.std(ddof=1) / np.sqrt(count)))
    return {
        "scans": count,
        "noise": float(np.sqrt(power.variance)),
        "peak": power.peak_frequency,
        "mean": power.mean_frequency,
        "radial": (power.radial_frequency.tolist(), power.radial_power.tolist()),
        "bias": bias,
        "inserts": rows,
    }


def seen(shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the circle that the scan sees: beyond it the air is exact."""
    y, x = np.indices(shape)
    return np.asarray(np.hypot(y - shape[0] // 2, x - shape[1] // 2) < 0.48 * shape[0])


def tables(found: dict[str, dict]) -> str:
    """Return all figures as Markdown."""
    lines = [
        "| | scans | noise, HU | NPS peak, 1/mm | NPS mean, 1/mm | TTF50, 1/mm | contrast kept "
    ]
    lines[0] += "| d' over noisy, mean and least |"
    lines.append("|---" * 8 + "|")
    for name, one in found.items():
        ratios = [row.get("ratio", 1.0) for row in one["inserts"]]
        means = [np.nanmean([row[key] for row in one["inserts"]]) for key in ("ttf50", "kept")]
        lines.append(
            f"| {name} | {one['scans']} | {one['noise']:.1f} | {one['peak']:.3f} "
            f"| {one['mean']:.3f} | {means[0]:.3f} | {means[1]:.2f} "
            f"| {np.mean(ratios):.2f}, {min(ratios):.2f} |"
        )
    places = [row["name"] for row in found["noisy"]["inserts"]]

    def by_insert(title: str, cell: Callable[[dict], str]) -> None:
        lines.extend(["", f"{title}:", "", f"| | {' | '.join(places)} |"])
        lines.append("|---" * (len(places) + 1) + "|")
        for name, one in found.items():
            lines.append(f"| {name} | {' | '.join(cell(row) for row in one['inserts'])} |")

    by_insert("d' ± standard error", lambda row: f"{row['d']:.2f} ± {row['d_error']:.2f}")
    by_insert(
        "d' over that of the noisy scans ± standard error of the pairs",
        lambda row: f"{row['ratio']:.2f} ± {row['ratio_error']:.2f}" if "ratio" in row else "1",
    )
    by_insert("Contrast kept", lambda row: f"{row['kept']:.2f}")
    by_insert("CNR", lambda row: f"{row['cnr']:.2f}")
    by_insert("TTF50, 1/mm", lambda row: f"{row['ttf50']:.3f}")
    lines += ["", "Bias, HU:", "", f"| | {' | '.join(HU_CLASSES)} |"]
    lines.append("|---" * (len(HU_CLASSES) + 1) + "|")
    for name, one in found.items():
        cells = [f"{value:+.2f} ± {error:.2f}" for value, error in one["bias"].values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Simulate, filter, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--realisations", type=int, default=30)
    parser.add_argument("--paper-realisations", type=int, default=15, help="500 steps each")
    parser.add_argument("--photons", type=float, default=LOW_DOSE_PHOTONS)
    parser.add_argument("--only", nargs="*", help="presets and peers; default: all")
    parser.add_argument("--curve", nargs="*", default=[], help="presets with weaker strengths too")
    parser.add_argument(
        "--residual", action="store_true", help="best with other values of sigma_residual too"
    )
    parser.add_argument("--kernel", choices=KERNELS, default=SCANNER.kernel)
    parser.add_argument("--seed", type=int, default=0, help="of the scans' noise")
    parser.add_argument("--mix", nargs="*", default=[], help="presets with noise mixed back in")
    parser.add_argument(
        "--neighbours",
        type=int,
        default=0,
        help="instant and best also with up to so many slices before and after that lend; all "
        "filters then see stacks that are longer by these",
    )
    parser.add_argument(
        "--thin",
        action="store_true",
        help="only the middle slice is measured, and the others hold no inserts: what lending "
        "costs a lesion that is in one slice alone",
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    context = options.neighbours
    slices = SLICES[1:2] if options.thin else SLICES
    scans = simulate(
        options.realisations,
        options.photons,
        slices,
        context,
        options.seed,
        thin=options.thin,
        scanner=replace(SCANNER, kernel=options.kernel),
    )
    measured = scans.without(context)
    print(f"{options.realisations} scans, {len(slices)} slices of each measured", flush=True)
    found = {"noisy": measure(measured, measured.present, measured.absent, None)}
    filters = dict(peers(scans.present[0], scans.clean_present))
    filters |= dict([bm3d_peer(scans.present[0], scans.clean_present)]) | dict(presets())
    if options.only is not None:
        filters = {name: one for name, one in filters.items() if name in options.only}
    for preset in options.curve:
        filters |= dict(strengths(preset))
    for preset in options.mix:
        filters |= dict(mixtures(preset))
    if options.residual:
        filters |= dict(residuals())
    if context:
        filters |= dict(lending("instant", context)) | dict(lending("best", context))
    for name, function in filters.items():
        count = options.paper_realisations if name == "paper" else options.realisations
        start = time.process_time()
        present, absent = (
            np.stack([inner(function(one), context) for one in stack[:count]])
            for stack in (scans.present, scans.absent)
        )
        seconds = (time.process_time() - start) / 2 / count
        print(f"{name}: {seconds:.1f} processor seconds a scan", flush=True)
        found[name] = measure(measured, present, absent, found["noisy"])
        if options.json:
            options.json.write_text(json.dumps(found, indent=1, default=_plain))
    print(tables(found))


def _plain(value: object) -> object:
    assert isinstance(value, np.ndarray)
    return value.tolist()


if __name__ == "__main__":
    main()
