"""Plots and strips as inline SVG: no script, no file, no torch. Colours are classes of the page."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np
from numpy.typing import NDArray

from core.events import BoolArray

Numbers = NDArray[np.float64]
WIDTH, HEIGHT = 720, 280
LEFT, RIGHT, TOP, BOTTOM = 56, 24, 12, 44
CHANNEL_PX, STRIP_PX, LOW_PX = 4, 14, 3  # of a strip: a removed channel is low, not only pale
TICKS = 5
LEAST_SPAN = 1.0  # of an axis: one evaluation, one point of a per cent


@dataclass(frozen=True, eq=False)
class Points:
    """Points, or a line through them."""

    name: str
    style: str  # a class of the page: "candidate", "learned", "criteria"
    x: Numbers
    y: Numbers
    is_line: bool = False


@dataclass(frozen=True)
class Level:
    """A value to compare with: a line across the plot."""

    name: str
    style: str
    y: float


def plot(
    points: Sequence[Points],
    levels: Sequence[Level],
    *,
    x_label: str,
    y_label: str,
    y_limits: tuple[float, float] = (-math.inf, math.inf),
) -> str:
    """Draw points and levels over axes; a sentence if there is nothing to draw.

    y_limits: what the values upwards can be; their axis has no number beyond it, such as 101 %.
    """
    seen = [_finite(one) for one in points]
    x = np.concatenate([one.x for one in seen] or [np.empty(0)])
    y = np.concatenate([*(one.y for one in seen), [v.y for v in levels if math.isfinite(v.y)]])
    if not x.size:
        return "<p>Nothing was measured.</p>"
    across = _Axis.over(x, LEFT, WIDTH - RIGHT)
    up = _Axis.over(y, HEIGHT - BOTTOM, TOP).within(*y_limits)
    drawn = [
        *_grid(across, up),
        *(_level(level, up) for level in levels if math.isfinite(level.y)),
        *(_marks(one, across, up) for one in seen if one.x.size),
        _text(x_label, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "middle"),
        f'<text class="axis" transform="translate(14 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) '
        f'rotate(-90)" text-anchor="middle">{escape(y_label)}</text>',
    ]
    legend = "".join(
        f'<span class="key {escape(style)}"></span>{escape(name)} '
        for name, style in [(one.name, one.style) for one in points]
        + [(one.name, one.style) for one in levels]
    )
    label = escape(f"{y_label} over {x_label}", quote=True)
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f"{''.join(drawn)}</svg><figcaption>{legend}</figcaption></figure>"
    )


def strip(keep: BoolArray, style: str) -> str:
    """Draw one layer's mask (channels,): kept channels are high, removed ones low."""
    edges = np.flatnonzero(np.diff(keep.astype(np.int8), prepend=-1, append=-1))
    parts = []
    for start, stop in itertools.pairwise(edges.tolist()):
        height = STRIP_PX if keep[start] else LOW_PX
        kind = style if keep[start] else "gone"
        parts.append(
            f'<rect class="{kind}" x="{CHANNEL_PX * start}" y="{STRIP_PX - height}" '
            f'width="{CHANNEL_PX * (stop - start)}" height="{height}"/>'
        )
    width = CHANNEL_PX * len(keep)
    return (
        f'<svg class="strip" viewBox="0 0 {width} {STRIP_PX}" width="{width}" height="{STRIP_PX}" '
        f'preserveAspectRatio="none" role="img" aria-label="{int(keep.sum())} of {len(keep)} '
        f'channels kept">{"".join(parts)}</svg>'
    )


@dataclass(frozen=True)
class _Axis:
    """Values to pixels."""

    low: float
    high: float
    start: float  # px of low
    stop: float  # px of high
    step: float  # between ticks

    @classmethod
    def over(cls, values: Numbers, start: float, stop: float) -> "_Axis":
        low, high = float(values.min()), float(values.max())
        if high - low < LEAST_SPAN:
            middle = (low + high) / 2
            low, high = middle - LEAST_SPAN / 2, middle + LEAST_SPAN / 2
        rough = (high - low) / TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = power * next(f for f in (1, 2, 5, 10) if f * power >= rough)
        return cls(math.floor(low / step) * step, math.ceil(high / step) * step, start, stop, step)

    def within(self, low: float, high: float) -> "_Axis":
        return replace(self, low=max(self.low, low), high=min(self.high, high))

    def px(self, values: Numbers) -> Numbers:
        return self.start + (values - self.low) / (self.high - self.low) * (self.stop - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        count = round((self.high - self.low) / self.step) + 1
        digits = max(0, -math.floor(math.log10(self.step)))
        values = self.low + self.step * np.arange(count, dtype=np.float64)
        pixels = self.px(values)
        return [(float(px), f"{v:,.{digits}f}") for px, v in zip(pixels, values, strict=True)]


def _finite(points: Points) -> Points:
    is_finite = np.isfinite(points.x) & np.isfinite(points.y)
    return Points(
        points.name, points.style, points.x[is_finite], points.y[is_finite], points.is_line
    )


def _grid(across: _Axis, up: _Axis) -> list[str]:
    lines = []
    for y, name in up.ticks():
        lines.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        lines.append(_text(name, LEFT - 6, y + 4, "end"))
    for x, name in across.ticks():
        lines.append(f'<path class="grid" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        lines.append(_text(name, x, HEIGHT - BOTTOM + 16, "middle"))
    return lines


def _level(level: Level, up: _Axis) -> str:
    y = float(up.px(np.array([level.y]))[0])
    return (
        f'<path class="level {escape(level.style)}" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}">'
        f"<title>{escape(level.name)}</title></path>"
    )


def _marks(points: Points, across: _Axis, up: _Axis) -> str:
    """All marks in one path: round ends of lines of hardly any length."""
    x, y = across.px(points.x), up.px(points.y)
    pairs = [f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True)]
    path = "M" + "L".join(pairs) if points.is_line else "".join(f"M{pair}h.01" for pair in pairs)
    kind = "line" if points.is_line else "dots"
    return f'<path class="{kind} {escape(points.style)}" d="{path}"/>'


def _text(words: str, x: float, y: float, anchor: str) -> str:
    return (
        f'<text class="axis" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
    )
