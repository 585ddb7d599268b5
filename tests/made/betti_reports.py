"""Reports of models on images, with figures that are given."""

from napari_lossviz.jobs.betti_report import FIGURES, Comparison, Report


def report_of(**columns: list[float]) -> Report:
    """Return a report in which all figures of a model have these values, image by image."""
    return Report(
        tuple(
            Comparison(str(n), model, dict.fromkeys(FIGURES, value), 0.0, "", "")
            for model, values in columns.items()
            for n, value in enumerate(values)
        )
    )
