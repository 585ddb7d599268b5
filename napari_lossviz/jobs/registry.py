"""The methods by name: what the dock, the command line, a recipe and a cluster choose from.

Functions and configurations are named as strings and imported when they are used, so that
listing the methods costs nothing and a replayed recipe imports the one method it needs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from napari_lossviz.core import Image, InputError, MethodConfig, Result


@dataclass(frozen=True, slots=True)
class Method:
    """One method.

    Attributes
    ----------
    name : str
        Name in recipes; the `method` of its configuration and its result.
    command : str
        Name of its command: ``lossviz <command>``.
    title : str
        Name for people.
    summary : str
        What it does, in one sentence.
    function : str
        Entry function as "module:name", called as ``function(image, config, reporter=…)``.
    config : str
        Configuration class as "module:name".
    presets : tuple of str
        Names of the presets, the default first: that one is the plain constructor, each other one
        a class method of the configuration.
    metadata : tuple of str
        Keys of an image's metadata that the method reads; the others are not sent to another
        process.
    images : int
        How many images a run takes: 2 are a prediction and its target.
    files : str
        What an export writes instead of maps and the picture of before and after, as
        "module:name", called as ``function(result, folder, parts)`` for the names of its files.
        Empty: those are written.
    doubts : str
        What says, as "module:name" called ``function(image, config)``, in sentences what speaks
        against a configuration for an image. Empty: nothing.
    shared : str
        What does parts of a run in several processes, as "module:class", made with ``(image,
        config, folder, reporter=…)``; the function then takes the folder as ``parts=``. Empty: a
        run is one process's.
    """

    name: str
    command: str
    title: str
    summary: str
    function: str
    config: str
    presets: tuple[str, ...] = ("default",)
    metadata: tuple[str, ...] = ()
    images: int = 1
    files: str = ""
    doubts: str = ""
    shared: str = ""

    def load_function(self) -> Callable[..., Result]:
        """Import and return the entry function (and with it torch, where the method needs it)."""
        function: Callable[..., Result] = _load(self.function)
        return function

    def load_config(self) -> type[MethodConfig]:
        """Import and return the configuration class; no method's needs torch for that."""
        config: type[MethodConfig] = _load(self.config)
        return config

    def load_files(self) -> Callable[..., list[str]] | None:
        """Import and return what an export writes beside the image; None: the usual."""
        if not self.files:
            return None
        files: Callable[..., list[str]] = _load(self.files)
        return files

    def doubts_of(self, image: Image, config: MethodConfig) -> tuple[str, ...]:
        """Return what speaks against a configuration for an image, for a word before the run."""
        if not self.doubts:
            return ()
        said: tuple[str, ...] = _load(self.doubts)(image, config)
        return said

    def load_shared(self) -> Callable[..., Any]:
        """Import and return what does parts of a run; only where `shared` names it."""
        shared: Callable[..., Any] = _load(self.shared)
        return shared

    def preset(self, name: str) -> MethodConfig:
        """Return the configuration of a preset.

        Raises
        ------
        InputError
            If the method has no such preset.
        """
        if name not in self.presets:
            raise InputError(
                f"{self.title} has no preset {name!r}; choose one of {', '.join(self.presets)}"
            )
        config = self.load_config()
        if name == self.presets[0]:
            return config()
        chosen: MethodConfig = getattr(config, name)()
        return chosen


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="filter2noise",
            command="denoise",
            title="Filter2Noise",
            summary="Denoise a CT or any other image from itself alone, by a filter whose strength "
            "at every pixel can be seen and edited.",
            function="napari_lossviz.filter2noise:denoise",
            config="napari_lossviz.filter2noise.config:Filter2NoiseConfig",
            presets=("trained", "best", "instant", "paper"),
        ),
        Method(
            name="merlin",
            command="despeckle",
            title="MERLIN",
            summary="Despeckle a single-look-complex SAR image from the independence of its real "
            "and imaginary parts, by a pretrained network or one trained on the image itself.",
            function="napari_lossviz.merlin:despeckle",
            config="napari_lossviz.merlin.config:MerlinConfig",
            presets=("pretrained", "fast", "fine_tune", "best", "from_scratch", "paper"),
            metadata=("sar",),
            doubts="napari_lossviz.merlin.sensors:doubts",
        ),
        Method(
            name="betti",
            command="betti",
            title="Betti matching",
            summary="Match the components, loops and cavities of predictions with those of their "
            "targets, place by place, and say which model errs less.",
            function="napari_lossviz.betti:match",
            config="napari_lossviz.betti.config:BettiConfig",
            images=2,
            files="napari_lossviz.jobs.betti_export:write_betti_files",
        ),
        Method(
            name="stain",
            command="stain translate",
            title="Stain translation",
            summary="Turn H&E images into virtual IHC by a trained generator, or train one on "
            "roughly registered pairs and see which parts of them the loss trusted.",
            function="napari_lossviz.stain:translate_image",
            config="napari_lossviz.stain.config:StainConfig",
            presets=("default", "fast", "exact", "paper", "small"),
            doubts="napari_lossviz.stain.source_look:doubts",
            shared="napari_lossviz.stain.shared:SharedTranslation",
        ),
        Method(
            name="stain_training",
            command="stain train",
            title="Stain translation: training",
            summary="Train a translation of stains on two registered images, and see where the "
            "loss believed their agreement.",
            function="napari_lossviz.stain:train_layers",
            config="napari_lossviz.stain.config:StainTrainingConfig",
            presets=("default", "paper", "small"),
            images=2,
        ),
    )
}


def find_method(name: str) -> Method:
    """Return the method of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    try:
        return METHODS[name]
    except KeyError:
        raise InputError(
            f"there is no method {name!r} in this version; it has {', '.join(sorted(METHODS))}"
        ) from None


def _load(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)
