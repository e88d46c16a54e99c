"""Growing data drop nothing, and growing ranges never shrink."""

from app.panels.growing import GrowingRange, GrowingTable, RowsByNeed


def test_a_growing_table_drops_nothing():
    table = GrowingTable(2)
    for index in range(1000):
        table.append(index, -index)
    assert len(table) == 1000
    assert table.column(1).tolist() == [-index for index in range(1000)]


def test_a_growing_range_never_shrinks_and_respects_limits():
    extent = GrowingRange(0, 100)
    first = extent.include(40.0, 60.0)
    assert first[0] < 40 < 60 < first[1]
    assert extent.include(50.0) == first
    low, high = extent.include(99.9, 0.5)
    assert (low, high) == (0, 100)


def test_rows_are_made_when_they_are_read():
    made = []

    def row(place: int) -> tuple[int]:
        made.append(place)
        return (place * place,)

    rows = RowsByNeed(100_000, row)
    assert len(rows) == 100_000
    assert made == []
    assert rows[3] == (9,)
    assert rows[-1] == (99_999 * 99_999,)
    assert rows[1:3] == [(1,), (4,)]
    assert made == [3, 99_999, 1, 2]
    assert list(RowsByNeed(2, row)) == [(0,), (1,)]
