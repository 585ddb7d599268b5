"""Loss curves of several runs as they are drawn, in the window and in figures."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.jobs.run_record import RunRecord

_PARTS = 20


def moving_mean(
    values: NDArray[np.float64], width: int, steps: NDArray[np.intp] | None = None
) -> NDArray[np.float64]:
    """Return the mean of the finite values at most `width // 2` steps away, at some steps or all.

    nan where none is. Each is summed for itself: differences of running sums would lose the small
    values that follow a huge one, as the losses of a training that nearly diverged are.
    """
    reach = width // 2
    known = np.isfinite(values)
    counts = np.concatenate([[0], np.cumsum(known)])
    if steps is None:
        steps = np.arange(len(values))
    low, high = np.maximum(steps - reach, 0), np.minimum(steps + reach + 1, len(values))
    count = counts[high] - counts[low]
    padded = np.append(np.where(known, values, 0.0), 0.0)  # the last window may end at its end
    sums = np.add.reduceat(padded, np.stack([low, high], axis=1).ravel())[::2]
    return np.asarray(sums / np.where(count > 0, count, np.nan))


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
    stride = max(1, len(found) // most)
    kept = np.arange(0, len(found), stride)
    if len(found) and kept[-1] != len(found) - 1:
        kept = np.append(kept, len(found) - 1)
    shown = moving_mean(found, len(found) // _PARTS, kept) if smooth else found[kept]
    return kept + 1, np.where(shown > 0, shown, np.nan) if log else shown
