"""What the mask matrix says in words: captions, labels, tooltips."""

from html import escape

from PySide6.QtCore import QCoreApplication

from app.panels.compare_words import criterion_words
from app.panels.masks_facts import MaskFacts, View
from app.panels.masks_labels import RowLabel
from app.words import percent_text
from core.pruning.pins import NO_PIN, Pins


def tr(text: str) -> str:
    """Translate a text of this module."""
    return QCoreApplication.translate("masks", text)


def row_labels(facts: MaskFacts, view: View) -> list[RowLabel]:
    """A label for each row: its layer, how many more share it, how many channels are kept."""
    keep = facts.decision(view).keep
    return [
        RowLabel(
            row.layer,
            f"+{len(row.others)}" if row.others else "",
            f"{int(keep[row.channels].sum())}/{len(row)}",
        )
        for row in facts.rows
    ]


def say_mask(facts: MaskFacts, view: View) -> str:
    """Name the mask that a view shows, and what is known of it."""
    flips = int(facts.decision(view).has_flipped.sum())
    if view == "policy":
        if facts.probability is None:
            return tr("No policy yet: every channel is kept.")
        text = tr("The policy's likeliest mask after update {}").format(facts.update)
        return " · ".join([text, tr("{:,} flipped since the update before").format(flips)])
    mask = facts.mask
    if mask is None:
        return tr("No mask yet: every channel is kept.")
    parts = [
        tr("Mask: {}").format(mask.name),
        tr("{} of MACs").format(percent_text(mask.macs_kept)),
    ]
    if mask.accuracy is not None:
        parts.append(tr("{} accuracy").format(percent_text(mask.accuracy)))
    parts.append(tr("{:,} flipped since the mask before").format(flips))
    return " · ".join(parts)


def say_sharing(facts: MaskFacts) -> str:
    """Explain the labels' numbers, if there are any."""
    shared = next((row for row in facts.rows if row.others), None)
    if shared is None:
        return ""
    count = len(shared.others)
    if count == 1:
        return tr("{} +1: one layer further down shares its channels.").format(shared.layer)
    text = tr("{} +{}: {} layers further down share its channels.")
    return text.format(shared.layer, count, count)


def channel_words(facts: MaskFacts, channel: int, view: View, sort: str, pinned: Pins) -> list[str]:
    """Everything about a channel, each in a few words; the score is that of the order."""
    row = facts.rows[facts.row_of(channel)]
    decision = facts.decision(view)
    parts = [
        row.layer,
        tr("channel {}").format(facts.place_of(channel)),
        tr("kept") if decision.keep[channel] else tr("removed"),
    ]
    if decision.has_flipped[channel]:
        parts.append(tr("flipped"))
    if facts.probability is not None:
        parts.append(tr("keep probability {:.2f}").format(float(facts.probability[channel])))
    parts.append(_score_words(facts, channel, _criterion(facts, sort)))
    if pinned[channel] != NO_PIN:
        parts.append(tr("pinned to stay") if pinned[channel] > 0 else tr("pinned to go"))
    return parts


def channel_tip(facts: MaskFacts, channel: int, view: View, sort: str, pinned: Pins) -> str:
    """Everything about a channel and its score by every criterion, as rich text."""
    lines = [escape(words) for words in channel_words(facts, channel, view, sort, pinned)]
    others = [name for name in facts.scores if name != _criterion(facts, sort)]
    lines += [escape(_score_words(facts, channel, name)) for name in others]
    return "<br>".join([f"<b>{lines[0]}</b>", *lines[1:]])


def row_tip(facts: MaskFacts, row: int, view: View) -> str:
    """What a row is, and with which layers it is shared, as rich text."""
    entry = facts.rows[row]
    kept = int(facts.decision(view).keep[entry.channels].sum())
    lines = [
        f"<b>{escape(entry.layer)}</b>",
        tr("{} of {} channels kept").format(kept, len(entry)),
    ]
    if entry.others:
        names = escape(", ".join(entry.others))
        lines.append(tr("Shares its channels with: {}").format(names))
    return "<br>".join(lines)


def _criterion(facts: MaskFacts, sort: str) -> str:
    return sort if sort in facts.scores else next(iter(facts.scores))


def _score_words(facts: MaskFacts, channel: int, criterion: str) -> str:
    rank, count = facts.rank(criterion, channel)
    return tr("{} score {:.3g}, rank {} of {}").format(
        criterion_words(criterion), float(facts.scores[criterion][channel]), rank, count
    )
