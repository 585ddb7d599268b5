"""What the dock says about checkpoints and results; Qt-free."""

from collections.abc import Mapping
from html import escape
from typing import Any

from napari_lossviz.core import Image, InputError, Result
from napari_lossviz.stain.reference import UNKNOWN_SIZE
from napari_lossviz.stain.scene import Scene, as_rgb_image, pixel_size
from napari_lossviz.stain.source_look import look_of

DEMONSTRATION = "Demonstration only"
_ORANGE = "#ffb74d"


def card_in_short(card: Mapping[str, Any]) -> str:
    """Return what matters of a checkpoint's card as rich text."""
    stains = f"{card['source_stain'] or '?'} → {card['target_stain'] or '?'}"
    microns = float(card["microns_per_pixel"])
    parts = [f"{microns:g} µm per pixel" if microns else "pixel size unknown"]
    settings = card.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    if "pairs" in card:
        epochs = int(settings.get("epochs", 0)) + int(settings.get("decay_epochs", 0))
        trained = int(card["pairs"]) - len(card.get("validation_pairs", ()))
        parts.append(f"trained on {trained} pairs, {epochs} epochs")
    else:
        parts.append("training unknown")
    if settings.get("macenko"):
        parts.append("colours normalised (Macenko)")
    sizes = card["architecture"]
    parts.append(f"{sizes['channels']} channels, {sizes['blocks']} blocks")
    lines = [f"<b>{escape(stains)}</b>", escape(" · ".join(parts))]
    if card.get("demonstration"):
        lines.insert(0, f'<span style="color: {_ORANGE}"><b>{DEMONSTRATION}</b></span>')
        note = str(card.get("note", "")).removeprefix(f"{DEMONSTRATION}: ")
        lines.append(escape(note[:1].upper() + note[1:]))
    return "<br>".join(lines)


def refusal_in_short(image: Image) -> str:
    """Return why an image cannot be translated by any checkpoint; empty where it can."""
    try:
        as_rgb_image(image)
    except InputError as error:
        return str(error)
    return ""


def fit_in_short(image: Image, card: Mapping[str, Any], microns: float) -> str:
    """Return what speaks against translating an image with a checkpoint; empty for nothing.

    Parameters
    ----------
    image : Image
    card : mapping
    microns : float
        Per pixel of the image, as the user says; 0: what the image says.
    """
    try:
        colours = as_rgb_image(image)
        size = microns or pixel_size(colours)
        scene = Scene(colours, size, float(card["microns_per_pixel"]))
    except InputError as error:
        return str(error)
    told = [one for one in colours.warnings if one not in image.warnings]
    unknown = [] if float(card["microns_per_pixel"]) else [f"{image.name}: {UNKNOWN_SIZE}"]
    return " ".join([*told, *scene.warnings, *unknown])


def look_in_short(image: Image, card: Mapping[str, Any]) -> str:
    """Return that an image looks like IHC where a checkpoint expects H&E; empty for nothing.

    It reads pixels: call it away from the window's thread.
    """
    try:
        return look_of(as_rgb_image(image), str(card["source_stain"]))
    except InputError:
        return ""  # it cannot be translated at all, which is told


def result_in_short(result: Result) -> str:
    """Return figures of a translation in a line."""
    parts = [f"Tissue {100 * result.metrics['tissue_share']:.0f} %"]
    if abs(result.metrics.get("resampling", 1.0) - 1) > 1e-6:
        parts.append(f"resampled × {result.metrics['resampling']:.3g}")
    parts.append(f"checkpoint {getattr(result, 'checkpoint_name', '')}")
    parts.append(f"{result.seconds:.1f} s on {result.device}")
    return " · ".join([*parts, "a virtual stain is a guess"])
