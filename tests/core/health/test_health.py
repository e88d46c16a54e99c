"""Every signature is raised by a search that has it, and by no sound one."""

import math

import numpy as np
import pytest

from core.events import (
    CriterionEvaluated,
    Event,
    HealthRaised,
    HeldOutScored,
    PolicyCompared,
    PolicyUpdated,
    StopRequested,
)
from core.health import SIGNATURES, HealthMonitor, SearchHistory
from core.search.health import watched
from tests.core.health.made_up import (
    KEEP,
    candidate,
    held_out,
    made_up_search,
    policy_updated,
    search_started,
    sound_search,
)


def raised_by(events) -> list[HealthRaised]:
    monitor = HealthMonitor()
    return [raised for event in events for raised in monitor.take(event)]


def verdict_on(kind: str, events):
    history = SearchHistory()
    for event in events:
        history.take(event)
    return SIGNATURES[kind](history)


def test_nothing_is_known_before_the_search():
    verdicts = HealthMonitor().verdicts
    assert {verdict.state for verdict in verdicts.values()} == {"waiting"}
    assert verdicts["oscillating_macs"].evidence == "Needs 12 updates; 0 so far."


def test_a_real_search_raises_nothing():
    monitor = HealthMonitor()
    assert [raised for event in sound_search() for raised in monitor.take(event)] == []
    states = {kind: verdict.state for kind, verdict in monitor.verdicts.items()}
    assert states == {
        "bad_numbers": "fine",
        "accuracy_collapse": "fine",
        "oscillating_macs": "fine",
        "no_better_than_random": "fine",
        "reward_overfit": "waiting",
    }


def test_a_made_up_search_that_learns_raises_nothing():
    assert raised_by(made_up_search(60)) == []


def test_macs_that_swing_are_raised_with_their_swing():
    course = made_up_search(20, macs_kept=lambda update: 0.45 + 0.04 * (-1) ** update)
    (raised,) = raised_by(course)
    assert raised.kind == "oscillating_macs"
    assert raised.evaluation == 12 * 16  # as soon as 12 updates are there
    assert "between 41.0 % and 49.0 % of the network" in raised.evidence
    assert "crossed their trend 11 times" in raised.evidence
    assert "projection" in raised.advice


@pytest.mark.parametrize(
    "course",
    [
        lambda update: 0.9 - 0.03 * update,  # a steady approach
        lambda update: 0.49 + 0.005 * (-1) ** update,  # small
        lambda update: 0.45 + 0.04 * (update // 10 % 2),  # one step
    ],
)
def test_macs_that_come_to_rest_are_not_raised(course):
    assert verdict_on("oscillating_macs", made_up_search(20, macs_kept=course)).state == "fine"


def test_sampling_noise_is_no_oscillation():
    random = np.random.default_rng(1)
    events: list[Event] = [search_started()]
    for update in range(12):
        for mask in range(16):
            macs_kept = float(random.normal(0.45, 0.15))
            events.append(candidate(update * 16 + mask + 1, macs_kept=macs_kept))
        events.append(policy_updated(update + 1))
    assert verdict_on("oscillating_macs", events).state == "fine"


def test_an_accuracy_that_falls_to_less_than_half_is_raised():
    course = made_up_search(12, accuracy=lambda update: 0.7 if update < 8 else 0.3)
    (raised,) = raised_by(course)
    assert raised.kind == "accuracy_collapse"
    assert raised.evaluation == 11 * 16  # three updates after the fall
    assert "accuracy of 30." in raised.evidence
    assert "had 70." in raised.evidence or "had 69." in raised.evidence


def test_an_accuracy_that_falls_with_the_macs_is_no_collapse():
    course = made_up_search(
        12,
        accuracy=lambda update: 0.9 - 0.06 * update,
        macs_kept=lambda update: 1.0 - 0.06 * update,
    )
    assert verdict_on("accuracy_collapse", course).state == "fine"


def test_a_search_that_learns_nothing_is_raised_in_the_end():
    course = made_up_search(100, cross_entropy=lambda update: 1.2)
    raised = raised_by(course)[0]
    assert raised.kind == "no_better_than_random"
    assert "cross-entropy" in raised.evidence
    assert "nats" in raised.evidence


def test_few_updates_do_not_tell_chance_from_learning():
    verdict = verdict_on("no_better_than_random", made_up_search(11, cross_entropy=lambda _: 1.2))
    assert verdict.state == "waiting"
    assert verdict.evidence == "Needs 12 updates within the budget; 11 so far."


def test_a_resumed_search_is_not_compared_with_where_it_went_on():
    course = list(made_up_search(60, cross_entropy=lambda _: 1.2))
    assert verdict_on("no_better_than_random", course[1 + 17 * 20 :]).state == "waiting"
    assert verdict_on("accuracy_collapse", course[1 + 17 * 20 :]).state == "fine"


def test_gain_and_its_upper_end_by_hand():
    # the first 4 of 12 have 1.0, 1.2, 1.0, 1.2, the last 4 have 0.9, 1.1, 0.9, 1.1
    means = [1.0, 1.2] * 2 + [1.0] * 4 + [0.9, 1.1] * 2
    course = made_up_search(12, cross_entropy=means.__getitem__, batch_noise=0.0, spread=0.0)
    verdict = verdict_on("no_better_than_random", course)
    # 0.1 + 1.645 x sqrt(2 x 0.0133 / 4)
    assert "fell by 0.100 nats, by 0.234 at most within the noise" in verdict.evidence


def test_masks_over_the_budget_are_not_compared_with_those_within():
    course = made_up_search(40, macs_kept=lambda _: 0.6, cross_entropy=lambda _: 1.2)
    assert verdict_on("no_better_than_random", course).state == "waiting"


def scores(*pairs: tuple[float, float]):
    yield search_started()
    for place, (out, rewarded) in enumerate(pairs):
        yield held_out(64 * (place + 1), out, rewarded)


def test_a_reward_that_overfits_is_raised():
    (raised,) = raised_by(scores((1.2, 1.1), (1.0, 0.9), (1.4, 0.8), (1.35, 0.7)))
    assert raised.kind == "reward_overfit"
    assert "a loss of 0.700 by its reward and a cross-entropy of 1.350" in raised.evidence
    assert "had 0.900 and 1.000" in raised.evidence


def test_what_counts_is_the_loss_that_is_rewarded():
    def course(*losses, is_closer=(False,) * 4):
        yield search_started()
        # cross-entropies that are worse on both kinds of images
        pairs = zip((1.2, 1.0, 1.4, 1.5), (1.1, 0.9, 1.2, 1.3), losses, is_closer, strict=True)
        for place, (out, on_reward, loss, closer) in enumerate(pairs):
            yield HeldOutScored(64 * (place + 1), 0.7, out, on_reward, loss, closer)

    assert verdict_on("reward_overfit", course(0.4, 0.3, 0.2, 0.1)).state == "raised"
    assert verdict_on("reward_overfit", course(0.4, 0.3, 0.31, 0.32)).state == "fine"
    # a checkpoint of an older version told cross-entropies only
    mixed = course(None, None, 0.2, 0.1)
    assert verdict_on("reward_overfit", mixed).state == "waiting"
    # another measure begins: what was ranked by the cheap one is not compared with it
    staged = course(0.4, 0.3, 0.2, 0.1, is_closer=(False, False, True, True))
    assert verdict_on("reward_overfit", staged).state == "waiting"


def compared(*gains, spread=0.2):
    """A search of one update, then the likeliest mask beside the first one, which has 1 nat."""
    yield from made_up_search(1, spread=spread)
    for place, gain in enumerate(gains):
        yield PolicyCompared(16 * (place + 2), 1.0 - gain, 1.0)


def test_an_adapting_search_is_held_against_the_mask_that_it_began_with():
    assert verdict_on("no_better_than_random", compared(0.2, 0.3, 0.2, 0.3)).state == "fine"
    verdict = verdict_on("no_better_than_random", compared(0.0, 0.02, 0.0, 0.02))
    assert verdict.state == "raised"
    # 0.01 + 2.353 x 0.01155 / 2
    assert "is 0.010 nats better than the one it began with, 0.024 better" in verdict.evidence
    verdict = verdict_on("no_better_than_random", compared(0.0, math.nan, 0.0, 0.0))
    assert verdict.state == "waiting"
    assert "; 3 so far" in verdict.evidence


def test_nothing_is_said_of_an_adapting_search_whose_masks_exceed_the_budget():
    course = [*made_up_search(1, macs_kept=lambda _: 0.6), *list(compared(*[0.0] * 4))[-4:]]
    assert verdict_on("no_better_than_random", course).state == "waiting"


def test_a_noisy_comparison_raises_nothing():
    assert verdict_on("no_better_than_random", compared(0.1, -0.1, 0.1, -0.1)).state == "fine"


@pytest.mark.parametrize(
    "pairs",
    [
        ((1.2, 1.1), (1.0, 0.9), (0.9, 0.8), (0.8, 0.5)),  # both better, with a gap
        ((1.2, 1.1), (1.0, 0.9), (1.2, 0.8), (1.2, 0.7)),  # worse by less than 30 %
        ((1.2, 1.1), (1.0, 0.9), (1.4, 0.8), (1.0, 0.7)),  # once only
        ((1.2, 1.1), (1.0, 0.9), (1.4, 1.2), (1.4, 1.3)),  # worse on both
    ],
)
def test_a_gap_alone_is_no_overfitting(pairs):
    assert verdict_on("reward_overfit", scores(*pairs)).state == "fine"


def test_a_best_mask_that_stays_counts_once():
    verdict = verdict_on("reward_overfit", scores((1.0, 0.9), *[(1.3, 0.8)] * 5))
    assert verdict.state == "waiting"
    assert "2 so far" in verdict.evidence
    assert [len(series.values) for series in verdict.series] == [6, 6]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_reward_that_is_no_number_is_raised_at_once(value):
    (raised,) = raised_by([search_started(), candidate(7, reward=value), candidate(8)])
    assert (raised.kind, raised.evaluation) == ("bad_numbers", 7)
    assert raised.evidence == f"At evaluation 7 the reward is {value}."


def test_exploding_logits_are_raised():
    quiet = [search_started(), candidate(1), policy_updated(1)]
    assert raised_by(quiet) == []
    (moved,) = raised_by([*quiet, candidate(17), policy_updated(2, approx_kl=3.0)])
    assert moved.kind == "bad_numbers"
    assert "moved the policy by 3 nats per channel" in moved.evidence
    (certain,) = raised_by([*quiet, candidate(17), policy_updated(2, probability=0.98)])
    assert certain.evidence.startswith("The policy only repeats itself.")
    assert "differ from the likeliest in 0.08 channels" in certain.evidence  # 4 x 0.02


def test_each_kind_is_raised_once_while_it_lasts_and_again_after_it_was_fine():
    swings = made_up_search(60, macs_kept=lambda update: 0.45 + 0.04 * (-1) ** update)
    assert [raised.kind for raised in raised_by(swings)] == ["oscillating_macs"]
    again = made_up_search(
        60, macs_kept=lambda update: 0.45 + 0.04 * (-1) ** update * (update < 13 or update > 45)
    )
    assert [raised.kind for raised in raised_by(again)] == ["oscillating_macs"] * 2


def test_a_new_search_starts_afresh():
    monitor = HealthMonitor()
    for event in (search_started(), candidate(1, reward=math.nan)):
        monitor.take(event)
    assert monitor.verdicts["bad_numbers"].state == "raised"
    monitor.take(search_started())
    assert monitor.verdicts["bad_numbers"].state == "waiting"


def test_what_tells_nothing_changes_nothing():
    monitor = HealthMonitor()
    before = monitor.verdicts
    assert monitor.take(CriterionEvaluated("l1_uniform", KEEP, 0.5, 0.7, 1.0)) == []
    assert monitor.verdicts is before


def test_a_watched_search_tells_its_events_and_what_they_raise():
    events = [search_started(), candidate(1, reward=math.nan), policy_updated(1)]
    told = list(watched(event for event in events))
    assert [event for event in told if not isinstance(event, HealthRaised)] == events
    assert isinstance(told[2], HealthRaised)  # right behind what raised it


def test_a_stop_reaches_a_watched_search():
    def search():
        try:
            for evaluation in range(1, 100):
                yield candidate(evaluation, reward=math.nan)
        except StopRequested:
            yield policy_updated(1)

    events = watched(search())
    next(events)
    assert isinstance(events.throw(StopRequested()), HealthRaised)
    assert next(events).update == 1
    assert list(events) == []


def without_policy(events):
    """The same search by a method that has no policy: its updates have no statistics."""
    for event in events:
        if isinstance(event, PolicyUpdated):
            event = PolicyUpdated(event.update, event.keep_probability, event.keep)
        yield event


def test_what_speaks_of_a_policy_is_not_raised_where_there_is_none():
    stuck = made_up_search(40, cross_entropy=lambda update: 1.0)
    certain = [policy_updated(41, probability=1.0)]
    monitor = HealthMonitor()
    raised = [told for event in without_policy([*stuck, *certain]) for told in monitor.take(event)]
    assert raised == []
    assert monitor.verdicts["no_better_than_random"].state == "waiting"
    assert monitor.verdicts["bad_numbers"].state == "fine"


def test_a_collapse_is_raised_without_a_policy_and_its_advice_names_no_rate():
    fallen = made_up_search(12, accuracy=lambda update: 0.7 if update < 6 else 0.1)
    monitor = HealthMonitor()
    raised = [told for event in without_policy(fallen) for told in monitor.take(event)]
    assert [event.kind for event in raised] == ["accuracy_collapse"]
    assert "rate" not in raised[0].advice
