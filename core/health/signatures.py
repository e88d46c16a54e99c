"""The known ways in which a search goes wrong, as pure functions of what was seen of it.

Each says "waiting" while there is too little to tell, and raises only what its numbers carry:
a false alarm costs more trust than a late one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.events import HeldOutScored
from core.health.history import SearchHistory, UpdateSeen

State = Literal["waiting", "fine", "raised"]
Float64Array = NDArray[np.float64]

OSCILLATION_UPDATES = 12
OSCILLATION_CROSSINGS = 4
OSCILLATION_LEAST_SWING = 0.05  # of the network's MACs
OSCILLATION_ERRORS = 6.0  # standard errors of an update's mean
COLLAPSE_UPDATES = 3
COLLAPSE_SHARE = 0.5
COLLAPSE_MACS_MARGIN = 0.05  # of the network's MACs
RANDOM_LEAST_UPDATES = 12
RANDOM_LEAST_PAIRS = 4
RANDOM_LEAST_GAIN = 0.25  # of the spread among the masks of one update
ONE_SIDED_95 = 1.645  # standard normal
ONE_SIDED_95_OF_PAIRS = 2.353  # Student's t of four pairs; of more it would be less
OVERFIT_SCORES = 4
OVERFIT_LEAST_NATS = 0.1
OVERFIT_LEAST_SHARE = 0.3
EXPLODED_KL = 1.0  # nats per channel in one update
CERTAIN_FLIPS = 0.1  # channels of a mask


@dataclass(frozen=True, eq=False)
class Series:
    """One curve of the evidence."""

    name: str
    evaluations: Float64Array  # (points,)
    values: Float64Array  # (points,)


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a signature makes of a search so far."""

    state: State
    evidence: str  # the numbers, in a sentence
    advice: str = ""  # what to change, in a sentence; only if raised
    series: tuple[Series, ...] = ()


Signature = Callable[[SearchHistory], Verdict]


def oscillating_macs(history: SearchHistory) -> Verdict:
    """The kept MACs swing to and fro instead of settling.

    Looked at are the mean MACs of the last 12 updates around their own straight line, so that
    a steady approach to the budget is no swing. Raised if they cross the line at least 4 times
    (a period of 6 updates or less) and span more than 5 % of the network's MACs, well over what
    projection leaves (0.05 %), and more than 6 standard errors of an update's mean: the range
    of 12 means of pure sampling noise is 3.3 of them and exceeds 6 once in a thousand.
    """
    series = (_series("MACs kept", history.updates, "macs_kept"),)
    if len(history.updates) < OSCILLATION_UPDATES:
        return _waiting(history, OSCILLATION_UPDATES, series)
    last = history.updates[-OSCILLATION_UPDATES:]
    macs = np.array([update.macs_kept for update in last])
    place = np.arange(len(macs))
    around = macs - np.polyval(np.polyfit(place, macs, 1), place)
    crossings = int((np.diff(np.sign(around)) != 0).sum())
    swing = float(np.ptp(around))
    error = float(np.mean([update.macs_spread / math.sqrt(update.masks) for update in last]))
    evidence = (
        f"Over the last {len(last)} updates the mean MACs of an update went between "
        f"{100 * macs.min():.1f} % and {100 * macs.max():.1f} % of the network and crossed their "
        f"trend {crossings} times."
    )
    is_wide = swing > max(OSCILLATION_LEAST_SWING, OSCILLATION_ERRORS * error)
    if crossings < OSCILLATION_CROSSINGS or not is_wide:
        return Verdict("fine", evidence, series=series)
    advice = (
        "Hold the budget by projection (constraint), or lower the learning rate and the "
        "offsets' rates."
    )
    return Verdict("raised", evidence, advice, series)


def accuracy_collapse(history: SearchHistory) -> Verdict:
    """Accuracy falls to less than half of what the search had reached.

    Compared are the mean accuracy of the last 3 updates and the best of any 3 updates in a row
    before that kept about as many MACs (5 % of the network more at most), because accuracy may
    fall while a budget is being reached. Batches of 128 images move a mean over 3 updates by
    about 5 % of itself, a sound search of ResNet-20 at 50 % never fell by more than 9 %: half
    is far outside of both.
    """
    series = (_series("accuracy", history.updates, "accuracy"),)
    if len(history.updates) < 2 * COLLAPSE_UPDATES:
        return _waiting(history, 2 * COLLAPSE_UPDATES, series)
    accuracy = _means([update.accuracy for update in history.updates], COLLAPSE_UPDATES)
    macs = _means([update.macs_kept for update in history.updates], COLLAPSE_UPDATES)
    is_alike = macs[:-COLLAPSE_UPDATES] <= macs[-1] + COLLAPSE_MACS_MARGIN
    before = accuracy[:-COLLAPSE_UPDATES][is_alike]
    if not len(before):
        return Verdict("fine", "The kept MACs are still falling.", series=series)
    best, now = float(before.max()), float(accuracy[-1])
    evidence = (
        f"The last {COLLAPSE_UPDATES} updates have a mean accuracy of {100 * now:.1f} %, "
        f"the best {COLLAPSE_UPDATES} in a row before had {100 * best:.1f} %."
    )
    if now >= COLLAPSE_SHARE * best:
        return Verdict("fine", evidence, series=series)
    advice = "Stop and keep the best mask so far."
    if _has_policy(history):
        advice = (
            "Stop and keep the best mask so far, then lower the learning rate and the offsets' "
            "rates, or start from the best criterion (prior: tournament)."
        )
    return Verdict("raised", evidence, advice, series)


def no_better_than_random(history: SearchHistory) -> Verdict:
    """The latest masks are no better than the first ones, which came from the prior by chance.

    Compared are the cross-entropies of the first sixth (at least 4) and the last third of the
    updates. Raised if the gain that is still possible, the upper end of its one-sided 95 %
    interval, is under a quarter of the spread among the masks of one update: then learning has
    not even moved the masks by what chance does. Sound searches of 300 masks (ResNet-20 and
    the demo at 50 %) gained 0.5 to 7 spreads and raised nothing; the same with their updates
    in random order raise it in a quarter of the orders, and more often the longer they are.
    Where the weights adapt, the masks of two updates do not compare; see _no_better_than_first.
    A method without a policy that PPO moves is not judged: random search learns nothing by design.
    """
    if history.compared and _has_policy(history):
        return _no_better_than_first(history)
    scored = [update for update in history.updates if math.isfinite(update.cross_entropy)]
    series = (_series("cross-entropy", scored, "cross_entropy"),)
    if history.updates and not _has_policy(history):
        return Verdict("waiting", "This method has no policy to be judged.", series=series)
    if len(scored) < RANDOM_LEAST_UPDATES:
        words = f"Needs {RANDOM_LEAST_UPDATES} updates within the budget; {len(scored)} so far."
        return Verdict("waiting", words, series=series)
    if history.updates[0].update != 1:
        return Verdict("waiting", "The first updates of this search were not seen.", series=series)
    values = np.array([update.cross_entropy for update in scored])
    first, last = values[: max(4, len(values) // 6)], values[-(len(values) // 3) :]
    gain = float(first.mean() - last.mean())
    error = math.sqrt(first.var(ddof=1) / len(first) + last.var(ddof=1) / len(last))
    spread = float(np.median([update.cross_entropy_spread for update in scored]))
    most = gain + ONE_SIDED_95 * error
    evidence = (
        f"From the first {len(first)} to the last {len(last)} updates cross-entropy "
        f"{'fell' if gain >= 0 else 'rose'} by {abs(gain):.3f} nats, by {max(0.0, most):.3f} at "
        f"most within the noise; the masks of one update differ by {spread:.3f}."
    )
    if most > RANDOM_LEAST_GAIN * spread:
        return Verdict("fine", evidence, series=series)
    advice = (
        "Raise the learning rate or the images per evaluation, or take the best criterion's "
        "mask: this search adds nothing to it."
    )
    return Verdict("raised", evidence, advice, series)


def _no_better_than_first(history: SearchHistory) -> Verdict:
    """What the policy would keep is no better than what it began with, under the weights of now.

    Each pair is seen on images of its own. Raised if the gain that is still possible, the upper
    end of its one-sided 95 % interval, is under a quarter of the spread among the masks of one
    update.
    """
    x = np.array([pair.evaluation for pair in history.compared], dtype=np.float64)
    now = np.array([pair.cross_entropy for pair in history.compared])
    first = np.array([pair.first_cross_entropy for pair in history.compared])
    series = (Series("the first mask", x, first), Series("the likeliest mask", x, now))
    is_known = np.isfinite(first) & np.isfinite(now)
    gains = first[is_known] - now[is_known]
    spreads = [update.cross_entropy_spread for update in history.updates]
    spreads = [spread for spread in spreads if math.isfinite(spread)]
    if len(gains) < RANDOM_LEAST_PAIRS or not spreads:
        words = (
            f"Needs {RANDOM_LEAST_PAIRS} comparisons with the first mask on held-out images; "
            f"{len(gains)} so far."
        )
        return Verdict("waiting", words, series=series)
    spread = float(np.median(spreads))
    gain = float(gains.mean())
    most = gain + ONE_SIDED_95_OF_PAIRS * float(gains.std(ddof=1)) / math.sqrt(len(gains))
    evidence = (
        f"On held-out images and with the weights of now, the mask that the policy would keep is "
        f"{abs(gain):.3f} nats {'better' if gain >= 0 else 'worse'} than the one it began with, "
        f"{max(0.0, most):.3f} better at most within the noise; the masks of one update differ by "
        f"{spread:.3f}."
    )
    if most > RANDOM_LEAST_GAIN * spread:
        return Verdict("fine", evidence, series=series)
    advice = (
        "Raise the learning rate or the images per evaluation. The network adapts all the same: "
        "this search only adds nothing to the mask that it began with."
    )
    return Verdict("raised", evidence, advice, series)


def reward_overfit(history: SearchHistory) -> Verdict:
    """The best mask gets better by its reward and worse on held-out images.

    Raised if the last two best masks have a higher cross-entropy on the held-out images than an
    earlier one, by more than 0.1 nats and 30 %, although what they are rewarded for has become
    better: the loss behind the reward, be it a distance, an error or the cross-entropy itself. All
    are scored on the same held-out images; two masks of ResNet-20 differ on 128 images by 13 % by
    chance (standard deviation), so 30 % twice in a row is none. The gap between both kinds of
    images alone says nothing: the best of many masks always looks better where it was chosen.
    Masks ranked by another stage of a staged reward, or by a version that told no such loss, are
    not compared. A new best mask of a search of today is always better by its estimate.
    """
    scores = [one for one in history.held_out if _ranking(one) == _ranking(history.held_out[-1])]
    x = np.array([score.evaluation for score in scores], dtype=np.float64)
    held_out = np.array([score.cross_entropy for score in scores], dtype=np.float64)
    on_reward = np.array([score.reward_cross_entropy for score in scores], dtype=np.float64)
    rewarded = np.array([_rewarded_loss(score) for score in scores], dtype=np.float64)
    series = (Series("reward images", x, on_reward), Series("held-out images", x, held_out))
    # the best mask often stays the same: each counts once
    is_new = np.append(True, (np.diff(held_out) != 0) | (np.diff(rewarded) != 0))[: len(x)]
    held_out, rewarded = held_out[is_new], rewarded[is_new]
    if len(held_out) < OVERFIT_SCORES:
        words = (
            f"Needs {OVERFIT_SCORES} best masks scored on held-out images; {len(held_out)} so far."
        )
        return Verdict("waiting", words, series=series)
    lowest = int(held_out[:-2].argmin())
    limit = held_out[lowest] + max(OVERFIT_LEAST_NATS, OVERFIT_LEAST_SHARE * held_out[lowest])
    evidence = (
        f"The best mask has a loss of {rewarded[-1]:.3f} by its reward and a cross-entropy of "
        f"{held_out[-1]:.3f} on held-out images; the best there before the last two had "
        f"{rewarded[lowest]:.3f} and {held_out[lowest]:.3f}."
    )
    is_worse = bool((held_out[-2:] > limit).all() and (rewarded[-2:] < rewarded[lowest]).all())
    if not is_worse:
        return Verdict("fine", evidence, series=series)
    advice = "Raise the images per evaluation, or stop: the winner is chosen on held-out images."
    return Verdict("raised", evidence, advice, series)


def bad_numbers(history: SearchHistory) -> Verdict:
    """Something is not a number, the logits have exploded, or the policy only repeats itself.

    A divergence of more than 1 nat per channel in one update is fifty times what PPO's clip of
    0.2 lets through. If masks differ from the likeliest one in less than 0.1 channels on
    average, nine of ten are the very same mask, and the evaluations left teach nothing.
    """
    updates = history.updates
    known = [update for update in updates if update.entropy is not None]
    series = (_series("entropy, nats per channel", known, "entropy"),)
    remedy = "lower the learning rate and the offsets' rates, and " if known else ""
    advice = (
        f"Stop and keep the best mask so far; {remedy}look for the image or weight that is not "
        "finite."
    )
    if history.bad_numbers:
        first = history.bad_numbers[0]
        more = len(history.bad_numbers) - 1
        evidence = f"At evaluation {first.evaluation:,} the {first.what}"
        evidence += f", and {more:,} more numbers since." if more else "."
        return Verdict("raised", evidence, advice, series)
    if not updates:
        return _waiting(history, 1, series)
    last = updates[-1]
    if last.approx_kl is None:
        evidence = (
            f"All numbers are finite. Masks differ from the likeliest in {last.expected_flips:.2g} "
            "channels on average."
        )
        return Verdict("fine", evidence, series=series)
    evidence = (
        f"Update {last.update} moved the policy by {last.approx_kl:.3g} nats per channel; masks "
        f"now differ from the likeliest in {last.expected_flips:.2g} channels on average."
    )
    if last.approx_kl > EXPLODED_KL:
        advice = "Lower the learning rate and the offsets' rates."
        return Verdict("raised", f"The logits have exploded. {evidence}", advice, series)
    if last.expected_flips < CERTAIN_FLIPS:
        advice = "Stop, or raise the entropy's weight or lower the rates in the next search."
        return Verdict("raised", f"The policy only repeats itself. {evidence}", advice, series)
    return Verdict("fine", f"All numbers are finite. {evidence}", series=series)


def _ranking(score: HeldOutScored) -> tuple[bool, bool]:
    """By which kind of loss a best mask was chosen."""
    return score.is_closer, score.reward_loss is None


def _rewarded_loss(score: HeldOutScored) -> float:
    return score.reward_cross_entropy if score.reward_loss is None else score.reward_loss


def _has_policy(history: SearchHistory) -> bool:
    return any(update.approx_kl is not None for update in history.updates)


def _waiting(history: SearchHistory, needed: int, series: tuple[Series, ...]) -> Verdict:
    there = len(history.updates)
    return Verdict("waiting", f"Needs {needed} updates; {there} so far.", series=series)


def _series(name: str, updates: Sequence[UpdateSeen], attribute: str) -> Series:
    values = [getattr(update, attribute) for update in updates]
    x = [update.evaluation for update in updates]
    return Series(name, np.array(x, dtype=np.float64), np.array(values, dtype=np.float64))


def _means(values: Sequence[float], count: int) -> Float64Array:
    """Means of every `count` values in a row."""
    return np.convolve(np.array(values, dtype=np.float64), np.full(count, 1 / count), mode="valid")


SIGNATURES: dict[str, Signature] = {
    "bad_numbers": bad_numbers,
    "accuracy_collapse": accuracy_collapse,
    "oscillating_macs": oscillating_macs,
    "no_better_than_random": no_better_than_random,
    "reward_overfit": reward_overfit,
}
