"""The images that a Sentinel-1 product holds, and which of them are read."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Measurement:
    """One image of a product.

    Attributes
    ----------
    swath, polarisation : str
        As "IW1", "VV".
    bursts : int
        0 for stripmap.
    stem : str
        Name of its files without suffix.
    """

    swath: str
    polarisation: str
    bursts: int
    stem: str


@dataclass(frozen=True)
class MeasurementChoice:
    """Which swaths and polarisations of a product are read.

    Attributes
    ----------
    swaths, polarisations : frozenset of str, optional
        As "IW1", "VV"; None: all.
    """

    swaths: frozenset[str] | None = None
    polarisations: frozenset[str] | None = None

    @classmethod
    def of(cls, swaths: Collection[str] = (), polarisations: Collection[str] = ()) -> Self:
        """Return the choice of names in any case; of none: all."""
        chosen = (
            frozenset(name.upper() for name in names) or None for names in (swaths, polarisations)
        )
        return cls(*chosen)

    def takes(self, measurement: Measurement) -> bool:
        """Whether a measurement is chosen."""
        return (self.swaths is None or measurement.swath in self.swaths) and (
            self.polarisations is None or measurement.polarisation in self.polarisations
        )


@dataclass(frozen=True)
class ProductPart:
    """What of a product is opened.

    Attributes
    ----------
    choice : MeasurementChoice
    bursts : (int, int), optional
        First and last, counted from 1; None: all.
    """

    choice: MeasurementChoice = MeasurementChoice()
    bursts: tuple[int, int] | None = None
