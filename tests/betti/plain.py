"""Betti matching by the textbook: cells of a complex, and reduction of whole boundary matrices.

Slow and short. Cells are boxes in a grid of doubled coordinates: even ones lie on a vertex, odd
ones span an axis. The V-construction puts pixels at the vertices, the T-construction at the boxes
of full dimension.
"""

from itertools import product

import numpy as np

Cell = tuple[int, ...]


def cells_of(shape: tuple[int, ...], construction: str) -> list[Cell]:
    ends = [2 * n - 1 if construction == "V" else 2 * n + 1 for n in shape]
    return list(product(*(range(end) for end in ends)))


def dimension_of(cell: Cell) -> int:
    return sum(n % 2 for n in cell)


def boundary(cell: Cell) -> list[Cell]:
    return [
        (*cell[:axis], n + side, *cell[axis + 1 :])
        for axis, n in enumerate(cell)
        if n % 2
        for side in (-1, 1)
    ]


def level_of(image: np.ndarray, cell: Cell, construction: str) -> float:
    """Return the sublevel value: the highest of a cell's vertices, or the lowest box around it."""
    if construction == "V":
        places = product(*((n // 2, (n + 1) // 2) for n in cell))
        return max(image[place] for place in places)
    ranges = [
        [m for m in {(n - 1) // 2, n // 2} if 0 <= m < size]
        for n, size in zip(cell, image.shape, strict=True)
    ]
    return min(image[place] for place in product(*ranges))


class Filtration:
    """The cells of an image in order."""

    def __init__(self, image: np.ndarray, construction: str) -> None:
        cells = cells_of(image.shape, construction)
        self.level = {cell: level_of(image, cell, construction) for cell in cells}
        self.place = {
            cell: (self.level[cell], dimension_of(cell), self.number(cell, construction))
            for cell in cells
        }

    @classmethod
    def number(cls, cell: Cell, construction: str) -> tuple[int, ...]:
        """Return what orders cells of equal level: for T the dual cell of V, backwards."""
        if construction == "V":
            return cls.corner(cell)
        return tuple(-n for n in cls.corner(tuple(n + 1 for n in cell)))

    @staticmethod
    def corner(cell: Cell) -> tuple[int, ...]:
        low = tuple(n // 2 for n in cell)
        spans = [axis for axis, n in enumerate(cell) if n % 2]
        if len(cell) == 3 and len(spans) == 2:  # a face's type is the axis that it is normal to
            spans = [axis for axis in range(3) if axis not in spans]
        return (*low, *spans)

    def sorted(self, dimension: int) -> list[Cell]:
        return sorted(
            (cell for cell in self.place if dimension_of(cell) == dimension),
            key=self.place.__getitem__,
        )


def pairs(rows: Filtration, columns: Filtration, dimension: int) -> dict[Cell, Cell]:
    """Return death cell -> birth cell; births in the order of `rows`, deaths of `columns`."""
    reduced: dict[Cell, set[Cell]] = {}
    found = {}
    for cell in columns.sorted(dimension + 1):
        column = set(boundary(cell))
        while column:
            pivot = max(column, key=rows.place.__getitem__)
            if pivot not in reduced:
                reduced[pivot] = column
                found[cell] = pivot
                break
            column = column ^ reduced[pivot]
    return found


def plain_matching(
    prediction: np.ndarray, target: np.ndarray, construction: str = "V"
) -> list[tuple[list, list, list]]:
    """Return by dimension the matched, and the two lists of unmatched, finite intervals."""
    p, t = Filtration(prediction, construction), Filtration(target, construction)
    c = Filtration(np.minimum(prediction, target), construction)
    answer = []
    for d in range(prediction.ndim):
        bars = [
            {
                birth: (f.level[birth], f.level[death])
                for death, birth in pairs(f, f, d).items()
                if f.level[birth] != f.level[death]
            }
            for f in (p, t)
        ]
        into_p, into_t = pairs(p, c, d), pairs(t, c, d)
        matched, used = [], (set(), set())
        for death, birth in pairs(c, c, d).items():
            if c.level[birth] == c.level[death]:
                continue
            one, two = into_p[death], into_t[death]
            if one in bars[0] and two in bars[1]:
                matched.append((*bars[0][one], *bars[1][two]))
                used[0].add(one)
                used[1].add(two)
        rest = [
            sorted(interval for birth, interval in bars[k].items() if birth not in used[k])
            for k in (0, 1)
        ]
        answer.append((sorted(matched), rest[0], rest[1]))
    return answer
