"""Does the Betti matching loss help? A small U-Net on streets that trees hide here and there.

    python docs/examples/betti_unet.py [--seeds 3] [--alpha 0.02]

Scenes like the road sample are drawn anew: a street grid with a diagonal, blurred, noisy, with
patches that hide parts of the streets. For every seed a U-Net is trained with Dice; from there it
is trained on in two ways, for the same number of steps on the same scenes: with Dice alone, and
with Dice + Betti matching. Both are judged on the same held-out scenes by Dice, by the matching
error (unmatched features at 0.5, framed) and by the Betti number error. Some minutes on a CPU.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

from napari_lossviz.betti import BettiMatchingLoss, betti_number_error, matching_error
from napari_lossviz.losses import dice_loss
from napari_lossviz.samples.planted import disc, tube

SIZE = 64
BATCH = 8
SCENES, HELD_OUT = 96, 200


def scene(rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a picture of streets and the mask of its streets."""
    shape = (SIZE, SIZE)
    mask = np.zeros(shape, bool)
    for axis in (0, 1):
        for place in np.cumsum(rng.uniform(14, 26, 4)) - 8:
            ends = [(place, -4), (place + rng.uniform(-5, 5), SIZE + 4)]
            mask |= tube(shape, [end if axis == 0 else end[::-1] for end in ends], 3)
    a, b = rng.uniform(0, SIZE, (2, 2))
    mask |= tube(shape, [a, b], 3)
    seen = mask.astype(np.float64)
    for _ in range(24):  # trees
        seen *= 1 - 0.9 * disc(shape, rng.uniform(0, SIZE, 2), rng.uniform(2.0, 4.5))
    picture = ndimage.gaussian_filter(seen, 0.8) + 0.45 * rng.standard_normal(shape)
    return picture.astype(np.float32), mask.astype(np.float32)


def scenes(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return pictures and masks, (count, 1, SIZE, SIZE)."""
    rng = np.random.default_rng(seed)
    pictures, masks = zip(*(scene(rng) for _ in range(count)), strict=True)
    return torch.from_numpy(np.stack(pictures))[:, None], torch.from_numpy(np.stack(masks))[:, None]


class UNet(nn.Module):
    """Three levels, about 30,000 parameters."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()

        def block(before: int, after: int) -> nn.Sequential:
            layers: list[nn.Module] = []
            for channels in (before, after):
                layers += [nn.Conv2d(channels, after, 3, padding=1), nn.GroupNorm(4, after)]
                layers.append(nn.ReLU())
            return nn.Sequential(*layers)

        self.one, self.two, self.three = (
            block(1, width),
            block(width, 2 * width),
            block(2 * width, 4 * width),
        )
        self.back_two, self.back_one = block(6 * width, 2 * width), block(3 * width, width)
        self.last = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the probability of street, (B, 1, H, W)."""
        half, double = nn.functional.max_pool2d, nn.functional.interpolate
        one = self.one(x)
        two = self.two(half(one, 2))
        three = self.three(half(two, 2))
        two = self.back_two(torch.cat((two, double(three, scale_factor=2)), 1))
        one = self.back_one(torch.cat((one, double(two, scale_factor=2)), 1))
        return torch.sigmoid(self.last(one))


def train(
    model: nn.Module, data: tuple[Tensor, Tensor], steps: int, seed: int, alpha: float, rate: float
) -> None:
    """Train with Dice + alpha times the Betti matching loss."""
    generator = torch.Generator().manual_seed(seed)
    betti = BettiMatchingLoss(relative=True)
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        chosen = torch.randint(0, len(data[0]), (BATCH,), generator=generator)
        pictures, masks = data[0][chosen], data[1][chosen]
        # a mirrored or turned scene is a scene, too
        turn = int(torch.randint(0, 4, (1,), generator=generator))
        pictures, masks = (torch.rot90(a, turn, (2, 3)) for a in (pictures, masks))
        prediction = model(pictures)
        loss = dice_loss(prediction, masks)
        if alpha:
            loss = loss + alpha * betti(prediction, masks)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def judge(model: nn.Module, data: tuple[Tensor, Tensor]) -> dict[str, float]:
    """Return the mean figures over held-out scenes."""
    with torch.no_grad():
        predictions = model(data[0])[:, 0].numpy()
    found: dict[str, list[float]] = {"dice": [], "matching_error": [], "betti_number_error": []}
    for prediction, mask in zip(predictions, data[1][:, 0].numpy(), strict=True):
        hard = prediction >= 0.5
        found["dice"].append(2 * (hard * mask).sum() / (hard.sum() + mask.sum()))
        found["matching_error"].append(matching_error(prediction, mask).total)
        found["betti_number_error"].append(betti_number_error(prediction, mask).total)
    return {name: statistics.fmean(map(float, values)) for name, values in found.items()}


def main() -> None:
    """Train, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--alpha", type=float, default=0.02)
    parser.add_argument("--first-steps", type=int, default=300)
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    start = time.perf_counter()
    held_out = scenes(HELD_OUT, 10_000)
    results: dict[str, list[dict[str, float]]] = {"Dice": [], "Dice + Betti": []}
    for seed in range(options.seeds):
        torch.manual_seed(seed)
        data = scenes(SCENES, seed)
        first = UNet()
        train(first, data, options.first_steps, seed, 0.0, 3e-3)
        for name, alpha in (("Dice", 0.0), ("Dice + Betti", options.alpha)):
            model = UNet()
            model.load_state_dict(first.state_dict())
            train(model, data, options.steps, seed + 1000, alpha, 1e-3)
            results[name].append(judge(model, held_out))
            shown = "  ".join(f"{k} {v:.3f}" for k, v in results[name][-1].items())
            print(f"seed {seed}  {name:14s} {shown}", flush=True)
    print(f"\n{'held out':16s} {'Dice':>16s} {'matching error':>18s} {'Betti number error':>20s}")
    for name, rows in results.items():
        cells = []
        for figure in ("dice", "matching_error", "betti_number_error"):
            values = [row[figure] for row in rows]
            spread = statistics.stdev(values) if len(values) > 1 else 0.0
            cells.append(f"{statistics.fmean(values):.3f} ± {spread:.3f}")
        print(f"{name:16s} {cells[0]:>16s} {cells[1]:>18s} {cells[2]:>20s}")
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
