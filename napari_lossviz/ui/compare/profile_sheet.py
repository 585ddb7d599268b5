"""The sheet of the line profile: values along a drawn line, before and after."""

from typing import Any

from napari.utils.theme import get_theme
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QSpinBox, QVBoxLayout, QWidget

from napari_lossviz.metrics import LineProfile, line_profile
from napari_lossviz.ui.compare.drawn import LINES, Drawn, drawn_on, exists
from napari_lossviz.ui.compare.figures import MARGINS, FigureSheet, Pair, wrapped_label
from napari_lossviz.ui.compare.plane import Plane, value_unit
from napari_lossviz.ui.plots.bare import pg

BEFORE_COLOUR = "#e69f00"
AFTER_COLOUR = "#56b4e9"
"""Two colours that are told apart by readers with any colour vision, on light and on dark."""

_HOW = (
    "Draw a line or a path in the layer chosen under Drawings. Of several, the selected one is "
    "shown, else the last."
)


class ProfileSheet(FigureSheet):
    """Values along the user's line, before and after, against the distance.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.width_box = QSpinBox()
        self.width_box.setRange(1, 99)
        self.width_box.setSuffix(" px")
        self.width_box.setToolTip("Mean over so many pixels across the line")
        self.width_box.valueChanged.connect(self.outdated)
        self.plot = pg.PlotWidget()
        # Its own hint, 640 x 480, would push the dock over half the window.
        self.plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.plot.setMinimumHeight(190)
        self.plot.setToolTip("Drag to move, wheel to zoom, right-click to export")
        self._legend = self.plot.addLegend(offset=(-6, 4))
        self.before_curve = self.plot.plot(pen=pg.mkPen(BEFORE_COLOUR, width=1.5), name="before")
        self.after_curve = self.plot.plot(pen=pg.mkPen(AFTER_COLOUR, width=2), name="after")
        self.message = wrapped_label("lossvizProfileMessage", _HOW)
        settings = QHBoxLayout()
        settings.addWidget(QLabel("Width of the line"))
        settings.addWidget(self.width_box)
        settings.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*MARGINS)
        layout.addWidget(self.plot, 1)
        layout.addLayout(settings)
        layout.addWidget(self.message)
        viewer.events.theme.connect(self._take_theme)
        self._take_theme()

    def show_pair(self, pair: Pair) -> None:
        """Draw the profile; see the base class."""
        if pair.shapes is None:
            self.show_nothing()
            return
        planes = (pair.before, pair.after)
        lines = [drawn_on(plane, pair.shapes, LINES, pair.position) for plane in planes]
        number = _chosen(lines[0], pair.shapes.selected_data)
        if number is None:
            self.show_nothing()
            return
        unit = pair.before.spacing[1]
        for curve, plane, drawn in zip(
            (self.before_curve, self.after_curve), planes, lines, strict=True
        ):
            profile = self._along(plane, drawn[number])
            if profile is None:
                curve.setData([], [])
            else:
                curve.setData(profile.distance, profile.value, connect="finite")
        self.plot.setLabel("bottom", f"Distance ({unit})")
        values = value_unit(pair.before.layer)
        self.plot.setLabel("left", f"Value ({values})" if values else "Value")
        line = lines[0][number]
        self.message.setText(", ".join(filter(None, (line.name, pair.before.at(line.index).place))))

    def show_nothing(self) -> None:
        """Empty the plot; see the base class."""
        for curve in (self.before_curve, self.after_curve):
            curve.setData([], [])
        self.message.setText(_HOW)

    def close_sheet(self) -> None:
        """Let go of the plot; see the base class."""
        self._viewer.events.theme.disconnect(self._take_theme)
        self.plot.close()

    def _along(self, plane: Plane, line: Drawn) -> LineProfile | None:
        if not exists(plane, line.index):
            return None
        there = plane if line.index == plane.index else plane.at(line.index)
        return line_profile(
            there.values, line.vertices, spacing=there.spacing[0], width=self.width_box.value()
        )

    def _take_theme(self, event: Any = None) -> None:
        theme = get_theme(self._viewer.theme)
        self.plot.setBackground(theme.background.as_rgb_tuple())
        self._legend.setLabelTextColor(theme.text.as_rgb_tuple())
        for side in ("bottom", "left"):
            axis = self.plot.getAxis(side)
            axis.setPen(theme.icon.as_rgb_tuple())
            axis.setTextPen(theme.text.as_rgb_tuple())


def _chosen(lines: list[Drawn], selected: Any) -> int | None:
    """Return the place of the line to show: the last selected, else the last."""
    if not lines:
        return None
    marked = [i for i, line in enumerate(lines) if line.number in selected]
    return marked[-1] if marked else len(lines) - 1
