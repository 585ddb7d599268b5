"""Radar files made by hand: what is in them is known, since it was put there."""

import warnings
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest


class MadeRadar:
    """Radar products made with rasterio and by hand, from simulated images."""

    @staticmethod
    def values(shape: tuple[int, int] = (40, 60), seed: int = 0) -> np.ndarray:
        """Return whole-numbered complex64 values without zeros."""
        rng = np.random.default_rng(seed)
        parts = rng.integers(1, 300, (2, *shape)) * rng.choice((-1, 1), (2, *shape))
        return (parts[0] + 1j * parts[1]).astype(np.complex64)

    @staticmethod
    def geotiff(
        path: Path, values: np.ndarray, *, dtype: str = "complex64", **profile: Any
    ) -> Path:
        """Write a GeoTIFF; `tags` and `rpcs` go where they belong."""
        rasterio = pytest.importorskip("rasterio")
        from rasterio.errors import NotGeoreferencedWarning

        tags, rpcs = profile.pop("tags", {}), profile.pop("rpcs", None)
        bands = values if values.ndim == 3 else values[np.newaxis]
        known = {"driver": "GTiff", "height": bands.shape[1], "width": bands.shape[2]}
        path.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            options = {**known, "count": len(bands), "dtype": dtype, **profile}
            with rasterio.open(path, "w", **options) as dataset:
                dataset.write(bands)
                dataset.update_tags(**tags)
                if rpcs is not None:
                    dataset.rpcs = rpcs
        return path

    @staticmethod
    def cosar(path: Path, values: np.ndarray) -> Path:
        """Write a CoSAR file of one burst: four annotation lines, then 16-bit samples."""
        lines, samples = values.shape
        words = np.zeros((lines + 4, samples + 2), ">u4")
        bytes_per_line = 4 * (samples + 2)
        magic = int.from_bytes(b"CSAR", "big")
        total = lines + 4
        words[0, :9] = total * bytes_per_line, 0, samples, lines, 1, bytes_per_line, total, magic, 1
        words[4:, 0], words[4:, 1] = 1, samples
        pairs = np.stack([values.real, values.imag], axis=-1).astype(">i2")
        words[4:, 2:] = pairs.reshape(lines, -1).view(">u4")
        words.tofile(path)
        return path

    @staticmethod
    def sicd(path: Path, values: np.ndarray, pixel_type: str = "RE32F_IM32F") -> Path:
        """Write a SICD with sarkit."""
        sicd = pytest.importorskip("sarkit.sicd")
        from lxml import etree

        rows, columns = values.shape
        corners = "".join(
            f'<ICP index="{i}:{name}"><Lat>{lat}</Lat><Lon>{lon}</Lon></ICP>'
            for i, name, lat, lon in (
                (1, "FRFC", 1.5, 2.5), (2, "FRLC", 1.5, 3.5), (3, "LRLC", 0.5, 3.5),
                (4, "LRFC", 0.5, 2.5),
            )
        )  # fmt: skip
        tree = etree.fromstring(
            '<SICD xmlns="urn:SICD:1.3.0"><CollectionInfo><CollectorName>X</CollectorName>'
            "<CoreName>c</CoreName><RadarMode><ModeType>SPOTLIGHT</ModeType></RadarMode>"
            "<Classification>UNCLASSIFIED</Classification></CollectionInfo>"
            f"<ImageData><PixelType>{pixel_type}</PixelType><NumRows>{rows}</NumRows>"
            f"<NumCols>{columns}</NumCols><FirstRow>0</FirstRow><FirstCol>0</FirstCol>"
            "<SCPPixel><Row>5</Row><Col>5</Col></SCPPixel></ImageData>"
            "<GeoData><EarthModel>WGS_84</EarthModel><SCP><ECF><X>6378137</X><Y>0</Y><Z>0</Z></ECF>"
            "<LLH><Lat>1</Lat><Lon>3</Lon><HAE>0</HAE></LLH></SCP>"
            f"<ImageCorners>{corners}</ImageCorners></GeoData>"
            "<Grid><Row><UVectECF><X>0</X><Y>1</Y><Z>0</Z></UVectECF><SS>1</SS></Row>"
            "<Col><UVectECF><X>0</X><Y>0</Y><Z>1</Z></UVectECF><SS>1</SS></Col></Grid>"
            "<Timeline><CollectStart>2026-01-01T00:00:00Z</CollectStart></Timeline>"
            "<SCPCOA><ARPPos><X>7000000</X><Y>-500000</Y><Z>0</Z></ARPPos>"
            "<ARPVel><X>0</X><Y>0</Y><Z>7500</Z></ARPVel><SideOfTrack>R</SideOfTrack></SCPCOA>"
            "</SICD>"
        ).getroottree()
        security = sicd.NitfSecurityFields(clas="U")
        metadata = sicd.NitfMetadata(
            xmltree=tree,
            file_header_part=sicd.NitfFileHeaderPart(ostaid="here", security=security),
            im_subheader_part=sicd.NitfImSubheaderPart(isorce="made", security=security),
            de_subheader_part=sicd.NitfDeSubheaderPart(security=security),
        )
        kind = sicd.PIXEL_TYPES[pixel_type]["dtype"]
        stored = np.empty(values.shape, kind)
        if kind.names == ("real", "imag"):
            stored["real"], stored["imag"] = values.real, values.imag
        elif kind.names == ("amp", "phase"):
            stored["amp"] = np.abs(values)
            stored["phase"] = np.round(np.angle(values) * 128 / np.pi) % 256
        else:
            stored[...] = values
        with path.open("wb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the schema would have besides
            with sicd.NitfWriter(stream, metadata) as writer:
                writer.write_image(stored)
        return path

    @classmethod
    def safe(
        cls,
        folder: Path,
        measurements: dict[tuple[str, str], np.ndarray],
        annotation: Any,
        **changes: Any,
    ) -> Path:
        """Write a Sentinel-1 product: `measurements` by swath and polarisation, one annotation.

        Calibration is 2 + line / 1000 + column / 500 (sigma), 3 (beta), 4 (gamma); noise 100 in
        range, times 1 at the first and 2 at the last line.
        """
        product = folder / "S1A_IW_SLC__1SDV_20260101T000000_MADE.SAFE"
        product.mkdir(parents=True)
        (product / "manifest.safe").write_text(
            '<?xml version="1.0"?>\n<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1"/>\n'
        )
        for (swath, polarisation), values in measurements.items():
            stem = f"s1a-{swath}-slc-{polarisation}-made-001".lower()
            cls.geotiff(
                product / f"measurement/{stem}.tiff",
                values,
                dtype="complex_int16",
                tags={"TIFFTAG_IMAGEDESCRIPTION": "Sentinel-1A IW SLC L1"},
            )
            texts = {
                f"annotation/{stem}.xml": _annotation_xml(
                    annotation, values.shape, swath, polarisation, **changes
                ),
                f"annotation/calibration/calibration-{stem}.xml": _calibration_xml(values.shape),
                f"annotation/calibration/noise-{stem}.xml": _noise_xml(values.shape, swath),
            }
            for name, text in texts.items():
                (product / name).parent.mkdir(parents=True, exist_ok=True)
                (product / name).write_text(text)
        return product


def _iso(seconds: float) -> str:
    return (datetime(2026, 1, 1) + timedelta(seconds=seconds)).isoformat(timespec="microseconds")


def _annotation_xml(
    tops: Any, shape: tuple[int, int], swath: str, polarisation: str, kind: str = "SLC"
) -> str:
    rows, columns = shape
    bursts = fm_rates = centroids = ""
    for burst in tops.bursts:
        middle = burst.azimuth_time + burst.lines / 2 * tops.azimuth_time_interval
        bursts += (
            f"<burst><azimuthTime>{_iso(burst.azimuth_time)}</azimuthTime>"
            f"<firstValidSample>{' '.join(map(str, burst.first_valid))}</firstValidSample>"
            f"<lastValidSample>{' '.join(map(str, burst.last_valid))}</lastValidSample></burst>"
        )
        rate, centroid = burst.azimuth_fm_rate, burst.doppler_centroid
        fm_rates += (
            f"<azimuthFmRate><azimuthTime>{_iso(middle)}</azimuthTime><t0>{rate.origin!r}</t0>"
            "<azimuthFmRatePolynomial>"
            f"{' '.join(map(repr, rate.coefficients))}</azimuthFmRatePolynomial></azimuthFmRate>"
        )
        centroids += (
            f"<dcEstimate><azimuthTime>{_iso(middle)}</azimuthTime><t0>{centroid.origin!r}</t0>"
            f"<dataDcPolynomial>{' '.join(map(repr, centroid.coefficients))}</dataDcPolynomial>"
            "</dcEstimate>"
        )
    speed = tops.bursts[0].velocity
    orbit = "".join(
        f"<orbit><time>{_iso(t)}</time><position><x>{7e6 - t}</x><y>{speed * t}</y><z>0</z>"
        f"</position><velocity><x>0</x><y>{speed}</y><z>0</z></velocity></orbit>"
        for t in (-10.0, 0.0, 10.0, 20.0)
    )
    points = "".join(
        f"<geolocationGridPoint><azimuthTime>{_iso(0)}</azimuthTime><line>{line}</line>"
        f"<pixel>{pixel}</pixel><latitude>{50 - line / 1e4!r}</latitude>"
        f"<longitude>{10 + pixel / 1e4!r}</longitude><height>{line + pixel}</height>"
        f"<incidenceAngle>{30 + pixel / 1e3!r}</incidenceAngle></geolocationGridPoint>"
        for line in [burst.first_line for burst in tops.bursts] + [rows]
        for pixel in (0, columns // 2, columns - 1)
    )
    per_burst = tops.bursts[0].lines
    return f"""<product>
<adsHeader><missionId>S1A</missionId><productType>{kind}</productType>
<polarisation>{polarisation}</polarisation><mode>IW</mode><swath>{swath}</swath></adsHeader>
<generalAnnotation><productInformation><pass>Ascending</pass>
<rangeSamplingRate>{tops.range_sampling_rate!r}</rangeSamplingRate>
<radarFrequency>{tops.radar_frequency!r}</radarFrequency>
<azimuthSteeringRate>{float(np.rad2deg(tops.steering_rate))!r}</azimuthSteeringRate>
</productInformation><orbitList>{orbit}</orbitList>
<azimuthFmRateList>{fm_rates}</azimuthFmRateList></generalAnnotation>
<imageAnnotation><imageInformation><productFirstLineUtcTime>{_iso(0)}</productFirstLineUtcTime>
<slantRangeTime>{tops.slant_range_time!r}</slantRangeTime>
<azimuthTimeInterval>{tops.azimuth_time_interval!r}</azimuthTimeInterval>
<rangePixelSpacing>2.33</rangePixelSpacing><azimuthPixelSpacing>13.9</azimuthPixelSpacing>
<numberOfSamples>{columns}</numberOfSamples><numberOfLines>{rows}</numberOfLines>
<incidenceAngleMidSwath>33.0</incidenceAngleMidSwath></imageInformation></imageAnnotation>
<dopplerCentroid><dcEstimateList>{centroids}</dcEstimateList></dopplerCentroid>
<swathTiming><linesPerBurst>{per_burst}</linesPerBurst><samplesPerBurst>{columns}</samplesPerBurst>
<burstList>{bursts}</burstList></swathTiming>
<geolocationGrid><geolocationGridPointList>{points}</geolocationGridPointList></geolocationGrid>
</product>"""


def _calibration_xml(shape: tuple[int, int]) -> str:
    rows, columns = shape
    pixels = sorted({0, columns // 3, columns - 1})

    def numbers(values: list[float]) -> str:
        return " ".join(map(repr, values))

    vectors = "".join(
        f"<calibrationVector><line>{line}</line><pixel>{' '.join(map(str, pixels))}</pixel>"
        f"<sigmaNought>{numbers([2 + line / 1000 + p / 500 for p in pixels])}</sigmaNought>"
        f"<betaNought>{numbers([3.0] * len(pixels))}</betaNought>"
        f"<gamma>{numbers([4.0] * len(pixels))}</gamma></calibrationVector>"
        for line in (-10, rows // 2, rows + 10)
    )
    vector_list = f"<calibrationVectorList>{vectors}</calibrationVectorList>"
    return f"<calibration>{vector_list}</calibration>"


def _noise_xml(shape: tuple[int, int], swath: str) -> str:
    rows, columns = shape
    return (
        "<noise><noiseRangeVectorList><noiseRangeVector><line>0</line>"
        f"<pixel>0 {columns - 1}</pixel><noiseRangeLut>100 100</noiseRangeLut></noiseRangeVector>"
        "</noiseRangeVectorList><noiseAzimuthVectorList><noiseAzimuthVector>"
        f"<swath>{swath}</swath><firstAzimuthLine>0</firstAzimuthLine><firstRangeSample>0"
        f"</firstRangeSample><lastAzimuthLine>{rows - 1}</lastAzimuthLine><lastRangeSample>"
        f"{columns - 1}</lastRangeSample><line>0 {rows - 1}</line>"
        "<noiseAzimuthLut>1 2</noiseAzimuthLut></noiseAzimuthVector></noiseAzimuthVectorList>"
        "</noise>"
    )
