"""What tests of several rooms share: a tiny method, a folder of images, and radar files."""

import asyncio
import errno
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from pydantic import model_validator
from radar_files import MadeRadar

from napari_lossviz import io
from napari_lossviz.core import Image, MethodConfig, NamedImage, Result, Step, setting, silent
from napari_lossviz.jobs import registry
from napari_lossviz.jobs.registry import Method


class HalvingConfig(MethodConfig):
    method = "halving"

    times: int = setting(1, "How often to halve.", ge=0, le=9)
    lambda_: float = setting(0.5, "Weight of nothing.", unit="HU", gt=0)
    window: tuple[float, float] | None = setting(None, "Low and high end.")
    device: Literal["auto", "cpu"] = setting("auto", "Where to run.")

    @model_validator(mode="after")
    def _check(self) -> "HalvingConfig":
        if self.window is not None and self.window[0] >= self.window[1]:
            raise ValueError("window: the low end must lie below the high end")
        return self

    @classmethod
    def strong(cls) -> "HalvingConfig":
        return cls(times=4)


@dataclass(frozen=True, eq=False, kw_only=True)
class HalvingResult(Result):
    method: ClassVar[str] = "halving"

    output: np.ndarray

    def images(self) -> Any:
        yield NamedImage("denoised", self.output, "result", self.source.value_unit)
        sigma = np.full(self.source.spatial_shape, 2.0, np.float32)
        yield NamedImage("sigma_x stage 1", sigma, "map", "pixel")

    def describe(self) -> str:
        return f"halved {self.config.times} times"


def halve(
    image: Image, config: HalvingConfig, *, reporter: Any = None, out: Any = None, edits: Any = ()
) -> HalvingResult:
    array = np.asarray(image.array)
    for done in range(config.times):
        (reporter or silent)(Step(done, config.times, {"total": 0.5}, message="halving"))
        array = (array / 2).astype(image.array.dtype)
    return HalvingResult(source=image, config=config, output=array, edits=tuple(edits))


@pytest.fixture
def halving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Method]:
    module = ModuleType("lossviz_test_halving")
    module.halve, module.HalvingConfig = halve, HalvingConfig  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    method = Method(
        name="halving",
        command="halve",
        title="Halving",
        summary="Halve every value.",
        function="lossviz_test_halving:halve",
        config="lossviz_test_halving:HalvingConfig",
        presets=("default", "strong"),
    )
    monkeypatch.setitem(registry.METHODS, "halving", method)
    return method


@pytest.fixture
def noisy_folder(tmp_path: Path) -> Path:
    """Give a folder of two small noisy images, image0.tif and image1.tif."""
    folder = tmp_path / "in"
    folder.mkdir()
    for n in range(2):
        pixels = np.random.default_rng(n).normal(0, 10, (48, 48)).astype(np.float32)
        io.write(Image(pixels, "yx"), folder / f"image{n}.tif")
    return folder


@pytest.fixture(scope="session")
def radar() -> type[MadeRadar]:
    return MadeRadar


@pytest.fixture
def full_at_first_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the disk be full at a store's first chunk, while all others are late."""
    zarr = pytest.importorskip("zarr")
    write = zarr.storage.LocalStore.set

    async def full_disk(store: Any, key: str, value: Any, *rest: Any) -> None:
        if key.endswith("0/0"):
            raise OSError(errno.ENOSPC, "full")
        await asyncio.sleep(0.1)
        await write(store, key, value, *rest)

    monkeypatch.setattr(zarr.storage.LocalStore, "set", full_disk)
