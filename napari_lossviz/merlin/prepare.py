"""Before the network: statistics, centring, level; everything that only looks at the image."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from napari_lossviz.core import Box
from napari_lossviz.merlin.config import MerlinConfig
from napari_lossviz.merlin.independence import LIMIT, IndependenceTest, measure_independence
from napari_lossviz.merlin.normalisation import (
    NORMALISATIONS,
    USUAL_AMPLITUDES,
    median_amplitude,
)
from napari_lossviz.merlin.scene import Scene, spread_boxes
from napari_lossviz.merlin.sensors import other_sensor, sensor_mode
from napari_lossviz.merlin.spectrum import (
    BlockCentring,
    Centring,
    Complex,
    Spectra,
    frequencies,
    measure_whole_image,
    power_profiles,
    unchanged,
)
from napari_lossviz.merlin.tops import TopsBurst, TopsCentring, bursts_of
from napari_lossviz.merlin.weights import MerlinWeights

_SPECTRUM_SIDE, _SPECTRUM_BLOCKS = 256, 16


@dataclass(frozen=True)
class Segment:
    """Rows that are despeckled by themselves: the whole image, or a burst.

    Attributes
    ----------
    first, last : int
        Half-open range of rows.
    centring : callable
        How its spectrum is centred.
    """

    first: int
    last: int
    centring: Centring


@dataclass(frozen=True, eq=False)
class Prepared:
    """What is known of a scene before the network sees it.

    Attributes
    ----------
    segments : list of Segment
    bursts : tuple of TopsBurst
    before, after : IndependenceTest, optional
    spectra : Spectra, optional
    warnings : tuple of str
    """

    segments: list[Segment]
    bursts: tuple[TopsBurst, ...] = ()
    before: IndependenceTest | None = None
    after: IndependenceTest | None = None
    spectra: Spectra | None = None
    warnings: tuple[str, ...] = field(default=())


def prepare(scene: Scene, config: MerlinConfig, poll: Callable[[], None]) -> Prepared:
    """Test the statistics, choose the centring, and test again.

    Parameters
    ----------
    scene : Scene
    config : MerlinConfig
    poll : callable
        Called often; may raise to stop.
    """

    def read(box: Box) -> Complex:
        poll()
        return scene.read(box)

    before = None
    if config.check_statistics:
        before = _measured(scene, read, poll)
    bursts = bursts_of(scene.image) if config.symmetrise else ()
    segments = _segments(scene, config, bursts, read)
    if before is None:
        return Prepared(segments, bursts)
    centred = centred_reader(scene, segments, config.tile)
    after = before
    if config.symmetrise:
        after = _measured(scene, centred, poll)
    return Prepared(
        segments,
        bursts,
        before,
        after,
        _spectra(scene, centred, poll),
        _statements(before, after, config, bool(bursts)),
    )


def segment_rows(scene: Scene, config: MerlinConfig) -> list[tuple[int, int]]:
    """Return first and last row (half-open) of each segment, before anything is measured."""
    bursts = bursts_of(scene.image) if config.symmetrise else ()
    height = scene.shape[0]
    return [burst.rows(height) for burst in bursts] or [(0, height)]


def centred_reader(scene: Scene, segments: list[Segment], context: int) -> Callable[[Box], Complex]:
    """Return a reader of the values as the network will see them.

    Parameters
    ----------
    scene : Scene
    segments : list of Segment
        Rows outside of all are read as 0.
    context : int
        Side of the part whose own centroid a block-wise centring takes.
    """

    def read(box: Box) -> Complex:
        values = np.zeros(box.shape, np.complex64)
        for segment in segments:
            rows = Box(segment.first, segment.last, 0, scene.shape[1])
            part = box & rows
            if part.empty:
                continue
            wide = part
            if isinstance(segment.centring, BlockCentring):
                height, width = part.shape
                grow = max((context - min(height, width)) // 2, 0)
                wide = part.grow(grow) & rows
            centred = segment.centring(scene.read(wide), wide)
            inside = centred[
                part.y0 - wide.y0 : part.y1 - wide.y0, part.x0 - wide.x0 : part.x1 - wide.x0
            ]
            values[part.y0 - box.y0 : part.y1 - box.y0] = inside
        return values

    return read


def level_warnings(scene: Scene, weights: MerlinWeights, config: MerlinConfig) -> tuple[str, ...]:
    """Say where the image is not what the weights were trained on: its level, its sensor."""
    said = []
    image = scene.image
    sensor = weights.sensor
    mode = sensor_mode(image)
    if mode is not None and sensor in NORMALISATIONS and mode != sensor:
        said.append(other_sensor(image.name, mode, weights.name, sensor))
    for known, (low, high) in USUAL_AMPLITUDES.items():
        if known != sensor:
            continue
        median = median_amplitude(scene.sample()) * config.scale * weights.normalisation.scale
        if median > 0 and not low <= median <= high:
            said.append(
                f"{image.name}: the median amplitude is {median:.3g}, the weights "
                f"{weights.name!r} expect the sensor's digital numbers ({low:g} to {high:g}); a "
                "calibrated or rescaled image is despeckled wrongly. Despeckle the digital "
                "numbers and calibrate afterwards, or set scale to the factor between them."
            )
    return tuple(said)


def _measured(
    scene: Scene, read: Callable[[Box], Complex], poll: Callable[[], None]
) -> IndependenceTest:
    return measure_independence(read, scene.shape, azimuth_axis=scene.azimuth_axis, poll=poll)


def _segments(
    scene: Scene,
    config: MerlinConfig,
    bursts: tuple[TopsBurst, ...],
    read: Callable[[Box], Complex],
) -> list[Segment]:
    if bursts:
        height = scene.shape[0]
        return [Segment(*burst.rows(height), TopsCentring(burst)) for burst in bursts]
    centring: Centring = unchanged
    if config.symmetrise and config.centring == "blocks":
        centring = BlockCentring(scene.azimuth_axis)
    elif config.symmetrise:
        centring = measure_whole_image(read, scene.shape)
    return [Segment(0, scene.shape[0], centring)]


def _spectra(scene: Scene, centred: Callable[[Box], Complex], poll: Callable[[], None]) -> Spectra:
    height, width = scene.shape
    side = (min(_SPECTRUM_SIDE, height), min(_SPECTRUM_SIDE, width))
    found: dict[str, list[Complex]] = {"before": [], "after": []}
    for box in spread_boxes(scene.shape, side, _SPECTRUM_BLOCKS):
        poll()
        found["before"].append(scene.read(box))
        found["after"].append(centred(box))
    axis = scene.azimuth_axis
    return Spectra(
        frequencies(side, axis),
        power_profiles(found["before"], axis),
        power_profiles(found["after"], axis),
    )


def _statements(
    before: IndependenceTest, after: IndependenceTest, config: MerlinConfig, deramped: bool
) -> tuple[str, ...]:
    if before.verdict == "independent":
        return ()
    if not config.symmetrise or before.verdict in ("unequal", "unknown"):
        return (before.sentence,)
    if deramped and after.verdict == "independent":
        return ()  # every TOPS product is so, and its annotation says how to mend it
    if after.verdict in ("independent", "unequal"):
        return (
            f"{before.finding} Done: {'each burst was deramped' if deramped else 'centred'}; "
            f"afterwards the correlation is up to {after.worst:.2f} in blocks.",
        )
    whole = "Centring the whole image"
    tried = (
        "Deramping" if deramped else {"blocks": "Centring by blocks"}.get(config.centring, whole)
    )
    done = deramped or before.verdict == "shifted"
    done |= before.verdict == "drifting" and config.centring == "blocks"
    return (
        f"{before.finding if done else before.sentence} {tried} did not mend it (the "
        f"correlation is still up to {after.worst:.2f} in blocks, where up to {LIMIT} would do); "
        "the result will be less despeckled or streaked there.",
    )
