"""The command that a dock names does what the dock is set to."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from napari_lossviz import io
from napari_lossviz.cli import main, method_command
from napari_lossviz.core import Selection
from napari_lossviz.jobs.registry import find_method
from napari_lossviz.jobs.selection import select
from napari_lossviz.samples.tops import simulate_tops
from napari_lossviz.ui.command_line import command_line

METHOD = find_method("merlin")


@pytest.fixture
def ordered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """What commands would do instead of doing it."""
    seen: list[tuple[Any, Any]] = []
    monkeypatch.setattr(method_command, "run_all", lambda *order: seen.append(order) or 0)
    return seen


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("pretrained", {}),
        ("fine_tune", {"weights": "sentinel_tops", "device": "cpu", "learning_rate": 2e-4}),
        ("fast", {"weights": "my own.pth", "symmetrise": False, "check_statistics": False}),
        ("paper", {"centring": "blocks", "tile": 512, "scale": 0.5}),
    ],
)
def test_the_command_has_the_same_settings_image_and_part(
    radar: Any, tmp_path: Path, ordered: list[Any], preset: str, changes: dict[str, Any]
) -> None:
    path = radar.geotiff(tmp_path / "a scene.tif", radar.values((64, 80)))
    (image,) = io.read(path)
    config = METHOD.preset(preset).replace(**changes)
    part = Selection(ranges={"y": (3, 50), "x": (0, 70)})
    words = shlex.split(command_line(METHOD, preset, config, select(image, part), part))
    assert words[:3] == ["lossviz", "despeckle", str(path)]
    assert main(words[1:]) == 0
    ((order, images),) = ordered
    assert order.config == config
    assert order.output == "a scene_despeckled.tif"
    assert images[0].shape == (64, 80)
    assert order.options.selection(images[0]) == part


def test_an_image_of_a_product_is_the_same_one(
    radar: Any, tmp_path: Path, ordered: list[Any]
) -> None:
    tops = simulate_tops(2, 48, 64, overlap=16, margin=4)
    names = [(swath, pol) for swath in ("IW1", "IW2") for pol in ("VH", "VV")]
    folder = radar.safe(tmp_path, dict.fromkeys(names, tops.slc.round()), tops.annotation)
    image = io.read(folder)[2]
    main(shlex.split(command_line(METHOD, "fast", METHOD.preset("fast"), image, Selection()))[1:])
    ((_, images),) = ordered
    assert images[0].metadata["sar"].acquisition == image.metadata["sar"].acquisition
    assert images[0].metadata["sar"].tops is not None


def test_an_image_without_a_file_has_no_command(radar: Any, tmp_path: Path) -> None:
    (image,) = io.read(radar.geotiff(tmp_path / "slc.tif", radar.values()))
    layer = image.replace(origin=type(image.origin)())
    assert command_line(METHOD, "fast", METHOD.preset("fast"), layer, Selection()) == ""
