"""An anatomical CT phantom of the upper abdomen in Hounsfield units.

Image convention of an axial CT: the front of the body is up, the patient's right side (the liver)
is at the left. Every organ follows simple formulas in mm, changes along z, and carries a smooth
texture, so that the phantom can be drawn at any resolution. All randomness is seeded.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from napari_lossviz.samples.inserts import inserts
from napari_lossviz.samples.shapes import Field, Grid, Mask

AIR = -1000.0


@dataclass(frozen=True)
class PhantomGeometry:
    """Sampling of the phantom.

    Attributes
    ----------
    size : int
        Pixels along y and x of a slice.
    spacing : float
        Pixel spacing in mm.
    slices : int
        Number of slices, from the feet up.
    slice_spacing : float
        Distance and thickness of the slices in mm.
    seed : int
        Seed of textures and vessels.
    """

    size: int = 256
    spacing: float = 1.2
    slices: int = 8
    slice_spacing: float = 3.0
    seed: int = 2504

    def height(self, index: int) -> float:
        """Return the z position of a slice in mm; the middle of the stack is 0."""
        return (index - (self.slices - 1) / 2) * self.slice_spacing


def phantom_slice(
    index: int, geometry: PhantomGeometry = PhantomGeometry(), *, oversampling: int = 3
) -> NDArray[np.float32]:
    """Draw one slice on a grid `oversampling` times finer than the image.

    Fine pixel ``oversampling * i`` lies at the centre of image pixel ``i``. Three cuts through the
    slice's thickness are averaged, so that structures oblique to it show partial volumes.

    Parameters
    ----------
    index : int
        Slice, 0 being nearest to the feet.
    geometry : PhantomGeometry
    oversampling : int
        Fine pixels for each image pixel.

    Returns
    -------
    ndarray of float32, (size * oversampling, size * oversampling)
        CT numbers in HU.
    """
    grid = Grid(geometry.size * oversampling, geometry.spacing / oversampling)
    middle, step = geometry.height(index), geometry.slice_spacing / 3
    cuts = [_Anatomy(grid, geometry.seed, middle + k * step).draw() for k in (-1, 0, 1)]
    hounsfield: Field = np.asarray(np.mean(cuts, axis=0), dtype=np.float32)
    _put_inserts(hounsfield, grid, index, geometry)
    return hounsfield


def _put_inserts(hounsfield: Field, grid: Grid, index: int, geometry: PhantomGeometry) -> None:
    for insert in inserts(geometry.size, geometry.spacing):
        start, stop = insert.slices
        if start <= index < stop:
            inside = grid.ellipse(insert.centre_mm, (insert.radius_mm, insert.radius_mm)) < 1
            hounsfield[inside] += insert.contrast


class _Anatomy:
    """One cut through the body: organs are painted over one another, from the outside in."""

    def __init__(self, grid: Grid, seed: int, z: float) -> None:
        self.grid, self.seed, self.z = grid, seed, z
        self.hounsfield = np.full((grid.size, grid.size), AIR, dtype=np.float32)
        body = grid.ellipse((0, 0), (96, 137), power=2.35, waves=[(2, 0.012, 0.0), (3, 0.01, 1.5)])
        self.depth: Field = (distance_transform_edt(body < 1) * grid.spacing).astype(np.float32)
        side = np.arctan2(grid.y / 96, grid.x / 137)
        self.fat: Field = (11 + 4 * np.cos(2 * side) ** 2 - 2 * np.sin(side)).astype(np.float32)
        self.cavity: Mask = self.depth > self.fat + 9

    def paint(self, mask: Mask, value: float, amplitude: float = 0.0, width: float = 2.0) -> None:
        """Set the CT number in `mask`, with a texture of `amplitude` HU and `width` mm."""
        self.hounsfield[mask] = value
        if amplitude:
            seed = (self.seed, round(abs(value)))
            self.hounsfield[mask] += amplitude * self.grid.texture(seed, width, self.z, mask)

    def draw(self) -> Field:
        self._wall()
        self._liver_and_spleen()
        self._stomach_and_bowel()
        self._kidneys()
        self._vessels()
        self._lung_bases()
        self._spine()
        self._ribs()
        self._calm_surroundings_of_inserts()
        return self.hounsfield

    def _wall(self) -> None:
        depth, fat = self.depth, self.fat
        self.paint(depth > 0, 25)
        self.paint(depth > 2, -104, 6, 2.5)
        muscle = (depth > fat) & (np.abs(depth - fat - 4.5) > 0.5)
        self.paint(muscle, 58, 6, 1.8)
        self.paint(self.cavity, -98, 9, 2.5)

    def _liver_and_spleen(self) -> None:
        z, grid = self.z, self.grid
        inside = self.depth > self.fat + 10
        right = grid.ellipse(
            (-10, -62), (62 + 0.3 * z, 60), waves=[(2, 0.05, 0.4), (3, 0.05, 1.0 + z / 40)]
        )
        left = grid.ellipse((-50, -4 + 0.8 * z), (22 + 0.4 * z, 48), angle=0.12)
        self.liver = inside & ((right < 1) | (left < 1))
        self.paint(self.liver, 110, 4, 2.5)
        spleen = grid.ellipse((18, 96), (36 + 0.3 * z, 21), angle=0.25, waves=[(3, 0.06, z / 30)])
        self.paint(inside & (spleen < 1), 122, 3, 2.5)
        gallbladder = grid.ellipse((-30, -28 - 0.2 * z), (14 - 0.4 * z, 8.5 - 0.25 * z), angle=-0.3)
        self.paint(gallbladder < 1, 8)

    def _stomach_and_bowel(self) -> None:
        z, grid = self.z, self.grid
        inside = self.depth > self.fat + 10
        stomach = grid.ellipse(
            (-32, 56), (30 + 0.3 * z, 36), angle=-0.2, waves=[(3, 0.07, z / 25), (5, 0.03, 1.0)]
        )
        self._hollow(stomach, 0.9, 14, -44.0, inside)
        colon = grid.ellipse((-14, 106), (15, 12), waves=[(5, 0.08, z / 8)])
        self._hollow(colon, 0.82, 35, -16.0, inside)
        for k, (y, x) in enumerate(((4, 34), (2, 60), (-4, 12))):
            loop = grid.ellipse((y, x + 0.3 * z), (10, 12.5), angle=k, waves=[(3, 0.1, z / 6 + k)])
            self._hollow(loop, 0.78, 30, -99.0, inside)
        pancreas = grid.ellipse((17, 38 - 0.5 * z), (7, 24), angle=-0.1, waves=[(7, 0.08, z / 5)])
        self.paint(pancreas < 1, 86, 14, 1.8)

    def _hollow(
        self, radius: Field, wall: float, content: float, level: float, inside: Mask
    ) -> None:
        """Paint an organ with a wall, its content, and gas in front of `level` (y in mm)."""
        self.paint(inside & (radius < 1), 72, 3, 2.0)
        self.paint(inside & (radius < wall), content, 5, 2.0)
        self.paint(inside & (radius < wall) & (self.grid.y < level), -985)

    def _kidneys(self) -> None:
        z, grid = self.z, self.grid
        for y, x, shift in ((40, -60, -1.0), (43, 62, 2.0)):
            grown = 1 - 0.012 * max(z + shift + 4, 0)
            angle = 0.5 if x < 0 else -0.5
            kidney = grid.ellipse((y, x), (25 * grown, 19 * grown), angle=angle)
            self.paint((kidney < 1.12) & (self.depth > self.fat + 9), -100, 8, 2.5)
            self.paint(kidney < 1, 195, 5, 2.0)
            theta = np.arctan2(grid.y - y, grid.x - x)
            pyramids = (kidney < 0.72) & (np.cos(6 * theta + z / 6) > -0.1)
            self.paint(pyramids, 130, 4, 2.0)
            hilum = (y - 2, x + (6 if x < 0 else -6))
            self.paint(grid.ellipse(hilum, (9, 10), waves=[(4, 0.25, z / 5)]) < 1, -85, 8, 2.0)
            self.paint(grid.ellipse(hilum, (3.5, 5)) < 1, 15)

    def _vessels(self) -> None:
        z, grid = self.z, self.grid
        rng = np.random.default_rng([self.seed, 1])
        hilum = np.array((0.0, -14.0, -34.0))
        tubes: list[tuple[NDArray[np.float64], NDArray[np.float64], tuple[float, float]]] = []
        for k, angle in enumerate(np.linspace(1.8, 4.4, 9)):
            slope = (0.32, -0.05, -0.3)[k % 3] + rng.uniform(-0.08, 0.08)
            direction = np.array((slope, -np.sin(angle), np.cos(angle)))
            fork = hilum + rng.uniform(22, 32) * direction
            tubes.append((hilum, fork, (3.4, 2.4)))
            for turn in (-0.5, 0.45):
                turned = np.array((rng.uniform(-0.25, 0.25), *_turn(direction[1:], turn)))
                tubes.append((fork, fork + rng.uniform(20, 34) * turned, (2.3, 1.0)))
        parenchyma = self.liver & (np.abs(self.hounsfield - 110) < 17)
        for start, end, radii in tubes:
            self.paint(grid.capsule(start, end, radii, z) & parenchyma, 168)
        for _ in range(26):
            start = np.array((rng.uniform(-12, 12), rng.uniform(-40, 30), rng.uniform(-20, 110)))
            end = start + rng.uniform(-14, 14, 3)
            mesenteric = grid.capsule(start, end, (1.6, 0.9), z) & (self.hounsfield < -60)
            self.paint(mesenteric & self.cavity & (self.hounsfield > -150), 150)
        self.paint(grid.ellipse((12, -18), (8, 11), waves=[(2, 0.08, z / 10)]) < 1, 145)
        self.paint(grid.ellipse((13, 10 + 0.1 * z), (10.8, 10.8)) < 1, 60)
        self.paint(grid.ellipse((13, 10 + 0.1 * z), (9.6, 9.6)) < 1, 240)

    def _lung_bases(self) -> None:
        """Show the lungs' lowest tips behind liver and spleen, larger towards the head."""
        z, grid = self.z, self.grid
        # A crescent: thickest at the back, thinning out towards front and spine.
        towards_front = np.clip((70 - grid.y) / 75, 0, 1) ** 2
        towards_spine = np.clip((62 - np.abs(grid.x)) / 30, 0, 1) ** 2
        thickness = (3 + 0.95 * (z + 10.5)) * (1 - towards_front - towards_spine)
        recess = self.cavity & (self.depth < self.fat + 9 + thickness)
        self.paint(recess, -850, 35, 1.5)
        rng = np.random.default_rng([self.seed, 2])
        for _ in range(40):
            side = rng.choice((-1, 1))
            start = rng.uniform((-12, 10, 45), (14, 75, 115)) * (1, 1, side)
            vessel = grid.capsule(start, start + rng.uniform(-12, 12, 3), (1.3, 0.7), z)
            self.paint(vessel & recess, 40)

    def _spine(self) -> None:
        z, grid = self.z, self.grid
        for side in (-1, 1):
            back = grid.ellipse((66, side * 34), (17, 25), angle=side * 0.15, power=2.4)
            self.paint((back < 1) & (self.depth > self.fat - 2), 58, 6, 1.8)
            self.paint(grid.ellipse((22, side * 20), (14, 5), angle=-side * 0.4) < 1, 56, 5, 1.8)
        vertebra = grid.ellipse((40, 0), (18, 24), power=2.3)
        canal = grid.ellipse((65, 0), (9.5, 11))
        spinous = grid.ellipse((82, 0), (9, 3.6))
        arch = (grid.ellipse((66, 0), (15, 18)) < 1) & (grid.y > 55)
        process = grid.ellipse((60, 0), (5, 42 - 0.6 * abs(z)), angle=0.0)
        outer = (vertebra < 1) | arch | (spinous < 1) | (process < 1)
        depth = distance_transform_edt(outer) * grid.spacing
        self.paint(outer, 620, 40, 1.5)
        disc = abs(z - 7.5) < 3.5  # the gap between two vertebral bodies, seen in some slices
        self.paint((depth > 1.8) & outer, 210, 45, 1.2)
        if disc:
            self.paint(vertebra < 1, 95, 5, 2.0)
        self.paint(canal < 1, 20)
        self.paint(grid.ellipse((65, 0), (5.2, 6)) < 1, 42)

    def _ribs(self) -> None:
        grid = self.grid
        for side in (-1, 1):
            for k, angle in enumerate((-0.62, -0.22, 0.2, 0.6, 0.98)):
                angle = angle + 0.012 * self.z
                point, tangent = _on_wall(angle, side)
                length = (8.5, 7.5, 8.0, 9.0, 7.0)[k]
                rib = grid.ellipse(point, (3.6, length), angle=tangent)
                self.paint(rib < 1, 640, 30, 1.5)
                self.paint(
                    grid.ellipse(point, (2.1, length - 1.6), angle=tangent) < 1, 190, 40, 1.2
                )

    def _calm_surroundings_of_inserts(self) -> None:
        organs = {"liver": 110.0, "muscle": 58.0}
        for insert in inserts():
            radius = 1.6 * insert.radius_mm
            surroundings = self.grid.ellipse(insert.centre_mm, (radius, radius)) < 1
            self.paint(surroundings, organs[insert.organ], 1.0, 2.5)


def _turn(direction: NDArray[np.float64], angle: float) -> tuple[float, float]:
    y, x = direction
    return y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)


def _on_wall(angle: float, side: int) -> tuple[tuple[float, float], float]:
    """Return a point within the muscle wall, and the direction of the wall there.

    `angle` is 0 at the flank and grows towards the back.
    """

    def point(at: float) -> tuple[float, float]:
        # The exponent follows the body's superellipse; the radii are those of the wall's middle.
        cosine, sine = np.cos(at), np.sin(at)
        radius = (abs(cosine) ** 2.35 + abs(sine) ** 2.35) ** (-1 / 2.35)
        return 78.5 * radius * sine, side * 119.0 * radius * cosine

    (y0, x0), (y1, x1) = point(angle - 0.01), point(angle + 0.01)
    return point(angle), float(np.arctan2(y1 - y0, x1 - x0))
