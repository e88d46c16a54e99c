"""What the filters panel says and saves about channels and changed images."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication

from app.panels.panel import Cell, Table
from app.words import percent_text
from core.events import BoolArray, ChangedImagesFound, LayerLookedInto

IndexArray = NDArray[np.int64]


def _tr(text: str) -> str:
    return QCoreApplication.translate("filters", text)


def decision_words(channel: int, is_kept: bool) -> str:
    """What a mask decides over a channel id, -1 for one that always stays."""
    if channel < 0:
        return _tr("always kept")
    return _tr("kept") if is_kept else _tr("removed")


def channel_words(seen: LayerLookedInto, place: int, channels: IndexArray, kept: BoolArray) -> str:
    """One line about an output channel: its decision, its weights, its activations."""
    weights = seen.filters[place]
    words = [
        _tr("Channel {}").format(place),
        decision_words(int(channels[place]), bool(kept[place])),
        _tr("weights {} to {}").format(*_ends(weights)),
    ]
    if len(seen.activations):
        ends = _ends(seen.activations[:, place])
        words.append(_tr("activations {} to {}").format(*ends))
    return " · ".join(words)


def say_changes(found: ChangedImagesFound, mask: str) -> str:
    """How many images changed their class, and which of them are shown."""
    share = percent_text(found.changed / found.scored) if found.scored else "–"
    text = _tr("{:,} of {:,} held-out images ({}) get another class from the network pruned by {}.")
    said = text.format(found.changed, found.scored, share, mask)
    if found.changed > len(found.images):
        said += " " + _tr("The {} surest changes are shown.").format(len(found.images))
    return said


def layer_table(seen: LayerLookedInto, channels: IndexArray, kept: BoolArray) -> Table:
    """A row for each output channel; activations are means over each image's positions."""
    header = ("channel", "id", "decision", "weight_least", "weight_greatest")
    header += tuple(f"activation_{at + 1}_{label}" for at, label in enumerate(seen.labels))
    rows: list[tuple[Cell, ...]] = []
    for place, channel in enumerate(channels.tolist()):
        decision = "fixed" if channel < 0 else "kept" if kept[place] else "removed"
        weights = seen.filters[place]
        means = [float(maps[place].mean()) for maps in seen.activations]
        least, greatest = float(np.nanmin(weights)), float(np.nanmax(weights))
        rows.append((place, channel, decision, least, greatest, *means))
    return Table(header[: 5 + len(seen.activations)], rows)


def changed_table(found: ChangedImagesFound) -> Table:
    """A row for each shown image, the surest change first; confidences are 0-1."""
    columns = (
        found.labels,
        found.before,
        [float(sure) for sure in found.confidence_before],
        found.after,
        [float(sure) for sure in found.confidence_after],
    )
    header = ("class", "before", "confidence_before", "after", "confidence_after")
    return Table(header, list(zip(*columns, strict=True)))


def _ends(values: NDArray[np.float32]) -> tuple[str, str]:
    least, greatest = (f"{float(end(values)):.2g}" for end in (np.nanmin, np.nanmax))
    return least.replace("-", "−"), greatest.replace("-", "−")
