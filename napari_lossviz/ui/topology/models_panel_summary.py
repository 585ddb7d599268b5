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
        self.table.setToolTip("Each figure of each model, and how it differs from the first one's")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setTabKeyNavigation(False)  # the Tab key leaves it
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        down = self.table.verticalHeader()
        assert down is not None
        down.hide()
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
        images = f"{count} image{'' if count == 1 else 's'}"
        alone = f"{first}: {images}. Add a second model to compare."
        self.sentence.setText("\n".join(said) or alone)
        titles = [
            f"Mean over\n{images}",
            _short(first),
            *(f"{_short(one)}\n(difference,\n95 % CI)" for one in others),
        ]
        means, differences = report.means(), report.differences()
        self.table.clear()
        self.table.setRowCount(len(FIGURES))
        self.table.setColumnCount(len(titles))
        self.table.setHorizontalHeaderLabels(titles)
        tips = [
            "n: the number of images, where the figure is not known of all",
            first,
            *(f"{one}; its difference from {first}" for one in others),
        ]
        for column, tip in enumerate(tips):
            title = self.table.horizontalHeaderItem(column)
            assert title is not None
            title.setToolTip(tip)
        for row, name in enumerate(FIGURES):
            cells = [
                "\n".join(wrap(TITLES[name], _LETTERS)),
                _lines(_number(means[first][name]), _known(report.known(first, name), count)),
            ]
            for one in others:
                found, known = differences[one][name], report.known(one, name)
                difference, interval = _difference(found)
                cells.append(
                    _lines(
                        f"{_number(means[one][name])} {difference}".rstrip(),
                        interval,
                        _known(known, count, found.images),
                    )
                )
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(CONVENTIONS.get(name, ""))
                if column:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                self.table.setItem(row, column, item)
            lines = max(2, *(text.count("\n") + 1 for text in cells))
            self.table.setRowHeight(row, lines * self.table.fontMetrics().lineSpacing() + 10)


def _short(name: str) -> str:
    """Return a model's name in few letters: the table has to fit into the dock."""
    return name if len(name) <= _FEW else f"{name[: _FEW - 1]}…"


def _number(value: float) -> str:
    return f"{value:.3g}" if value == value else "–"  # nan is not itself


def _difference(found: PairedDifference) -> tuple[str, str]:
    """Return mean and interval of a difference; of one image there is no interval."""
    if not found.images:
        return "", ""
    mean = f"({found.mean:+.2g})"
    return mean, "" if found.images < 2 else f"{found.low:+.2g} to {found.high:+.2g}"


def _known(known: int, count: int, differences: int | None = None) -> str:
    """Return the number of images of a mean, and of a difference, where it is not that of all."""
    differences = known if differences is None else differences
    if known == differences == count:
        return ""
    return f"n = {known}" if known == differences else f"n = {known} ({differences})"


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)
