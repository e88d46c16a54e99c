"""Pinned channels: what a person decided before the search, as text and as arrays.

A pin is written as a layer and output channels of it: "layer1.0.conv1:0-3,7", or
"layer1.0.conv1:all". Coupled channels are one channel, so a pin through any of their layers is
the same pin.
"""

import difflib
import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError
from core.graph.coupling import CouplingGroups
from core.graph.layers import LayerGraph, LayerNode
from core.graph.rows import ChannelRow, channel_rows

PIN_KEEP, NO_PIN, PIN_REMOVE = 1, 0, -1
PINNED_KEEP, PINNED_REMOVED = "pinned_keep", "pinned_removed"  # the settings' names
RANGE = re.compile(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*")

Pins = NDArray[np.int8]  # (channels,): PIN_KEEP, NO_PIN or PIN_REMOVE
PinLines = tuple[tuple[str, ...], tuple[str, ...]]  # kept, removed


def no_pins(groups: CouplingGroups) -> Pins:
    """Return the pins of somebody who has pinned nothing, (channels,)."""
    return np.zeros(groups.channel_count, dtype=np.int8)


def parse_pins(
    kept: Iterable[str], removed: Iterable[str], graph: LayerGraph, groups: CouplingGroups
) -> Pins:
    """Read the settings `pinned_keep` and `pinned_removed`.

    Returns: (channels,).
    Raises: ConfigError if a line cannot be read, names no layer or channel, removes what is
        always kept, contradicts another line, or leaves a layer without any channel.
    """
    pins = no_pins(groups)
    for line in kept:
        ids = channels_of_line(line, graph, PINNED_KEEP)
        pins[ids[ids >= 0]] = PIN_KEEP
    for line in removed:
        ids = channels_of_line(line, graph, PINNED_REMOVED)
        if (ids < 0).any():
            raise ConfigError(
                f"Setting '{PINNED_REMOVED}', {line!r}: {_count(ids < 0)} of this layer cannot be "
                "removed. Name other channels."
            )
        if (pins[ids] == PIN_KEEP).any():
            raise ConfigError(
                f"Setting '{PINNED_REMOVED}', {line!r}: {_count(pins[ids] == PIN_KEEP)} of it "
                f"must also be kept ('{PINNED_KEEP}'). Remove one of the two pins."
            )
        pins[ids] = PIN_REMOVE
    emptied = emptied_layer(pins, graph)
    if emptied is not None:
        raise ConfigError(
            f"Setting '{PINNED_REMOVED}' removes every channel of layer '{emptied}'. "
            "Leave it at least one."
        )
    return pins


def format_pins(pins: Pins, graph: LayerGraph, groups: CouplingGroups) -> PinLines:
    """Write pins (channels,) as lines, each channel through the first layer that produces it.

    `parse_pins` reads them back to the same pins.
    """
    rows = channel_rows(graph, groups)
    return tuple(_lines(pins == PIN_KEEP, rows)), tuple(_lines(pins == PIN_REMOVE, rows))


def emptied_layer(pins: Pins, graph: LayerGraph) -> str | None:
    """Name the first layer of which pins (channels,) would remove every channel, if any."""
    stays = np.append(pins != PIN_REMOVE, True)
    for layer in graph.layers:
        if layer.channels.size and not stays[layer.channels].any():
            return layer.name
    return None


def channels_of_line(line: str, graph: LayerGraph, setting: str) -> NDArray[np.int64]:
    """Return the channel ids that a line names, -1 where always kept; ConfigError if none."""
    name, _, numbers = line.rpartition(":")
    layer = _layer(name.strip(), line, graph, setting)
    if numbers.strip() == "all":
        return layer.channels
    places: list[int] = []
    for part in numbers.split(","):
        match = RANGE.fullmatch(part)
        if match is None:
            raise ConfigError(
                f"Setting '{setting}', {line!r}: cannot read the channels {part.strip()!r}. "
                "Write them like 0-3,7, or all."
            )
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last or last >= len(layer.channels):
            raise ConfigError(
                f"Setting '{setting}', {line!r}: layer '{layer.name}' has no channels "
                f"{part.strip()}. Its channels are 0 to {len(layer.channels) - 1}."
            )
        places.extend(range(first, last + 1))
    return layer.channels[places]


def format_ranges(numbers: Sequence[int]) -> str:
    """Write ascending numbers as "0-3,7"."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)


def _lines(chosen: NDArray[np.bool_], rows: Sequence[ChannelRow]) -> Iterable[str]:
    for row in rows:
        places = row.places[chosen[row.channels]]
        if places.size:
            yield f"{row.layer}:{format_ranges(places.tolist())}"


def _layer(name: str, line: str, graph: LayerGraph, setting: str) -> LayerNode:
    if name in graph:
        return graph.layer(name)
    if not name:
        remedy = "Write a layer and its channels, such as layer1.0.conv1:0-3,7."
    elif near := difflib.get_close_matches(name, map(str, graph.nodes), n=1):
        remedy = f"Did you mean '{near[0]}'?"
    else:
        remedy = "Take a name from the graph."
    raise ConfigError(f"Setting '{setting}', {line!r}: there is no layer '{name}'. {remedy}")


def _count(chosen: NDArray[np.bool_]) -> str:
    count = int(chosen.sum())
    return "1 channel" if count == 1 else f"{count} channels"
