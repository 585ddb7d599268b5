"""napari-lossviz: self-supervised imaging methods with their losses made visible.

Importing this package costs next to nothing: no torch, no Qt, no napari. The rooms are
imported when they are named (``napari_lossviz.io``, ``napari_lossviz.filter2noise``, …).
"""

from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"

_ROOMS = ("betti", "core", "engine", "filter2noise", "io", "jobs", "losses", "metrics", "samples")

__all__ = ["__version__", *_ROOMS]


def __getattr__(name: str) -> ModuleType:
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
