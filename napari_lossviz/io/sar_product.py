"""What a radar image's file says beside the pixels, under ``Image.metadata["sar"]``.

All of it is plain and frozen, so that it travels to another process. Places are those of the
image's own pixels: an image that is a part of a product has the metadata of that part (`moved`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from napari_lossviz.io.calibration import CalibrationTable, NoiseTable
from napari_lossviz.io.tops import TopsAnnotation

SAR_KEY = "sar"
"""Key of a `SarProduct` in an image's metadata."""

QUANTITY_TAG = "QUANTITY"
"""Among the tags of a file that we write: what its values are."""


@dataclass(frozen=True)
class GroundPoint:
    """A pixel and its place on the ground.

    Attributes
    ----------
    row, column : float
        Rasterio's count: the first pixel's centre is at 0.5, except in Sentinel-1 and SICD
        products, whose points name the pixels themselves.
    x, y, z : float
        In the coordinate system of the ground points; longitude, latitude in degrees and height
        in m as a rule.
    incidence : float
        Angle of incidence in degrees, nan where unknown.
    """

    row: float
    column: float
    x: float
    y: float
    z: float = 0.0
    incidence: float = float("nan")


@dataclass(frozen=True)
class OrbitVector:
    """Where the satellite was at a time, Earth-fixed.

    Attributes
    ----------
    time : datetime
        UTC, without a zone.
    position, velocity : (x, y, z)
        m and m/s.
    """

    time: datetime
    position: tuple[float, float, float]
    velocity: tuple[float, float, float]


@dataclass(frozen=True)
class Acquisition:
    """What terrain correction needs to know.

    Attributes
    ----------
    mission, mode, product_type, swath, polarisation, orbit_pass : str
        As "SENTINEL-1A", "IW", "SLC", "IW1", "VV", "ASCENDING".
    first_line_time : datetime
        Zero-Doppler time of the image's first line, UTC without a zone.
    line_interval : float
        Between lines, s.
    slant_range_time : float
        Two-way, of the first column, s.
    range_sampling_rate, radar_frequency : float
        Hz.
    range_spacing, azimuth_spacing : float
        Pixel spacing, m.
    incidence_angle : float
        At the middle of the swath, degrees.
    orbit : tuple of OrbitVector
    """

    mission: str
    mode: str
    product_type: str
    swath: str
    polarisation: str
    orbit_pass: str
    first_line_time: datetime
    line_interval: float
    slant_range_time: float
    range_sampling_rate: float
    radar_frequency: float
    range_spacing: float
    azimuth_spacing: float
    incidence_angle: float
    orbit: tuple[OrbitVector, ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class SarProduct:
    """Georeference, acquisition, bursts and calibration of a radar image.

    Attributes
    ----------
    line, sample : int
        Where the image's first pixel lies in the file.
    azimuth_axis : str
        "y" (the usual) or "x" (SICD): the image's axis along the track.
    integer : bool
        Whether the file holds integers: the sensor's own digital numbers.
    transform : tuple of 6 float, optional
        Affine from (column, row) to the coordinate system, in rasterio's order (a, b, c, d, e, f).
    crs : str
        Coordinate system of transform or ground points as WKT; empty where unknown.
    ground_points : tuple of GroundPoint
    rpcs : mapping of str to str
        Rational polynomial coefficients as GDAL's RPC metadata.
    tags : mapping of str to str
        Of the file, as GDAL knows them.
    nodata : float, optional
    acquisition : Acquisition, optional
    tops : TopsAnnotation, optional
        Only of products whose bursts have to be deramped.
    calibration : CalibrationTable, optional
    noise : NoiseTable, optional
    """

    line: int = 0
    sample: int = 0
    azimuth_axis: str = "y"
    integer: bool = False
    transform: tuple[float, float, float, float, float, float] | None = None
    crs: str = ""
    ground_points: tuple[GroundPoint, ...] = field(default=(), repr=False)
    rpcs: Mapping[str, str] = field(default_factory=dict, repr=False)
    tags: Mapping[str, str] = field(default_factory=dict, repr=False)
    nodata: float | None = None
    acquisition: Acquisition | None = None
    tops: TopsAnnotation | None = None
    calibration: CalibrationTable | None = field(default=None, repr=False)
    noise: NoiseTable | None = field(default=None, repr=False)

    def moved(self, lines: int, samples: int) -> Self:
        """Return the metadata of the part of the image that starts at this line and sample."""
        if not lines and not samples:
            return self
        transform = self.transform
        if transform is not None:
            a, b, c, d, e, f = transform
            corner = (c + a * samples + b * lines, f + d * samples + e * lines)
            transform = (a, b, corner[0], d, e, corner[1])
        points = tuple(
            replace(point, row=point.row - lines, column=point.column - samples)
            for point in self.ground_points
        )
        along, across = (lines, samples) if self.azimuth_axis == "y" else (samples, lines)
        # Bursts overlap, so that time does not run on evenly over their lines.
        later: float = along
        if self.tops is not None:
            later = self.tops.merged_line(along) - self.tops.merged_line(0)
        return replace(
            self,
            line=self.line + lines,
            sample=self.sample + samples,
            transform=transform,
            ground_points=points,
            rpcs=_moved_rpcs(self.rpcs, lines, samples),
            acquisition=_moved_acquisition(self.acquisition, later, across),
            tops=None if self.tops is None else self.tops.moved(along, across),
            calibration=None if self.calibration is None else self.calibration.moved(along, across),
            noise=None if self.noise is None else self.noise.moved(along, across),
        )

    def scaled(self, lines: float, samples: float) -> Self:
        """Return the place on the ground of an image of the same extent with larger pixels.

        What is told of single pixels of the original (bursts, tables, acquisition) is left out.

        Parameters
        ----------
        lines, samples : float
            Pixels of this image to one of the other, along rows' numbers and along columns'.
        """
        transform = self.transform
        if transform is not None:
            a, b, c, d, e, f = transform
            transform = (a * samples, b * lines, c, d * samples, e * lines, f)
        points = tuple(
            replace(point, row=point.row / lines, column=point.column / samples)
            for point in self.ground_points
        )
        rpcs = dict(self.rpcs)
        for start, factor in (("LINE", lines), ("SAMP", samples)):
            for name in (f"{start}_OFF", f"{start}_SCALE"):
                if name in rpcs:
                    rpcs[name] = repr(float(rpcs[name]) / factor)
        return replace(
            self,
            line=0,
            sample=0,
            transform=transform,
            ground_points=points,
            rpcs=rpcs,
            acquisition=None,
            tops=None,
            calibration=None,
            noise=None,
        )

    def merged(self) -> Self:
        """Return the metadata of the image whose bursts were merged by their azimuth time.

        Its first line is the first line of the first burst that the image holds valid lines of;
        line n of it is seen n line intervals later. Ground points and tables move to where their
        time is.
        """
        tops = self.tops
        if tops is None:
            return self
        points = {
            (tops.merged_line(point.row), point.column): replace(
                point, row=tops.merged_line(point.row)
            )
            for point in self.ground_points
        }
        return replace(
            self,
            transform=None,
            ground_points=tuple(points.values()),
            acquisition=_moved_acquisition(self.acquisition, -tops.merged_line(0), 0),
            tops=None,
            calibration=None if self.calibration is None else self.calibration.merged(tops),
            noise=None if self.noise is None else self.noise.merged(tops),
        )


def _moved_rpcs(rpcs: Mapping[str, str], lines: int, samples: int) -> Mapping[str, str]:
    moved = dict(rpcs)
    for name, step in (("LINE_OFF", lines), ("SAMP_OFF", samples)):
        if name in moved:
            moved[name] = repr(float(moved[name]) - step)
    return moved


def _moved_acquisition(known: Acquisition | None, along: float, across: int) -> Acquisition | None:
    if known is None:
        return None
    return replace(
        known,
        first_line_time=known.first_line_time + timedelta(seconds=along * known.line_interval),
        slant_range_time=known.slant_range_time + across / known.range_sampling_rate,
    )
