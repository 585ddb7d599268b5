"""Whether the augmentation sensitivity tells where a translation errs.

    python benchmarks/stain_sensitivity.py [--tiles 8] [--augmentations 8] [--checkpoint FILE]

Translates clean held-out tiles of the sample (`samples.stain_pairs`), by default with the
demonstration checkpoint, and prints the rank correlation of the sensitivity layer with the error,
both over blocks of 8 pixels: of colour, in grey levels, and of DAB density. Blocks within a tile
are not independent, so the range over tiles is printed too.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from napari_lossviz import samples
from napari_lossviz.samples.stain_pairs import stain_pairs
from napari_lossviz.stain import StainConfig, translate
from napari_lossviz.stain.density import hdab_densities

WHITE = np.full(3, 255.0)
BLOCK = 8
SIDE = 120


def by_block(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the means of blocks, flat."""
    height, width = (n // BLOCK * BLOCK for n in values.shape)
    shape = (height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return values[:height, :width].reshape(shape).mean(axis=(1, 3)).ravel()


def main() -> None:
    """Translate, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiles", type=int, default=8)
    parser.add_argument("--augmentations", type=int, default=8)
    parser.add_argument("--checkpoint", default=str(samples.stain_checkpoint()))
    arguments = parser.parse_args()
    config = StainConfig(
        statistics="tile", sensitivity=arguments.augmentations, background="translate", device="cpu"
    )
    rows: list[tuple[NDArray[np.floating], ...]] = []
    for pair in stain_pairs(arguments.tiles, SIDE, held_out=True):
        result = translate(pair.source, arguments.checkpoint, config)
        assert result.sensitivity is not None
        output, clean = np.asarray(result.translated), pair.clean_target
        colour = np.abs(output.astype(float) - clean).mean(axis=-1)
        density = np.abs(hdab_densities(output, WHITE).dab - hdab_densities(clean, WHITE).dab)
        rows.append((by_block(result.sensitivity), by_block(colour), by_block(density)))
    spread, *errors = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    print(
        f"{len(rows)} tiles, {len(spread)} blocks, mean sensitivity {spread.mean():.2f} grey levels"
    )
    for i, (name, error) in enumerate(zip(("colour", "DAB density"), errors, strict=True), start=1):
        alone = [float(stats.spearmanr(row[0], row[i]).statistic) for row in rows]
        print(
            f"{name}: rank correlation {stats.spearmanr(spread, error).statistic:.2f} over all "
            f"blocks, {min(alone):.2f} to {max(alone):.2f} within a tile, mean {np.mean(alone):.2f}"
        )


if __name__ == "__main__":
    main()
