"""Train the demonstration checkpoint of stain translation, on a CPU in some minutes.

    python docs/examples/stain_demonstration.py [--out FILE]

A tiny generator learns from the sample pairs, which come from one real IHC section and an H&E
image that was computed from it. It shows how the window works, and knows no other tissue. The
window offers the file, `sample_data/stain/demonstration.safetensors`, as "demonstration".
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

from napari_lossviz.core import Step
from napari_lossviz.samples.stain_pairs import MICRONS_PER_PIXEL, stain_pairs
from napari_lossviz.stain import StainConfig, save_checkpoint, train
from napari_lossviz.stain.pairs import Side, StainPair

OUT = Path(__file__).parents[2] / "sample_data" / "stain" / "demonstration.safetensors"
NOTE = (
    "Demonstration only: trained for minutes on one section, whose H&E image is not real. It shows "
    "how the program works and knows no other tissue."
)
SETTINGS = StainConfig(
    generator_channels=10, residual_blocks=6, discriminator_channels=10, discriminator_layers=3,
    crop=96, patches=128, patch_features=64, epochs=24, decay_epochs=12, learning_rate=6e-4,
    schedule="linear", pyramid_levels="1/16, 1/8, 1/4, 1", identity=False,
    source_stain="H&E (computed)", target_stain="FHL2, DAB", microns_per_pixel=MICRONS_PER_PIXEL,
    validation=0.1, device="cpu",
)  # fmt: skip


def tell(step: Step) -> None:
    """Print the losses now and then."""
    if step.losses and step.done % 50 == 0:
        losses = "  ".join(f"{name} {value:.3f}" for name, value in step.losses.items())
        print(f"{step.done} of {step.total}: {losses}", flush=True)


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--pairs", type=int, default=48)
    options = parser.parse_args()
    pairs = [
        StainPair(pair.name, Side(pair.source), Side(pair.target))
        for pair in stain_pairs(options.pairs, 128, inconsistent=0.3)
    ]
    started = time.perf_counter()
    checkpoint = train(pairs, SETTINGS, reporter=tell)
    # The losses of hundreds of steps are of no use in a demonstration.
    card = {key: value for key, value in checkpoint.card.items() if key != "history"}
    marked = replace(
        checkpoint, name="demonstration", card={**card, "demonstration": True, "note": NOTE}
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(marked, options.out)
    print(f"{time.perf_counter() - started:.0f} s, {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
