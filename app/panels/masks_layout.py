"""Where the cells of the mask matrix are: rows of channels that wrap, in whole device pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

CELL_SIZES = (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 20, 24)  # pixels at a scale of 1
COMFORTABLE = (14, 13, 12, 11, 10, 9, 8)  # sizes that are tried until all fits
LEAST_COMFORTABLE = 6
MOST_LINES = 6  # of the widest row, at a comfortable size


@dataclass(frozen=True)
class Cell:
    """One cell: the row, and the place in it as it is shown."""

    row: int
    place: int


@dataclass(frozen=True)
class MatrixLayout:
    """Rows of `counts` cells below each other, wrapped to `width`; lengths in device pixels."""

    counts: tuple[int, ...]
    cell: int
    width: int
    least_height: int  # of a row: its label needs so much
    gap: int  # between rows

    @cached_property
    def columns(self) -> int:
        """Cells in one line."""
        return max(1, self.width // self.cell)

    @cached_property
    def tops(self) -> NDArray[np.int64]:
        """Upper edge of every row, and the end of the last; (rows + 1,)."""
        lines = -(-np.array(self.counts, dtype=np.int64) // self.columns)
        heights = np.maximum(lines * self.cell, self.least_height) + self.gap
        return self.gap + np.concatenate([[0], np.cumsum(heights)]).astype(np.int64)

    @property
    def height(self) -> int:
        """Of all rows."""
        return int(self.tops[-1])

    def lines(self, row: int) -> int:
        """How many lines a row takes."""
        return -(-self.counts[row] // self.columns)

    def rows_between(self, top: int, bottom: int) -> range:
        """The rows that are seen between two heights."""
        first = int(np.searchsorted(self.tops, top, side="right")) - 1
        stop = int(np.searchsorted(self.tops, bottom, side="left"))
        return range(max(0, first), min(len(self.counts), stop))

    def corner(self, cell: Cell) -> tuple[int, int]:
        """Left and top of a cell."""
        line, column = divmod(cell.place, self.columns)
        return column * self.cell, int(self.tops[cell.row]) + self._inset(cell.row, line)

    def row_at(self, y: int) -> int | None:
        """The row at a height; None below the last."""
        if not self.gap <= y < self.height:
            return None
        return int(np.searchsorted(self.tops, y, side="right")) - 1

    def cell_at(self, x: int, y: int) -> Cell | None:
        """The cell at a point, None between cells."""
        row = self.row_at(y)
        if row is None or not 0 <= x < self.columns * self.cell:
            return None
        line = (y - int(self.tops[row]) - self._inset(row, 0)) // self.cell
        place = line * self.columns + x // self.cell
        return Cell(row, place) if line >= 0 and place < self.counts[row] else None

    def moved(self, cell: Cell, right: int, down: int) -> Cell:
        """The neighbour of a cell, by cells to the right or by lines; the edge ends it."""
        if right:
            flat = self._starts[cell.row] + cell.place + right
            flat = min(max(0, flat), self._starts[-1] - 1)
            row = int(np.searchsorted(self._starts, flat, side="right")) - 1
            return Cell(row, int(flat - self._starts[row]))
        row, (line, column) = cell.row, divmod(cell.place, self.columns)
        for _ in range(abs(down)):
            line += 1 if down > 0 else -1
            if not 0 <= line < self.lines(row):
                row += 1 if down > 0 else -1
                if not 0 <= row < len(self.counts):
                    return cell
                line = 0 if down > 0 else self.lines(row) - 1
            cell = Cell(row, min(line * self.columns + column, self.counts[row] - 1))
        return cell

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)

    def _inset(self, row: int, line: int) -> int:
        # a row with one low line is centred beside its label
        room = int(self.tops[row + 1] - self.tops[row]) - self.gap
        return (room - self.lines(row) * self.cell) // 2 + line * self.cell


def comfortable_cell(
    counts: Sequence[int], width: float, height: float, least_height: float, gap: float
) -> int:
    """Choose a cell size, in pixels at a scale of 1, for an area of such pixels.

    The largest with which every row takes one line and all is seen at once; else the largest
    with which all is seen, and else one at which the widest row still takes few lines.
    """
    if not counts:
        return COMFORTABLE[0]

    def lines(count: int, size: int) -> int:
        return -(-count // max(1, int(width // size)))

    def fits(size: int) -> bool:
        rows = (max(lines(count, size) * size, least_height) + gap for count in counts)
        return gap + sum(rows) <= height

    widest = max(counts)
    seen = [size for size in COMFORTABLE if fits(size)]
    low = [size for size in COMFORTABLE if lines(widest, size) <= MOST_LINES]
    in_line = [size for size in seen or low if lines(widest, size) == 1]
    return next(iter(in_line or seen or low), LEAST_COMFORTABLE)
