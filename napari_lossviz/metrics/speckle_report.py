"""All figures of one despeckled image in one row, to compare filters in a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Box, InputError
from napari_lossviz.metrics.looks import LooksComparison, bias_decibel, compare_looks, looks_of
from napari_lossviz.metrics.radar_detail import (
    PointResponse,
    epd_roa,
    point_response,
    ratio_edges,
    reference_error,
)
from napari_lossviz.metrics.ratio import m_index, ratio_image

_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class SpeckleFigures:
    """Figures of a despeckled image; nan where there is nothing to measure.

    Attributes
    ----------
    enl_before, enl : float
        Median number of looks of patches and regions.
    bias : float
        Median change of their mean intensity in dB.
    ratio_mean, ratio_variance : float
        Of noisy over despeckled intensity.
    m_index : float
        Of the patches.
    edges : (float, float)
        EPD-ROA of the amplitudes across horizontal and vertical edges, against the reference where
        there is one, else against the noisy image.
    peak_change : float
        Median change of the point targets' peaks in dB.
    energy_change : float
        Median change of their integrated energy in dB.
    width : (float, float)
        Median 3 dB widths of the points after despeckling, rows and columns, in pixels.
    width_before : (float, float)
    log_rmse, psnr : float
        Against the reference.
    areas : tuple of LooksComparison
        Of each region by itself.
    """

    enl_before: float
    enl: float
    bias: float
    ratio_mean: float
    ratio_variance: float
    m_index: float
    edges: tuple[float, float]
    peak_change: float
    energy_change: float
    width_before: tuple[float, float]
    width: tuple[float, float]
    log_rmse: float
    psnr: float
    areas: tuple[LooksComparison, ...] = ()


def speckle_figures(
    noisy: NDArray[Any],
    despeckled: NDArray[Any],
    *,
    patches: Sequence[Box] = (),
    regions: Sequence[NDArray[np.bool_]] = (),
    points: Sequence[tuple[int, int]] = (),
    edges: NDArray[np.bool_] | None = None,
    reference: NDArray[Any] | None = None,
    valid: NDArray[np.bool_] | None = None,
) -> SpeckleFigures:
    """Measure a despeckled image.

    Parameters
    ----------
    noisy, despeckled : (H, W) ndarray
        Intensities.
    patches : sequence of Box
        As `homogeneous_patches` finds them.
    regions : sequence of (H, W) bool ndarray
        Drawn homogeneous regions; pixels without data do not count.
    points : sequence of (row, column)
        Point targets; those on a pixel without data are left out.
    edges : (H, W) bool ndarray, optional
        Where edges are judged; default: the strongest 2 % of the reference, or of the noisy image
        without one.
    reference : (H, W) ndarray, optional
        True intensity.
    valid : (H, W) bool ndarray, optional

    Raises
    ------
    InputError
        If the shapes differ or an image is complex.
    """
    if noisy.shape != despeckled.shape:
        raise InputError(f"{noisy.shape} and {despeckled.shape}: both must have one shape")
    ratio = ratio_image(noisy, despeckled)
    usable = np.isfinite(ratio) if valid is None else np.isfinite(ratio) & valid
    values = ratio[usable].astype(np.float64)
    before, after = (_in_regions(one, patches, regions, valid) for one in (noisy, despeckled))
    changes = [bias_decibel(b.mean, a.mean) for b, a in zip(before, after, strict=True)]
    first, last = (_responses(one, points, valid) for one in (noisy, despeckled))
    error = None if reference is None else reference_error(despeckled, reference, valid)
    against = noisy if reference is None else reference
    places = [
        ratio_edges(against, axis=axis, valid=valid) if edges is None else edges for axis in (0, 1)
    ]
    rows, columns = (
        _edges(despeckled, against, axis, usable & one) for axis, one in enumerate(places)
    )
    return SpeckleFigures(
        enl_before=_median([one.enl for one in before]),
        enl=_median([one.enl for one in after]),
        bias=_median(changes),
        ratio_mean=float(values.mean()) if values.size else _NAN,
        ratio_variance=float(values.var()) if values.size else _NAN,
        m_index=m_index(noisy, despeckled, list(patches), valid=valid).total if patches else _NAN,
        edges=(rows, columns),
        peak_change=_median(
            [bias_decibel(b.peak, a.peak) for b, a in zip(first, last, strict=True)]
        ),
        energy_change=_median(
            [bias_decibel(b.energy, a.energy) for b, a in zip(first, last, strict=True)]
        ),
        width_before=_median_widths([one.width for one in first]),
        width=_median_widths([one.width for one in last]),
        log_rmse=_NAN if error is None else error.log_rmse,
        psnr=_NAN if error is None else error.psnr,
        areas=tuple(compare_looks(noisy, despeckled, region, valid) for region in regions),
    )


def _in_regions(
    image: NDArray[Any],
    patches: Sequence[Box],
    regions: Sequence[NDArray[np.bool_]],
    valid: NDArray[np.bool_] | None,
) -> list[Any]:
    return [
        *(looks_of(image[box.slices]) for box in patches),
        *(looks_of(image, region, valid) for region in regions),
    ]


def _responses(
    image: NDArray[Any], points: Sequence[tuple[int, int]], valid: NDArray[np.bool_] | None
) -> list[PointResponse]:
    """Return the responses of the points that have data; what is masked there has no power."""
    if valid is not None:
        image = np.where(valid, image, 0)
        points = [place for place in points if valid[place]]
    return [point_response(image, *place) for place in points]


def _edges(
    despeckled: NDArray[Any], against: NDArray[Any], axis: int, inside: NDArray[np.bool_]
) -> float:
    amplitudes = [np.sqrt(np.maximum(one, 0)) for one in (despeckled, against)]
    try:
        return epd_roa(amplitudes[0], amplitudes[1], axis=axis, edges=inside)
    except InputError:  # no pair of positive pixels
        return _NAN


def _median(values: list[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.median(known)) if known else _NAN


def _median_widths(widths: list[tuple[float, float]]) -> tuple[float, float]:
    return _median([rows for rows, _ in widths]), _median([columns for _, columns in widths])
