"""The Bland-Altman plot of a figure over tiles."""

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_lossviz.stain.agreement import TileAgreement
from napari_lossviz.ui.plots.bare import pg
from napari_lossviz.ui.plots.small_plot import COLOURS, SmallPlot


class AgreementPlot(SmallPlot):
    """Difference of virtual and real over their mean, a point for each tile."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "mean DAB density of a tile",
            "virtual − real",
            "Bland-Altman plot: each point is a tile; the full line is the bias, the broken ones "
            "are the limits of agreement, bias ± 1.96 standard deviations: about 95 % of the "
            "differences lie within if they are normally distributed",
            parent,
        )
        for side in ("bottom", "left"):
            self.plot.getAxis(side).enableAutoSIPrefix(False)

    def show_agreement(self, agreement: TileAgreement) -> None:
        """Draw it instead of the present one."""
        self.plot.clear()
        self.plot.plot(
            agreement.means,
            agreement.differences,
            pen=None,
            symbol="o",
            symbolSize=5,
            symbolPen=None,
            symbolBrush=COLOURS[0],
        )
        broken = pg.mkPen(COLOURS[1], width=1, style=Qt.PenStyle.DashLine)
        for place, pen in (
            (agreement.bias, pg.mkPen(COLOURS[1], width=2)),
            (agreement.limits[0], broken),
            (agreement.limits[1], broken),
        ):
            if np.isfinite(place):
                self.plot.addItem(pg.InfiniteLine(place, angle=0, pen=pen))
        self.legend.setText(
            f'<span style="color: {COLOURS[0]}">• tiles</span> &nbsp; '
            f'<span style="color: {COLOURS[1]}">― bias and limits of agreement</span>'
        )
