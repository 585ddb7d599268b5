"""The layers of one finished run, in one viewer."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from napari.layers import Image as ImageLayer
from napari.layers import Layer
from qtpy.QtCore import QTimer

from napari_lossviz.core import Image, NamedImage, Result
from napari_lossviz.ui.layers import METADATA_KEY, LayerData, derived_layer
from napari_lossviz.ui.session_runs import runs_of
from napari_lossviz.ui.thumbnails import draw_thumbnail

_STAGE = re.compile(r"(?P<name>.+?)(?: stage (?P<stage>\d+))?")
_LOSS = "loss "
_KEPT = "result"
"""Under our key of a main result's metadata: its `ResultLayers`, for a dock that opens later."""


@dataclass(eq=False)
class ResultLayers:
    """One finished run shown in one viewer. Layers are held themselves, never their names.

    Attributes
    ----------
    result : Result
        As it was computed, without later edits.
    source : napari.layers.Image or Labels
        The layer that the run took.
    others : tuple of napari layers
        Further ones that it took.
    denoised : napari.layers.Image
        The main result.
    residual : napari.layers.Image, optional
    maps : dict of (str, int) to napari.layers.Image
        By name and zero-based stage.
    losses : dict of str to napari.layers.Image
        By term; made by `show_loss` when they are asked for.
    loss_images : dict of str to NamedImage
        What those show, by term.
    """

    result: Any
    source: ImageLayer
    denoised: ImageLayer
    others: tuple[Any, ...] = ()
    residual: ImageLayer | None = None
    maps: dict[tuple[str, int], ImageLayer] = field(default_factory=dict)
    losses: dict[str, ImageLayer] = field(default_factory=dict)
    loss_images: dict[str, NamedImage] = field(default_factory=dict)

    def all_layers(self) -> list[ImageLayer]:
        """Return the layers of the result, the main one first."""
        residual = [] if self.residual is None else [self.residual]
        return [self.denoised, *residual, *self.maps.values(), *self.losses.values()]

    def is_shown(self, viewer: Any) -> bool:
        """Whether source and main result are in the viewer."""
        return self.denoised in viewer.layers and self.source in viewer.layers

    def remove_from(self, viewer: Any) -> None:
        """Remove the layers that are still in the viewer; the source stays."""
        for remove in self.removals(viewer):
            remove()

    def removals(self, viewer: Any) -> list[Callable[[], None]]:
        """Return functions that remove the layers, one each, those that are still there."""

        def remove(layer: ImageLayer) -> None:
            if layer in viewer.layers:
                viewer.layers.remove(layer)

        return [partial(remove, layer) for layer in self.all_layers()]


def add_result(
    viewer: Any,
    result: Result,
    source_layer: ImageLayer,
    *others: Any,
    label: str = "",
    images: Sequence[NamedImage] | None = None,
    main_only: bool = False,
    preview: ImageLayer | None = None,
) -> ResultLayers:
    """Show a result: the main image, then the hidden residual and maps.

    The layers lie where the source lies and carry its scale, units and axis labels; the main one
    takes over its colormap and contrast limits. The selection of layers stays as it is.

    Parameters
    ----------
    viewer : napari.Viewer
    result : Result
        Its `source` is the image of `source_layer`.
    source_layer : napari.layers.Image or Labels
    *others : napari layers
        Those of the further images that the run took.
    label : str
        Tells results of one input apart in the layers' names.
    images : sequence of NamedImage, optional
        The result's images, where they were made already: that takes time for a large stack.
    main_only : bool
        Leave the hidden layers to `followers`, so that the window does not stop.
    preview : napari.layers.Image, optional
        A layer of one slice that becomes the main layer, where it can: to remove a layer and add
        another takes napari half a second.
    """
    made: dict[str, list[tuple[NamedImage, ImageLayer]]] = {}
    terms: dict[str, NamedImage] = {}
    for named in result.images() if images is None else images:
        if named.role == "labels":
            continue  # the dock of a method that has them shows them as it likes
        if named.role == "loss":
            terms[named.name.removeprefix(_LOSS)] = named
        else:
            data = _derived(named, result.source, source_layer, label)
            taken = preview if named.role == "result" else None
            made.setdefault(named.role, []).append((named, _made_from(data, taken)))
    main = made["result" if "result" in made else "gradient"][0][1]
    residuals = [layer for _, layer in made.get("residual", [])]
    layers = ResultLayers(
        result=result,
        source=source_layer,
        others=others,
        denoised=main,
        residual=residuals[0] if residuals else None,
        maps={_map_key(named.name): layer for named, layer in made.get("map", [])},
        loss_images=terms,
    )
    main.metadata[METADATA_KEY][_KEPT] = layers
    for layer in layers.maps.values():
        with_colorbar(layer)
    if main not in viewer.layers:
        if preview in viewer.layers:
            viewer.layers.remove(preview)
        add_quietly(viewer, main)
    if not main_only:
        for add in followers(viewer, layers):
            add()
    runs_of(viewer).remember(layers)
    return layers


def followers(viewer: Any, layers: ResultLayers) -> list[Callable[[], None]]:
    """Return functions that add the hidden layers of a result, two for each.

    A function does nothing if the main layer is gone.
    """

    def add(layer: ImageLayer) -> None:
        if layers.denoised in viewer.layers and layer not in viewer.layers:
            add_quietly(viewer, layer)

    hidden = layers.all_layers()[1:]
    return [
        step for layer in hidden for step in (partial(draw_thumbnail, layer), partial(add, layer))
    ]


def _derived(named: NamedImage, source: Image, shown: ImageLayer, label: str = "") -> LayerData:
    """Return the layer of an image of a result, which no file holds.

    Taken as an input, it is saved beside its recipe: the source's file has other pixels.
    """
    data = derived_layer(named, source, shown, label=label)
    known = data[1]["metadata"][METADATA_KEY]
    origin = replace(source.origin, paths=(), guarded=source.origin.never_overwritten)
    known["image"] = known["image"].replace(origin=origin)
    return data


def _made_from(data: LayerData, preview: ImageLayer | None) -> ImageLayer:
    """Return the layer of some data, which a preview of the same kind becomes."""
    array, settings, _ = data
    if preview is None or preview.rgb or settings["rgb"] or preview.ndim != array.ndim:
        return Layer.create(*data)
    preview.data = array
    for name in ("translate", "name", "metadata", "visible"):
        setattr(preview, name, settings[name])
    return preview


def add_quietly(viewer: Any, layer: ImageLayer) -> None:
    """Add a layer on top and leave the selection as it is."""
    selection = viewer.layers.selection
    selected, active = set(selection), selection.active
    with selection.events.blocker_all():
        viewer.add_layer(layer)
        viewer.layers.selection = selected
        selection.active = active


def remove_quietly(viewer: Any, layers: Iterable[Any]) -> None:
    """Remove those of some layers that are still there; selected ones a moment later.

    napari may be in a loop over the selected layers, removing them, and fails at one that is gone.
    """

    def remove(layer: Any) -> None:
        if layer in viewer.layers:
            viewer.layers.remove(layer)

    for layer in layers:
        if layer in viewer.layers.selection:
            layer.name = f"{layer.name} (before)"  # what comes in its place may have its name
            QTimer.singleShot(0, partial(remove, layer))
        else:
            remove(layer)


def with_colorbar(layer: ImageLayer) -> None:
    """Let a colorbar appear with the layer; making it at once would cost time for nothing."""

    def show(event: Any = None) -> None:
        if layer.visible:
            layer.colorbar.visible = True
            layer.events.visible.disconnect(show)

    layer.events.visible.connect(show)
    show()


def results_in(viewer: Any) -> list[ResultLayers]:
    """Return the results that are shown in a viewer, the latest last."""
    found = ((layer, layer.metadata.get(METADATA_KEY, {}).get(_KEPT)) for layer in viewer.layers)
    # A duplicate of a main layer carries the same metadata, and is none itself.
    return [layers for layer, layers in found if layers is not None and layers.denoised is layer]


def show_loss(viewer: Any, layers: ResultLayers, term: str) -> None:
    """Show where one term of the loss acts; hide the maps of the others.

    Parameters
    ----------
    viewer : napari.Viewer
    layers : ResultLayers
    term : str
        One of its `loss_images`; empty: hide all.
    """
    for other, layer in layers.losses.items():
        layer.visible = other == term
    known = layers.losses.get(term)
    if not term or known in viewer.layers:
        return
    if term in layers.loss_images:
        named = layers.loss_images[term]
        layer = Layer.create(*_derived(named, layers.result.source, layers.source))
        with_colorbar(layer)
        add_quietly(viewer, layer)
        layer.visible = True
        layers.losses[term] = layer


def _map_key(name: str) -> tuple[str, int]:
    """Return the map's name and zero-based stage of "sigma_x stage 2" or "angle"."""
    found = _STAGE.fullmatch(name)
    assert found is not None  # any name matches
    return found["name"], int(found["stage"] or 1) - 1
