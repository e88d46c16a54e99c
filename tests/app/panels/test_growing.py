"""Growing data drop nothing, and growing ranges never shrink."""

from app.panels.growing import GrowingRange, GrowingTable


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
