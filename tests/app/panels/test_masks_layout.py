"""Where cells are: rows that wrap, and back from a point to the cell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.panels.masks_layout import Cell, MatrixLayout, comfortable_cell

# Two rows of 4 and 8 cells of 10 pixels, five in a line, 4 pixels round the rows.
SMALL = MatrixLayout((4, 8), cell=10, width=59, least_height=14, gap=4)


def test_rows_wrap_and_are_as_high_as_their_label():
    assert SMALL.columns == 5
    assert SMALL.tops.tolist() == [4, 4 + 14 + 4, 22 + 20 + 4]
    assert SMALL.height == 46
    assert [SMALL.lines(row) for row in (0, 1)] == [1, 2]


def test_one_line_is_centred_beside_its_label():
    assert SMALL.corner(Cell(0, 3)) == (30, 6)
    assert SMALL.corner(Cell(1, 6)) == (10, 32)


@pytest.mark.parametrize(
    ("point", "cell"),
    [
        ((35, 10), Cell(0, 3)),
        ((0, 22), Cell(1, 0)),
        ((19, 41), Cell(1, 6)),
        ((45, 10), None),  # behind the last cell of the first row
        ((35, 3), None),  # above everything
        ((35, 41), None),  # behind the last cell of the last line
        ((55, 30), None),  # where no sixth cell fits
        ((0, 46), None),
    ],
)
def test_a_point_finds_its_cell(point, cell):
    assert SMALL.cell_at(*point) == cell


def test_keys_move_through_lines_and_rows():
    assert SMALL.moved(Cell(0, 3), 1, 0) == Cell(1, 0)
    assert SMALL.moved(Cell(1, 0), -1, 0) == Cell(0, 3)
    assert SMALL.moved(Cell(0, 0), -1, 0) == Cell(0, 0)
    assert SMALL.moved(Cell(1, 7), 1, 0) == Cell(1, 7)
    assert SMALL.moved(Cell(0, 3), 0, 1) == Cell(1, 3)
    assert SMALL.moved(Cell(1, 4), 0, 1) == Cell(1, 7)
    assert SMALL.moved(Cell(1, 6), 0, -2) == Cell(0, 1)
    assert SMALL.moved(Cell(0, 1), 0, -1) == Cell(0, 1)


def test_only_rows_that_are_seen_are_named():
    assert list(SMALL.rows_between(0, 100)) == [0, 1]
    assert list(SMALL.rows_between(23, 30)) == [1]
    assert list(SMALL.rows_between(0, 22)) == [0]


@given(
    st.lists(st.integers(1, 70), min_size=1, max_size=8),
    st.integers(2, 20),
    st.integers(1, 300),
    st.data(),
)
def test_every_cell_is_found_at_its_own_corner(counts, size, width, data):
    layout = MatrixLayout(tuple(counts), size, width, 13, 3)
    row = data.draw(st.integers(0, len(counts) - 1))
    cell = Cell(row, data.draw(st.integers(0, counts[row] - 1)))
    assert layout.cell_at(*layout.corner(cell)) == cell


def test_cells_are_as_large_as_all_rows_allow():
    assert comfortable_cell([16, 64], 64 * 14, 200, 14, 4) == 14
    assert comfortable_cell([16, 64], 64 * 11, 200, 14, 4) == 11  # in one line each
    assert comfortable_cell([16, 64], 300, 200, 14, 4) == 14  # no size does it in one line
    assert comfortable_cell([2048] * 50, 600, 300, 14, 4) == 6
    assert comfortable_cell([], 600, 300, 14, 4) == 14
