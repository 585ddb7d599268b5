"""What is measured of a virtual stain, and of a real one beside it; Qt-free."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from skimage.draw import polygon2mask

from napari_lossviz.core import InputError, Reporter, Step, silent
from napari_lossviz.metrics.image_quality import ImageQuality, image_quality
from napari_lossviz.stain.agreement import TileAgreement, tile_agreement, tile_means
from napari_lossviz.stain.density import CUT_OFFS, Densities, dab_figures, hdab_densities
from napari_lossviz.stain.nuclei import Nuclei, detect_nuclei
from napari_lossviz.stain.tissue import estimate_white, tissue_mask

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

PIXELS, KI67, HORMONE, HER2 = "DAB, pixels only", "Ki67", "ER / PR", "HER2"
MARKERS = (PIXELS, KI67, HORMONE, HER2)
VIRTUAL, REAL = "virtual", "real"
_STRIP, _MARGIN = 512, 16
"""Rows that are compared at once, and those beside them that a filter sees."""
_BYTES = {False: 60, True: 130}
"""Memory of a pixel of two images, measured, without and with nuclei."""


@dataclass(frozen=True, eq=False)
class Question:
    """What shall be judged.

    Attributes
    ----------
    virtual : (H, W, 3) uint8
        This and the next may be lazy.
    real : (H, W, 3) uint8, optional
        In register with it.
    marker : str
        One of `MARKERS`.
    microns_per_pixel : float
        0 where unknown; nuclei need it.
    cut_offs : (float, float, float)
        Ascending densities of DAB.
    tile : int
        Side in pixels of the tiles over which both are compared.
    outlines : sequence of (N, 2) points (y, x)
        Polygons in pixels within which to look; default everywhere.
    """

    virtual: Any
    real: Any = None
    marker: str = PIXELS
    microns_per_pixel: float = 0.0
    cut_offs: tuple[float, float, float] = CUT_OFFS
    tile: int = 64
    outlines: Sequence[Any] = ()


@dataclass(frozen=True, eq=False)
class Judgement:
    """The answer.

    Attributes
    ----------
    figures : dict of str to dict of str to float
        By image ("virtual", "real") and by figure.
    dab : dict of str to (H, W) float32
        Optical density, log10, by image.
    nuclei : dict of str to Nuclei
        By image; empty without a marker of nuclei.
    agreement : TileAgreement, optional
        Of the mean DAB density of tiles.
    quality : ImageQuality, optional
        Of the virtual image against the real one.
    remark : str
        Why there is no agreement, though there is a real image.
    """

    figures: dict[str, dict[str, float]]
    dab: dict[str, NDArray[np.float32]] = field(repr=False)
    nuclei: dict[str, Nuclei] = field(repr=False)
    agreement: TileAgreement | None = None
    quality: ImageQuality | None = None
    remark: str = ""


TIPS: Mapping[str, str] = {
    "DAB density": "Mean optical density of DAB over the tissue, log10",
    "Positive area, %": "Share of the tissue's pixels at or above the weak cut-off; not of cells",
    "Pixel H-score": "0 to 300: percent weak + 2 percent moderate + 3 percent strong pixels",
    "Tissue, Mpx": "Pixels of tissue",
    "Nuclei": "Found by a simple detector: it merges crowded nuclei and misses pale ones",
    "Ki67 index, %": "Share of the nuclei at or above the weak cut-off",
    "Nuclear H-score": "0 to 300 over nuclei: percent weak + 2 moderate + 3 strong",
    "Membrane positive, %": "Share of the cells whose ring is brown for the most part",
}


def judge(question: Question, reporter: Reporter | None = None) -> Judgement:
    """Measure.

    Raises
    ------
    InputError
        If the shapes differ, nothing is tissue, nuclei are asked for without a pixel size, or the
        memory does not suffice.
    Cancelled
        If the reporter says so.
    """
    reporter = silent if reporter is None else reporter
    images = {VIRTUAL: np.asarray(question.virtual)}
    shape = images[VIRTUAL].shape[:2]
    if question.real is not None:
        if question.real.shape != question.virtual.shape:
            raise InputError(
                f"the real image is {_size(question.real)}, the virtual one "
                f"{_size(question.virtual)} pixels: register it to the H&E image first (Train ▸ "
                "Register first)"
            )
        images[REAL] = np.asarray(question.real)
    if question.marker != PIXELS and not question.microns_per_pixel:
        raise InputError(
            f"{question.marker}: nuclei are looked for by their size in microns, and the pixel "
            "size is unknown: set it on the layer (scale and units), or judge pixels only"
        )
    _refuse_without_memory(shape[0] * shape[1], question.marker != PIXELS)
    total = 1 + 2 * len(images)
    # One white for both, that of the real slide where there is one: the virtual one imitates it.
    white = estimate_white(images.get(REAL, images[VIRTUAL]))
    region = np.full(shape, not len(question.outlines))
    for outline in question.outlines:
        region |= polygon2mask(shape, np.asarray(outline))  # type: ignore[no-untyped-call]
        reporter(Step(0, total, message="region"))
    figures: dict[str, dict[str, float]] = {}
    densities: dict[str, Densities] = {}
    masks: dict[str, Mask] = {}
    nuclei: dict[str, Nuclei] = {}
    for done, (name, pixels) in enumerate(images.items()):
        reporter(Step(2 * done, total, message=f"{name}: densities"))
        densities[name] = hdab_densities(pixels, white)
        masks[name] = tissue_mask(pixels, white) & region
        if not masks[name].any():
            raise InputError(f"the {name} image shows no tissue there: choose another region")
        found = dab_figures(densities[name].dab, masks[name], question.cut_offs)
        figures[name] = {
            "DAB density": found.mean_density,
            "Positive area, %": found.percent_positive_area,
            "Pixel H-score": found.pixel_h_score,
            "Tissue, Mpx": found.pixels / 1e6,
        }
        reporter(Step(2 * done + 1, total, message=f"{name}: nuclei"))
        if question.marker != PIXELS:
            nuclei[name] = _nuclei(densities[name], question, region)
            figures[name] |= _of_nuclei(nuclei[name], question.marker)
    agreement, quality, remark = None, None, ""
    if question.real is not None:
        reporter(Step(total - 1, total, message="agreement"))
        both = masks[VIRTUAL] | masks[REAL]
        means = [tile_means(densities[name].dab, both, question.tile) for name in (REAL, VIRTUAL)]
        try:
            agreement = tile_agreement(*means)
        except InputError as error:
            remark = str(error)
        quality = _quality(images[VIRTUAL], images[REAL], both)
    reporter(Step(total, total))
    dab = {name: one.dab for name, one in densities.items()}
    return Judgement(figures, dab, nuclei, agreement, quality, remark)


def _refuse_without_memory(pixels: int, nuclei: bool) -> None:
    """Refuse what would take the window's process along when the memory runs out.

    Raises
    ------
    InputError
    """
    needed, free = pixels * _BYTES[nuclei], psutil.virtual_memory().available
    if needed > free:
        raise InputError(
            f"judging {pixels / 1e6:.0f} megapixels takes about {needed / 1e9:.1f} GB of memory, "
            f"and {free / 1e9:.1f} GB are free: choose a smaller image"
            + (", or judge pixels only" if nuclei else "")
        )


def as_csv(judgement: Judgement) -> str:
    """Return figures, agreement and tiles as CSV: figure, tile, virtual, real."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["figure", "tile", VIRTUAL, REAL])
    for name in judgement.figures[VIRTUAL]:
        values = [judgement.figures.get(image, {}).get(name) for image in (VIRTUAL, REAL)]
        writer.writerow([name, "", *(_number(value) for value in values)])
    agreement, quality = judgement.agreement, judgement.quality
    if agreement is not None:
        for name, value in (
            ("bias of tiles", agreement.bias),
            ("lower limit of agreement", agreement.limits[0]),
            ("upper limit of agreement", agreement.limits[1]),
            ("correlation of tiles", agreement.correlation),
            ("correlation, low end of 95 %", agreement.interval[0]),
            ("correlation, high end of 95 %", agreement.interval[1]),
        ):
            writer.writerow([name, "", _number(value), ""])
    if quality is not None:
        writer.writerow(["SSIM", "", _number(quality.ssim), ""])
        writer.writerow(["PSNR, dB", "", _number(quality.psnr), ""])
    if agreement is not None:
        tiles = zip(agreement.virtual, agreement.real, strict=True)
        for n, (virtual, real) in enumerate(tiles, start=1):
            writer.writerow(["DAB density", n, _number(virtual), _number(real)])
    return text.getvalue()


def agreement_in_words(judgement: Judgement) -> str:
    """Return how a virtual and a real image agree, tiles first."""
    if judgement.agreement is None:
        return judgement.remark
    found = judgement.agreement
    low, high = found.interval
    text = (
        f"{len(found.real)} tiles: bias {found.bias:+.3f}, limits of agreement "
        f"{found.limits[0]:+.3f} to {found.limits[1]:+.3f}; correlation {found.correlation:.2f} "
        f"(95 %: {low:.2f} to {high:.2f}, taking tiles for independent)."
    )
    if judgement.quality is not None:
        text += f" SSIM {judgement.quality.ssim:.3f}, PSNR {judgement.quality.psnr:.1f} dB."
    return text


def _nuclei(densities: Densities, question: Question, region: Mask) -> Nuclei:
    return detect_nuclei(
        densities,
        question.microns_per_pixel,
        question.cut_offs,
        membrane_stain=question.marker == HER2,
        region=region if len(question.outlines) else None,
    )


def _of_nuclei(nuclei: Nuclei, marker: str) -> dict[str, float]:
    figures = {"Nuclei": float(nuclei.count)}
    if marker == KI67:
        figures["Ki67 index, %"] = nuclei.percent_positive
    elif marker == HORMONE:
        figures["Nuclear H-score"] = nuclei.nuclear_h_score
    elif marker == HER2:
        figures["Membrane positive, %"] = nuclei.percent_membrane_positive
    return figures


def _quality(virtual: Pixels, real: Pixels, region: Mask) -> ImageQuality:
    """Return `image_quality`, strip by strip and colour by colour: it computes in 100 bytes each.

    The strips are as much larger than what counts of them as the filter of SSIM reaches.
    """
    count, ssim, error = 0, 0.0, 0.0
    for y in range(0, len(region), _STRIP):
        low, high = max(y - _MARGIN, 0), min(y + _STRIP + _MARGIN, len(region))
        own = region[low:high].copy()
        own[: y - low] = own[y - low + _STRIP :] = False
        for c in range(3 if own.any() else 0):
            strips = virtual[low:high, :, c], real[low:high, :, c]
            found = image_quality(*strips, (0.0, 255.0), own)
            weight = int(own.sum())
            count += weight
            ssim += weight * found.ssim
            error += weight * 10 ** (-found.psnr / 10)  # mean square over that of 255
    return ImageQuality(-10 * float(np.log10(error / count)) if error else np.inf, ssim / count)


def _size(pixels: Any) -> str:
    return " x ".join(map(str, pixels.shape[:2]))


def _number(value: float | None) -> str:
    return "" if value is None or np.isnan(value) else f"{value:.6g}"
