"""What the trade-off panel says about its points, its colours and the images behind both."""

from collections.abc import Mapping

from PySide6.QtCore import QCoreApplication

from app.panels.plot_parts import key_words, legend_text
from app.panels.tradeoff_points import EvaluatedMasks, Kind, Scored
from app.theme import Palette
from app.words import percent_text
from core.events import SearchStarted


def name_words(one: Scored) -> str:
    """What a mask is called: "evaluation 212", "l1_uniform", "the search's winner"."""
    match one.kind:
        case Kind.CANDIDATE:
            return _translate("evaluation {:,}").format(one.number)
        case Kind.CRITERION:
            return one.name
        case Kind.WINNER:
            return _translate("the search's winner")
    return _translate("the unpruned network")


def point_words(one: Scored) -> str:
    """A mask's numbers in a line."""
    name = name_words(one)
    words = _translate("{}: {} of MACs · accuracy {} · cross-entropy {:.3f} nats").format(
        name[:1].upper() + name[1:],
        percent_text(one.macs_kept),
        percent_text(one.accuracy),
        one.cross_entropy,
    )
    if one.kind in (Kind.UNPRUNED, Kind.WINNER):
        words += _translate(" · on held-out images")
    elif not one.meets_budget:
        words += _translate(" · over budget")
    return words + _translate(" · click to load")


def point_row(one: Scored, *, is_in_front: bool) -> tuple[str | int | float, ...]:
    """A mask as a row: name, kind, MACs and scores, within the budget, in the front."""
    scores = one.macs_kept, one.accuracy, one.cross_entropy
    flags = int(one.meets_budget), int(is_in_front)
    return (name_words(one), one.kind.name.lower(), *scores, *flags)


def images_words(image_counts: Mapping[str, int]) -> str:
    """On which images the numbers were taken."""
    if not {"reward", "held_out"} <= set(image_counts):
        return _translate(
            "Masks and criteria: batches of reward images. Unpruned, winner: held-out images."
        )
    return _translate(
        "Masks and criteria: rotating batches of {:,} reward images. "
        "Unpruned and winner: up to {:,} held-out images."
    ).format(image_counts["reward"], image_counts["held_out"])


def legend_words(
    masks: EvaluatedMasks, started: SearchStarted | None, colours: Palette, is_accuracy: bool
) -> str:
    """Title and keys of the plot in rich text."""
    kinds = masks.kinds
    keys = [key_words("●", colours.accuracy, _translate("mask"))]
    over = int((~masks.meets_budget & (kinds == Kind.CANDIDATE)).sum())
    if over:
        keys.append(key_words("✕", colours.budget, _translate("{:,} over budget").format(over)))
    keys.append(key_words("◆", colours.criteria, _translate("criterion")))
    keys.append(key_words("━", colours.ema, _translate("Pareto front")))
    if started:
        budget = _translate("budget {}").format(percent_text(started.macs_budget))
        keys.append(key_words("╌╌", colours.budget, budget))
        value = (
            percent_text(started.baseline_accuracy)
            if is_accuracy
            else f"{started.baseline_cross_entropy:.3f}"
        )
        keys.append(key_words("■╌", colours.baseline, _translate("unpruned {}").format(value)))
    keys.append(key_words("○", colours.best, _translate("best so far")))
    if (kinds == Kind.WINNER).any():
        keys.append(key_words("★", colours.best, _translate("winner")))
    keys.append(key_words("◯", colours.accent, _translate("shown in all panels")))
    title = _translate("Accuracy, %") if is_accuracy else _translate("Cross-entropy, nats")
    return legend_text(title, keys, colours)


def _translate(text: str) -> str:
    return QCoreApplication.translate("TradeoffPanel", text)
