"""Figures of a run as people read them: named as its method declares, in the image's unit."""

from collections.abc import Mapping
from typing import NamedTuple

from napari_lossviz.core import Metric
from napari_lossviz.jobs.registry import METHODS


class NamedFigure(NamedTuple):
    """A figure.

    Attributes
    ----------
    title : str
    value : float
    unit : str
        Empty of a bare number, and where the image's unit is not known.
    """

    title: str
    value: float
    unit: str

    def text(self, digits: int = 4) -> str:
        """Return value and unit."""
        return f"{self.value:.{digits}g} {self.unit}".rstrip()


def named_figures(
    method: str, metrics: Mapping[str, float], value_unit: str
) -> dict[str, NamedFigure]:
    """Return figures by their names in a result.

    Parameters
    ----------
    method : str
        Name or title in the registry. A figure that it does not declare keeps its name.
    metrics : mapping of str to float
    value_unit : str
        Of the image's values.
    """
    known = METHODS.get(method)
    if known is None:
        known = next((one for one in METHODS.values() if one.title == method), None)
    declared = {} if known is None else known.load_config().metrics
    found = {}
    for name, value in metrics.items():
        metric = declared.get(name, Metric(name))
        found[name] = NamedFigure(metric.title, value, value_unit if metric.of_image else "")
    return found
