"""The verdict in words: who is ahead, by how much, and whether that is more than chance."""

from collections.abc import Iterable

from PySide6.QtCore import QCoreApplication

from app.budgets import shares_text
from app.panels.plot_parts import key_words, legend_text
from app.theme import Palette
from app.words import percent_text
from core.runs.history import RunSummary
from core.runs.verdict import LEARNED, UNPRUNED, Estimate, MethodRow, Verdict

UNKNOWN = "–"
SAME_MACS = 0.01  # shares of the MACs that differ by more are said


def method_words(name: str) -> str:
    """What a method is called: "learned", "unpruned", "l1 uniform"."""
    if name == LEARNED:
        return _translate("learned")
    return _translate("unpruned") if name == UNPRUNED else name.replace("_", " ")


def estimate_text(estimate: Estimate | None) -> str:
    """A mean and half its interval, in per cent: "75.0 ± 1.9"."""
    if estimate is None:
        return UNKNOWN
    return f"{100 * estimate.mean:.1f} ± {_half(estimate):.1f}"


def lead_text(lead: Estimate | None) -> str:
    """A difference in points; "≈" if chance alone could make it: "+1.9 ± 1.5", "≈ +0.3 ± 1.0"."""
    if lead is None:
        return ""
    sign = "" if lead.is_measurable else "≈ "
    return f"{sign}{_points(lead.mean, signed=True)} ± {_half(lead):.1f}"


def sentence_words(verdict: Verdict) -> str:
    """The answer: before fine-tuning, after it, and against chance."""
    parts = [_compare(verdict, is_after=False)]
    if any(row.after for row in verdict.rows):
        parts.append(_compare(verdict, is_after=True))
    chance = verdict.chance
    if chance is not None and chance.lead_before is not None:
        parts.append(
            _translate("Against a random mask: {}.").format(_difference(chance.lead_before))
        )
    return " ".join(part for part in parts if part)


def basis_words(verdict: Verdict, run: RunSummary) -> str:
    """What the numbers stand on: which runs, how many images, what the intervals are."""
    name = run.network.rsplit("/", 1)[-1] or run.folder.name
    budget, further = percent_text(run.macs_budget, 0), shares_text(run.further_budgets)
    images = _translate("{:,} test images").format(verdict.test_images)
    listed = ", ".join(str(seed) for seed in sorted(verdict.seeds))
    seeds = _translate("seeds {}") if len(verdict.seeds) > 1 else _translate("seed {}")
    seeds = seeds.format(listed)
    if verdict.is_over_seeds:
        words = _translate(
            "{} at {} of the MACs{}, {}, the same {}. ± and brackets: 95 % intervals over "
            "seeds (Student's t); differences are paired by seed. ≈: no measurable difference."
        ).format(name, budget, further, seeds, images)
    else:
        words = _translate(
            "{} at {} of the MACs{}, {}, {}. ± and brackets: 95 % intervals of the test images "
            "alone (binomial); three seeds would show their spread. ≈: no measurable difference."
        ).format(name, budget, further, seeds, images)
    if verdict.has_few_tuned:
        words += _translate(
            " After fine-tuning, those of methods with fewer than three: of the test images alone "
            "(binomial)."
        )
    if not any(row.after for row in verdict.rows):
        words += _translate(" Not fine-tuned yet.")
    if run.is_adapted:
        words += _translate(
            " The learned network was trained while it was pruned; before fine-tuning the others "
            "have the original weights."
        )
    return words + _left_out(verdict) + _other_macs(verdict)


def key_text(palette: Palette, *, has_after: bool) -> str:
    """The plot's legend, in rich text."""
    keys = [key_words("○", palette.accuracy, _translate("before fine-tuning"))]
    if has_after:
        keys.append(key_words("◆", palette.accuracy, _translate("after fine-tuning")))
    keys.append(key_words("○", palette.best, _translate("learned")))
    keys.append(key_words("├┤", palette.accuracy, _translate("95 % interval")))
    return legend_text("", keys, palette)


def _compare(verdict: Verdict, *, is_after: bool) -> str:
    best = verdict.best_criterion(is_after=is_after)
    lead = None if best is None else (best.lead_after if is_after else best.lead_before)
    when = _translate("After fine-tuning") if is_after else _translate("Before fine-tuning")
    if best is None or lead is None:
        return _translate("{}: {}.").format(when, _why_alone(verdict, is_after=is_after))
    return _translate("{}, learned against the best criterion ({}): {}.").format(
        when, method_words(best.name), _difference(lead)
    )


def _why_alone(verdict: Verdict, *, is_after: bool) -> str:
    """Why the learned mask is compared with no criterion."""
    if is_after and verdict.left_out.is_alone:
        return _translate("it was stopped early, and is compared with nothing")
    if is_after:
        return _translate("no criterion was fine-tuned to compare with")
    if verdict.is_untested:
        return _translate(
            "the criteria were not tested (test_criteria = false), so there is nothing to compare "
            "the learned mask with"
        )
    return _translate("no criterion to compare with")


def _left_out(verdict: Verdict) -> str:
    """Say which fine-tunings are not among the numbers."""
    left_out, words = verdict.left_out, ""
    if left_out.is_alone and len(verdict.seeds) > 1:
        words += _translate(
            " The fine-tuning was stopped early: those of other seeds are left out."
        )
    if left_out.stopped:
        words += _translate(" Left out after fine-tuning, which was stopped early: {}.").format(
            _listed(left_out.stopped)
        )
    if left_out.unpaired:
        words += _translate(" Left out with the learned network of their run: {}.").format(
            _listed(left_out.unpaired)
        )
    if left_out.tuned_otherwise:
        listed = ", ".join(map(str, left_out.tuned_otherwise))
        words += _translate(
            " Left out after fine-tuning, which had other settings: seed {}."
        ).format(listed)
    return words


def _listed(networks: Iterable[tuple[int, str]]) -> str:
    words = _translate("{} of seed {}")
    return ", ".join(words.format(method_words(name), seed) for seed, name in networks)


def _difference(lead: Estimate) -> str:
    if not lead.is_measurable:
        return _translate("no measurable difference ({} points, {})").format(
            _points(lead.mean, signed=True), _interval(lead)
        )
    words = (
        _translate("{} points better ({})") if lead.mean > 0 else _translate("{} points worse ({})")
    )
    return words.format(_points(abs(lead.mean)), _interval(lead))


def _other_macs(verdict: Verdict) -> str:
    """Say it if a method does not keep about as many MACs as the learned mask."""
    learned = verdict.row(LEARNED)
    if learned is None or learned.macs_kept is None:
        return ""
    other = [row for row in verdict.rows if _is_other(row, learned.macs_kept)]
    if not other:
        return ""
    names = ", ".join(method_words(row.name) for row in other)
    return _translate(" Not at the same MACs: {}.").format(names)


def _is_other(row: MethodRow, macs_kept: float) -> bool:
    if row.name == UNPRUNED or row.macs_kept is None:
        return False
    return abs(row.macs_kept - macs_kept) > SAME_MACS


def _half(estimate: Estimate) -> float:
    """Half of an interval, in points."""
    return 50 * (estimate.high - estimate.low)


def _interval(estimate: Estimate) -> str:
    return _translate("{} to {}").format(_points(estimate.low), _points(estimate.high))


def _points(share: float, *, signed: bool = False) -> str:
    points = round(100 * share, 1)
    if points == 0:
        return "0.0"  # what is rounded away has no sign
    text = f"{points:+.1f}" if signed else f"{points:.1f}"
    return text.replace("-", "−")


def _translate(text: str) -> str:
    return QCoreApplication.translate("VerdictPanel", text)
