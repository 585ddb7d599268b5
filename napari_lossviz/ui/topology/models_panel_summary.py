"""What a comparison comes to: a sentence for each model, and the means of all figures."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from napari_lossviz.jobs.betti_report import CONVENTIONS, FIGURES, Report
from napari_lossviz.jobs.betti_verdict import TITLES, verdict
from napari_lossviz.metrics import PairedDifference
from napari_lossviz.ui.compare.figures import wrapped_label


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
        down.setDefaultSectionSize(self.fontMetrics().lineSpacing() + 6)
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
        titles = ["Mean of", *report.models, *(f"{other} − {first} (95 % CI)" for other in others)]
        means, differences = report.means(), report.differences()
        self.table.clear()
        self.table.setRowCount(len(FIGURES))
        self.table.setColumnCount(len(titles))
        self.table.setHorizontalHeaderLabels(titles)
        for row, name in enumerate(FIGURES):
            cells = [TITLES[name], *(_number(means[model][name]) for model in report.models)]
            cells += [_interval(differences[model][name]) for model in others]
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(CONVENTIONS.get(name, ""))
                if column:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                self.table.setItem(row, column, item)
        self.table.resizeColumnsToContents()


def _number(value: float) -> str:
    return f"{value:.3g}" if value == value else "–"  # nan is not itself


def _interval(found: PairedDifference) -> str:
    if not found.images:
        return "–"
    return f"{found.mean:+.3g} ({found.low:+.3g} to {found.high:+.3g})"
