"""Axes whose numbers can be read in plots of any height."""

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtGui import QPainter, QPicture

from app.panels.plot_parts import (
    PER_CENT,
    BoundedAxis,
    RoomyAxis,
    line_pen,
    paint_axes,
    quieten,
    range_within,
)
from app.panels.trajectory_thinning import SMOOTH_POINTS, ThinnedCurve
from app.theme import LIGHT


@pytest.mark.parametrize("size", [20.0, 40.0, 90.0, 400.0])
@pytest.mark.parametrize("ends", [(49.7, 50.3), (96.2, 102.1), (-0.36, -0.33), (0.0, 104.0)])
def test_numbers_on_an_axis_stand_a_line_apart_and_one_is_always_there(qapp, size, ends):
    axis = RoomyAxis("left")
    ((spacing, values),) = axis.tickValues(*ends, size)
    assert values
    assert len(values) == 1 or spacing / (ends[1] - ends[0]) * size > 12


@pytest.mark.parametrize("ends", [(54.0, 104.0), (61.0, 103.0), (28.0, 71.0)])
def test_a_low_plot_has_two_numbers_so_that_its_scale_can_be_read(qapp, ends):
    ((spacing, values),) = RoomyAxis("left", PER_CENT).tickValues(*ends, 40.0)
    assert len(values) == 2
    assert ends[0] <= values[0] < values[1] <= min(100, ends[1])
    assert spacing == values[1] - values[0]


@pytest.mark.parametrize("kind", [BoundedAxis, RoomyAxis])
@pytest.mark.parametrize("ends", [(98.9, 101.0), (99.75, 100.5), (-0.3, 1.1), (-1.0, 103.0)])
def test_no_number_stands_where_no_share_can_be(qapp, kind, ends):
    ((_, values), *_) = kind("left", PER_CENT).tickValues(*ends, 120.0)
    assert values
    assert min(values) >= 0
    assert max(values) == pytest.approx(100 if ends[1] > 100 else 1)


def test_a_point_at_a_hundred_per_cent_has_room_above_it():
    for least in (0.0, 95.0, 100.0):
        low, high = range_within(PER_CENT).include(least, 100.0)
        assert 0 <= low <= least
        assert 0.05 < (high - 100) / (high - low) < 0.1


def test_in_a_low_plot_the_numbers_at_the_ends_are_written_too(qtbot):
    axis = RoomyAxis("left")
    plot = pg.PlotWidget(axisItems={"left": axis}, enableMenu=False)
    qtbot.addWidget(plot)
    quieten(plot)
    paint_axes(plot, LIGHT)
    plot.resize(300, 60)
    plot.setYRange(45, 103, padding=0)
    plot.show()
    picture = QPicture()
    with QPainter(picture) as painter:
        _, _, numbers = axis.generateDrawSpecs(painter)
    room = axis.mapRectFromParent(axis.geometry())
    assert [word for _, _, word in numbers] == ["50", "100"]
    assert all(room.top() <= rect.top() and rect.bottom() <= room.bottom() for rect, *_ in numbers)


def test_numbers_below_nought_have_a_true_minus_sign(qapp):
    assert RoomyAxis("left").tickStrings([-0.35, 0.35], 1.0, 0.05) == ["−0.35", "0.35"]


def test_a_curve_of_very_many_points_is_drawn_without_soft_edges(qapp):
    curve = ThinnedCurve()
    for count, is_smooth in ((10, True), (SMOOTH_POINTS + 1, False), (10, True)):
        curve.show_points(*[np.arange(float(count))] * 2)
        assert curve.opts["antialias"] is is_smooth


def test_lines_keep_their_width_on_a_screen_of_small_pixels(monkeypatch, qapp):
    assert line_pen("#112233", 1.6).widthF() == 1.6 * qapp.devicePixelRatio()
    monkeypatch.setattr(type(qapp), "devicePixelRatio", lambda _: 2.0)
    assert line_pen("#112233", 1.6).widthF() == 3.2
