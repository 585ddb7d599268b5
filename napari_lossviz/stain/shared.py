"""One translation shared by several processes: each does parts of it, and one joins them."""

from pathlib import Path

from napari_lossviz.core import Image, Reporter
from napari_lossviz.engine.devices import choose_device
from napari_lossviz.engine.progress import Progress
from napari_lossviz.stain.checkpoint import load_checkpoint
from napari_lossviz.stain.config import StainConfig
from napari_lossviz.stain.parts import Parts
from napari_lossviz.stain.slide import keep, look_at
from napari_lossviz.stain.tiled import TiledSlide


class SharedTranslation:
    """What a process does that takes part.

    One plans; all do the parts that are missing, those of the first list before those of the next;
    at last `translate_image` with the same folder joins them. Everybody has the same image and
    configuration. The pixels are those of one process with as many threads, to the last bit.

    Parameters
    ----------
    image : Image
    config : StainConfig
    folder : Path
        For the parts, of this image with this configuration alone.
    reporter : Reporter, optional
        Called at every tile; may raise `Cancelled`.

    Raises
    ------
    InputError
        If the image or the checkpoint cannot be used.
    """

    def __init__(
        self, image: Image, config: StainConfig, folder: Path, *, reporter: Reporter | None = None
    ) -> None:
        self._parts = Parts(folder)
        progress = Progress(reporter, 1)
        checkpoint = load_checkpoint(config.checkpoint)
        self._slide = look_at(image, checkpoint, config, progress, self._parts)
        device = choose_device(config.device)
        self._tiled = TiledSlide(self._slide, checkpoint, config, device, progress, self._parts)
        progress.extend(self._tiled.passes)

    def plan(self, processes: int) -> list[list[str]]:
        """Divide it, unless that was done before, and return what is missing.

        Parameters
        ----------
        processes : int
            That will take part.

        Returns
        -------
        list of list of str
            Names of parts; each list needs all those before it. Empty where sharing does not help.
        """
        if self._parts.division is None:
            division = self._tiled.divided(processes)
            if division is None or len(division.bands) <= 2:
                return []
            keep(self._slide, self._parts)
            self._parts.divide(division)
        self._parts.clear()
        return self._parts.missing()

    def do(self, name: str) -> None:
        """Do a part and keep it; nothing happens if there is no such part."""
        self._tiled.do(name, self._parts)
