"""The base of what every method returns."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from napari_lossviz.core.config import MethodConfig
from napari_lossviz.core.edits import Edit
from napari_lossviz.core.image import Image, NamedImage


@dataclass(frozen=True, eq=False, kw_only=True)
class Result(ABC):
    """Base of the methods' results.

    Attributes
    ----------
    source : Image
        The input, with geometry and metadata for the writers.
    config : MethodConfig
        The configuration of the run.
    history : mapping of str to list of float
        Every loss term by step.
    metrics : mapping of str to float
        Figures about the run (noise, residual, strength, …), by name.
    device : str
        "cpu", "cuda:0 NVIDIA …", "mps".
    threads : int
        CPU threads over which sums were split (torch's); a replay restores them. Kernels in blocks
        of rows do not count: their results are the same for any number.
    seconds : float
        Wall time of the run.
    peak_memory : int
        Peak of the process's resident memory (CPU) or of allocated memory (GPU) in bytes.
    edits : tuple of Edit
        Edits that the result contains, in order.
    warnings : tuple of str
        What the user should know, a sentence each.
    files : mapping of str to str
        SHA-256 of the files of weights as they were when they were loaded, by setting.
    """

    method: ClassVar[str]

    source: Image
    config: MethodConfig
    history: Mapping[str, list[float]] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    device: str = "cpu"
    threads: int = 1
    seconds: float = 0.0
    peak_memory: int = 0
    edits: tuple[Edit, ...] = ()
    warnings: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    def inputs(self) -> tuple[Image, ...]:
        """Return all images that the run took, in the order of the method's arguments."""
        return (self.source,)

    def with_inputs(self, *images: Image) -> Self:
        """Return a copy with other inputs, such as the same with their headers."""
        (source,) = images
        return replace(self, source=source)

    @abstractmethod
    def images(self) -> Iterator[NamedImage]:
        """Yield the images of the result, the main one (role "result") first."""

    @abstractmethod
    def describe(self) -> str:
        """Return method, paper and the parameters that matter in one line of plain text.

        It becomes the DICOM DerivationDescription and a figure's caption.
        """

    def main_image(self) -> Image:
        """Return the main result as an image with the source's geometry and metadata."""
        named = next(iter(self.images()))
        array: Any = named.array
        return self.source.replace(array=array, name=f"{self.source.name} {named.name}")


@dataclass(frozen=True, eq=False, kw_only=True)
class PairResult(Result):
    """Base of the results of methods that take two images.

    Attributes
    ----------
    target_image : Image
        The second input; `source` is the first.
    """

    target_image: Image

    def inputs(self) -> tuple[Image, ...]:
        """Return both images."""
        return self.source, self.target_image

    def with_inputs(self, *images: Image) -> Self:
        """Return a copy with other images."""
        source, target = images
        return replace(self, source=source, target_image=target)
