"""Loss curves of several runs as they are drawn, in the window and in figures."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.jobs.run_record import RunRecord

_PARTS = 20


def moving_mean(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return the mean of the finite values at most `width // 2` steps away, at each step.

    nan where none is.
    """
    reach = width // 2
    known = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    steps = np.arange(len(values))
    low, high = np.maximum(steps - reach, 0), np.minimum(steps + reach + 1, len(values))
    count = counts[high] - counts[low]
    with np.errstate(invalid="ignore"):
        return np.asarray((sums[high] - sums[low]) / np.where(count > 0, count, np.nan))


def terms_of(records: Sequence[RunRecord]) -> tuple[str, ...]:
    """Return the terms of all runs, each once; the total first."""
    found = dict.fromkeys(term for record in records for term in record.history)
    return tuple(sorted(found, key=lambda term: term != "total"))


def drawable(
    values: Sequence[float], *, log: bool, smooth: bool = False, most: int = 2000
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return steps, counted from 1, and values of a curve, thinned out.

    Parameters
    ----------
    values : sequence of float
    log : bool
        Values that are not above 0 become nan, which leaves a gap.
    smooth : bool
        Whether each value is the mean of a twentieth of all steps around it.
    most : int
        About how many points are kept, at most; the last one always.
    """
    found = np.asarray(values, np.float64)
    if smooth:
        found = moving_mean(found, len(found) // _PARTS)
    stride = max(1, len(found) // most)
    kept = np.arange(0, len(found), stride)
    if len(found) and kept[-1] != len(found) - 1:
        kept = np.append(kept, len(found) - 1)
    shown = found[kept]
    return kept + 1, np.where(shown > 0, shown, np.nan) if log else shown
