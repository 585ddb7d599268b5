"""Sentinel-1's annotation files: product, calibration and noise XML to plain data."""

from collections.abc import Callable
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Box, InputError
from napari_lossviz.io.calibration import CalibrationTable, NoiseTable, Quantity, RangeVectors
from napari_lossviz.io.sar_product import Acquisition, GroundPoint, OrbitVector
from napari_lossviz.io.tops import RangePolynomial, TopsAnnotation, TopsBurst
from napari_lossviz.io.xml_text import Element

_FACTORS: dict[Quantity, str] = {"sigma0": "sigmaNought", "beta0": "betaNought", "gamma0": "gamma"}


def read_annotation(
    root: Element, where: str
) -> tuple[Acquisition, TopsAnnotation | None, tuple[GroundPoint, ...]]:
    """Return acquisition, bursts and ground points of a product annotation.

    Parameters
    ----------
    root : Element
    where : str
        Name of the file, for messages.

    Returns
    -------
    (Acquisition, TopsAnnotation or None, tuple of GroundPoint)
        No bursts for products that have none (stripmap).

    Raises
    ------
    InputError
        If the annotation lacks something or holds nonsense.
    """
    try:
        return _acquisition(root), _tops(root), _ground_points(root)
    except (ValueError, IndexError, KeyError) as error:
        raise InputError(
            f"{where}: the annotation is incomplete or damaged ({error}); download the product "
            "again"
        ) from error


def read_calibration(root: Element, where: str) -> CalibrationTable:
    """Return the calibration table of a calibration annotation.

    Raises
    ------
    InputError
        If the annotation lacks something or holds nonsense.
    """
    try:
        vectors = root.findall("calibrationVectorList/calibrationVector")
        return CalibrationTable({q: _range_vectors(vectors, tag) for q, tag in _FACTORS.items()})
    except (ValueError, IndexError) as error:
        raise InputError(f"{where}: the calibration table is damaged ({error})") from error


def read_noise(root: Element, where: str) -> NoiseTable:
    """Return the noise table of a noise annotation, old or new.

    Raises
    ------
    InputError
        If the annotation lacks something or holds nonsense.
    """
    try:
        vectors = root.findall("noiseRangeVectorList/noiseRangeVector")
        if not vectors:  # before processor version 2.90
            return NoiseTable(
                _range_vectors(root.findall("noiseVectorList/noiseVector"), "noiseLut")
            )
        blocks = tuple(
            _azimuth_block(one) for one in root.findall("noiseAzimuthVectorList/noiseAzimuthVector")
        )
        return NoiseTable(_range_vectors(vectors, "noiseRangeLut"), blocks)
    except (ValueError, IndexError) as error:
        raise InputError(f"{where}: the noise table is damaged ({error})") from error


def product_type(root: Element) -> str:
    """Return "SLC", "GRD", …."""
    return _text(root, "adsHeader/productType")


def _acquisition(root: Element) -> Acquisition:
    product = _child(root, "generalAnnotation/productInformation")
    image = _child(root, "imageAnnotation/imageInformation")
    mission = _text(root, "adsHeader/missionId")
    return Acquisition(
        mission=mission.replace("S1", "SENTINEL-1"),
        mode=_text(root, "adsHeader/mode"),
        product_type=product_type(root),
        swath=_text(root, "adsHeader/swath"),
        polarisation=_text(root, "adsHeader/polarisation"),
        orbit_pass=_text(product, "pass").upper(),
        first_line_time=_time(image, "productFirstLineUtcTime"),
        line_interval=_number(image, "azimuthTimeInterval"),
        slant_range_time=_number(image, "slantRangeTime"),
        range_sampling_rate=_number(product, "rangeSamplingRate"),
        radar_frequency=_number(product, "radarFrequency"),
        range_spacing=_number(image, "rangePixelSpacing"),
        azimuth_spacing=_number(image, "azimuthPixelSpacing"),
        incidence_angle=_number(image, "incidenceAngleMidSwath"),
        orbit=tuple(
            OrbitVector(_time(one, "time"), _triple(one, "position"), _triple(one, "velocity"))
            for one in root.findall("generalAnnotation/orbitList/orbit")
        ),
    )


def _tops(root: Element) -> TopsAnnotation | None:
    bursts = root.findall("swathTiming/burstList/burst")
    if not bursts or product_type(root) != "SLC":
        return None
    product = _child(root, "generalAnnotation/productInformation")
    image = _child(root, "imageAnnotation/imageInformation")
    lines = int(_text(root, "swathTiming/linesPerBurst"))
    interval = _number(image, "azimuthTimeInterval")
    start, rate = _number(image, "slantRangeTime"), _number(product, "rangeSamplingRate")
    half = 0.5 * int(_text(image, "numberOfSamples")) / rate
    first = _time(bursts[0], "azimuthTime")
    fm_rates = root.findall("generalAnnotation/azimuthFmRateList/azimuthFmRate")
    centroids = root.findall("dopplerCentroid/dcEstimateList/dcEstimate")
    speed = _speed(root, first)
    found = []
    for k, burst in enumerate(bursts):
        begin = (_time(burst, "azimuthTime") - first).total_seconds()
        middle = begin + 0.5 * lines * interval
        ends = [
            tuple(int(n) for n in _text(burst, tag).split())
            for tag in ("firstValidSample", "lastValidSample")
        ]
        if any(len(one) != lines for one in ends):
            raise ValueError(f"burst {k + 1} lists other than {lines} valid samples")
        found.append(
            TopsBurst(
                first_line=k * lines,
                lines=lines,
                azimuth_time=begin,
                first_valid=ends[0],
                last_valid=ends[1],
                doppler_centroid=_polynomial(
                    _nearest(centroids, first, middle), "dataDcPolynomial"
                ),
                azimuth_fm_rate=_polynomial(
                    _nearest(fm_rates, first, middle), "azimuthFmRatePolynomial"
                ),
                velocity=speed(middle),
            )
        )
    return TopsAnnotation(
        swath=_text(root, "adsHeader/swath"),
        polarisation=_text(root, "adsHeader/polarisation"),
        radar_frequency=_number(product, "radarFrequency"),
        steering_rate=float(np.deg2rad(_number(product, "azimuthSteeringRate"))),
        azimuth_time_interval=interval,
        range_sampling_rate=rate,
        slant_range_time=start,
        middle_range_time=start + half,
        bursts=tuple(found),
    )


def _ground_points(root: Element) -> tuple[GroundPoint, ...]:
    path = "geolocationGrid/geolocationGridPointList/geolocationGridPoint"
    names = ("line", "pixel", "longitude", "latitude", "height", "incidenceAngle")
    return tuple(GroundPoint(*(_number(one, n) for n in names)) for one in root.findall(path))


def _speed(root: Element, origin: datetime) -> Callable[[float], float]:
    """Return a function from seconds after `origin` to the satellite's speed in m/s."""
    vectors = root.findall("generalAnnotation/orbitList/orbit")
    if not vectors:
        raise ValueError("there are no orbit state vectors")
    times = [(_time(one, "time") - origin).total_seconds() for one in vectors]
    speeds = [float(np.linalg.norm(_triple(one, "velocity"))) for one in vectors]
    return lambda time: float(np.interp(time, times, speeds))


def _nearest(estimates: list[Element], origin: datetime, middle: float) -> Element:
    """Return the estimate nearest in time to the middle of a burst."""
    if not estimates:
        raise ValueError("there is no estimate of Doppler centroid or azimuth FM rate")

    def distance(estimate: Element) -> float:
        return abs((_time(estimate, "azimuthTime") - origin).total_seconds() - middle)

    return min(estimates, key=distance)


def _polynomial(estimate: Element, tag: str) -> RangePolynomial:
    text = estimate.findtext(tag)
    if text is None:  # as the processor wrote the FM rate before version 2.43
        text = " ".join(_text(estimate, name) for name in ("c0", "c1", "c2"))
    return RangePolynomial(_number(estimate, "t0"), tuple(float(one) for one in text.split()))


def _range_vectors(vectors: list[Element], tag: str) -> RangeVectors:
    if not vectors:
        raise ValueError("it has no vectors")
    pairs = [(_numbers(one, "pixel"), _numbers(one, tag)) for one in vectors]
    if any(len(columns) != len(values) for columns, values in pairs):
        raise ValueError(f"a vector has other numbers of pixels and of {tag}")
    return RangeVectors(
        tuple(int(_text(one, "line")) for one in vectors),
        tuple(columns for columns, _ in pairs),
        tuple(values for _, values in pairs),
    )


def _azimuth_block(vector: Element) -> tuple[Box, NDArray[np.float64], NDArray[np.float64]]:
    names = ("firstAzimuthLine", "lastAzimuthLine", "firstRangeSample", "lastRangeSample")
    y0, y1, x0, x1 = (int(_text(vector, name)) for name in names)
    places, values = _numbers(vector, "line"), _numbers(vector, "noiseAzimuthLut")
    if len(places) != len(values):
        raise ValueError("an azimuth vector has other numbers of lines and of values")
    return Box(y0, y1 + 1, x0, x1 + 1), places, values


def _child(parent: Element, path: str) -> Element:
    found = parent.find(path)
    if found is None:
        raise ValueError(f"{path} is missing")
    return found


def _text(parent: Element, path: str) -> str:
    return (_child(parent, path).text or "").strip()


def _number(parent: Element, path: str) -> float:
    return float(_text(parent, path))


def _numbers(parent: Element, path: str) -> NDArray[np.float64]:
    return np.array(_text(parent, path).split(), dtype=np.float64)


def _triple(parent: Element, path: str) -> tuple[float, float, float]:
    x, y, z = (_number(parent, f"{path}/{axis}") for axis in "xyz")
    return x, y, z


def _time(parent: Element, path: str) -> datetime:
    # The zone is UTC whether the text says so or not.
    return datetime.fromisoformat(_text(parent, path)).replace(tzinfo=None)
