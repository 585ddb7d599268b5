"""A logarithmic axis whose labels do not overlap."""

from typing import Any

import numpy as np

from napari_lossviz.ui.plots.bare import pg
from napari_lossviz.ui.plots.log_ticks import equal_steps, short


class LogAxis(pg.AxisItem):  # type: ignore[misc]
    """Labels whole decades, or 1, 2 and 5 within fewer than two; pyqtgraph's own overlap.

    Where a loss hardly moves and fewer than two of these are seen, equal steps are labelled.
    """

    def logTickValues(  # noqa: N802, pyqtgraph's name
        self, minVal: float, maxVal: float, size: float, stdTicks: Any
    ) -> list[tuple[float | None, list[float]]]:
        """Return major and minor ticks as logarithms."""
        decades = np.arange(np.floor(minVal), np.ceil(maxVal) + 1)
        steps = [float(d + np.log10(k)) for d in decades for k in range(1, 10)]
        inside = [step for step in steps if minVal <= step <= maxVal]
        wanted = (1,) if maxVal - minVal >= 2 else (1, 2, 5)
        major = [step for step in inside if round(10 ** (step % 1)) in wanted]
        if len(major) < 2:
            return [(1.0, equal_steps(minVal, maxVal)), (None, [])]
        return [(1.0, major), (None, [step for step in inside if step not in major])]

    def logTickStrings(  # noqa: N802
        self, values: list[float], scale: float, spacing: float
    ) -> list[str]:
        """Return the values themselves, short."""
        return [short(10**value) for value in values]
