"""What a comparison comes to: a sentence for each model, and the means of all figures."""

from textwrap import wrap

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_lossviz.jobs.betti_report import CONVENTIONS, FIGURES, Report
from napari_lossviz.jobs.betti_verdict import TITLES, verdict
from napari_lossviz.metrics import PairedDifference
from napari_lossviz.ui.compare.figures import wrapped_label

_LETTERS, _FEW = 14, 11


class ModelsSummary(QWidget):
    """A sentence about one figure above a table of all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sentence = wrapped_label("lossviz models verdict")
        self.table = QTableWidget(0, 0)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        down = self.table.verticalHeader()
        assert down is not None
        down.hide()
        down.setDefaultSectionSize(2 * self.table.fontMetrics().lineSpacing() + 10)
        across = self.table.horizontalHeader()
        assert across is not None
        across.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        across.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.sentence)
        layout.addWidget(self.table, 1)

    def show_report(self, report: Report, figure: str) -> None:
        """Show the answer in one figure, and the means of all."""
        first, *others = report.models
        said = [verdict(report, model, figure) for model in others]
        count = len(report.column(first, FIGURES[0]))
        alone = f"{first}: {count} image{'' if count == 1 else 's'}. Add a second model to compare."
        self.sentence.setText("\n".join(said) or alone)
        titles = [
            "Mean of",
            _short(first),
            *(f"{_short(one)}\n(difference,\n95 % CI)" for one in others),
        ]
        means, differences = report.means(), report.differences()
        self.table.clear()
        self.table.setRowCount(len(FIGURES))
        self.table.setColumnCount(len(titles))
        self.table.setHorizontalHeaderLabels(titles)
        tips = ["", first, *(f"{one}; its difference from {first}" for one in others)]
        for column, tip in enumerate(tips):
            title = self.table.horizontalHeaderItem(column)
            assert title is not None
            title.setToolTip(tip)
        for row, name in enumerate(FIGURES):
            cells = ["\n".join(wrap(TITLES[name], _LETTERS)), _number(means[first][name])]
            cells += [
                f"{_number(means[one][name])} {_interval(differences[one][name])}".rstrip()
                for one in others
            ]
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(CONVENTIONS.get(name, ""))
                if column:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                self.table.setItem(row, column, item)


def _short(name: str) -> str:
    """Return a model's name in few letters: the table has to fit into the dock."""
    return name if len(name) <= _FEW else f"{name[: _FEW - 1]}…"


def _number(value: float) -> str:
    return f"{value:.3g}" if value == value else "–"  # nan is not itself


def _interval(found: PairedDifference) -> str:
    if not found.images:
        return ""
    return f"({found.mean:+.2g})\n{found.low:+.2g} to {found.high:+.2g}"
