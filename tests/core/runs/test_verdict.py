"""What can be told apart and what cannot, against numbers computed by hand."""

from dataclasses import asdict, replace

import pytest

from core.config import FinetuneConfig
from core.runs.finetune_file import FinetunedNetwork, FinetuneFile, TestScore
from core.runs.verdict import (
    LEARNED,
    UNPRUNED,
    LeftOut,
    Outcome,
    estimate_accuracy,
    estimate_lead,
    judge,
    read_outcome,
)
from tests.core.runs.made import report_of


def outcome(seed: int, learned: float, l1: float, after: dict[str, float] | None = None) -> Outcome:
    before = {LEARNED: learned, "l1_uniform": l1, "random_uniform": 0.3}
    return Outcome(seed, 1000, before, after or {}, dict.fromkeys(before, 0.5))


def test_wilson_s_interval_of_50_of_100_images():
    estimate = estimate_accuracy([0.5], 100)
    # z = 1.96: (0.5 + 0.0192) / 1.0384 -+ 1.96 * sqrt(0.25 / 100 + 0.0384 / 400) / 1.0384
    assert (estimate.low, estimate.high) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    assert (estimate.mean, estimate.runs) == (0.5, 1)


def test_wilson_s_interval_stays_between_0_and_1():
    assert estimate_accuracy([1.0], 50).high == pytest.approx(1.0)
    assert estimate_accuracy([0.0], 50).low == pytest.approx(0.0)


def test_three_seeds_have_student_s_interval():
    # mean 0.5, standard deviation 0.1, standard error 0.05774, t(2) = 4.303
    estimate = estimate_accuracy([0.4, 0.5, 0.6], 1000)
    assert (estimate.low, estimate.high) == pytest.approx((0.5 - 0.24844, 0.5 + 0.24844), abs=1e-4)
    assert estimate.runs == 3


def test_forty_runs_use_the_t_of_39_degrees_of_freedom():
    values = [0.5 + 0.01 * (number % 2) for number in range(40)]
    # deviation 0.005064 (n - 1), standard error 0.0008007, t(39) = 2.0227
    estimate = estimate_accuracy(values, 1000)
    assert estimate.high - estimate.mean == pytest.approx(2.0227 * 0.0008007, rel=2e-3)


def test_pairs_tell_apart_what_their_spread_would_hide():
    # each method varies by 10 points from seed to seed, the difference by a tenth of a point
    lead = estimate_lead([0.60, 0.70, 0.65], [0.59, 0.689, 0.639], 100)
    assert lead.is_measurable
    assert lead.mean == pytest.approx(0.0107, abs=1e-4)


def test_a_single_run_has_the_chance_of_its_test_images():
    # 1.96 * sqrt((0.75 * 0.25 + 0.7 * 0.3) / 1000) = 0.0391
    lead = estimate_lead([0.75], [0.70], 1000)
    assert (lead.low, lead.high) == pytest.approx((0.05 - 0.0391, 0.05 + 0.0391), abs=1e-4)
    assert lead.is_measurable
    assert not estimate_lead([0.75], [0.70], 300).is_measurable


def test_two_seeds_say_nothing_about_their_spread():
    # Student's t with one degree of freedom would say -57 to 84 points here
    lead = estimate_lead([0.97, 0.99], [0.78, 0.94], 1000)
    # 1.96 * sqrt((0.98 * 0.02 + 0.86 * 0.14) / 1000) = 0.0232
    assert (lead.mean, lead.high - lead.mean) == pytest.approx((0.12, 0.0232), abs=1e-4)
    assert estimate_accuracy([0.97, 0.99], 1000).high < 1.0
    assert not judge([outcome(0, 0.75, 0.6), outcome(1, 0.75, 0.6)]).is_over_seeds


def test_an_accuracy_never_passes_one():
    estimate = estimate_accuracy([0.9, 1.0, 1.0], 1000)
    assert estimate.high == 1.0
    assert estimate.low < 0.9


def test_seeds_that_agree_exactly_prove_nothing_about_chance():
    lead = estimate_lead([0.71, 0.72, 0.73], [0.70, 0.71, 0.72], 100)
    assert lead.mean == pytest.approx(0.01)
    assert not lead.is_measurable


def test_the_learned_mask_comes_first_and_the_others_by_accuracy():
    verdict = judge([outcome(0, 0.75, 0.6), outcome(1, 0.77, 0.62)])
    assert [row.name for row in verdict.rows] == [LEARNED, "l1_uniform", "random_uniform"]
    assert verdict.seeds == (0, 1)
    assert verdict.row(LEARNED).before.mean == pytest.approx(0.76)
    assert verdict.row(LEARNED).lead_before is None
    assert verdict.best_criterion(is_after=False).name == "l1_uniform"
    assert verdict.best_criterion(is_after=True) is None
    assert verdict.chance.name == "random_uniform"


def test_after_fine_tuning_another_criterion_may_be_the_best():
    after = {LEARNED: 0.82, "l1_uniform": 0.80, "random_uniform": 0.83}
    verdict = judge([outcome(0, 0.75, 0.6, after)])
    assert verdict.best_criterion(is_after=True).name == "random_uniform"
    assert verdict.row("l1_uniform").lead_after.mean == pytest.approx(0.02)
    assert not verdict.row("l1_uniform").lead_after.is_measurable


def test_a_method_that_one_run_lacks_is_judged_by_the_other():
    verdict = judge([outcome(0, 0.75, 0.6), Outcome(1, 500, {LEARNED: 0.7, "obs": 0.6}, {}, {})])
    assert verdict.row("obs").before.runs == 1
    assert verdict.row("obs").lead_before.mean == pytest.approx(0.1)
    assert verdict.test_images == 500


def test_a_criterion_whose_fine_tuning_was_stopped_is_compared_with_nothing():
    known = replace(outcome(0, 0.75, 0.6, {LEARNED: 0.82}), stopped={"l1_uniform": 0.7})
    verdict = judge([known])
    assert verdict.row("l1_uniform").after is None
    assert verdict.best_criterion(is_after=True) is None
    assert verdict.left_out == LeftOut(stopped=((0, "l1_uniform"),))


def test_a_run_whose_own_fine_tuning_was_stopped_stands_alone():
    own = replace(outcome(0, 0.75, 0.6), stopped={LEARNED: 0.8})
    verdict = judge([own, outcome(1, 0.75, 0.6, {LEARNED: 0.9, "l1_uniform": 0.88})])
    assert verdict.row(LEARNED).after.mean == 0.8
    assert verdict.row(LEARNED).after.runs == 1
    assert verdict.row("l1_uniform").after is None
    assert verdict.left_out.is_alone
    assert verdict.row(LEARNED).before.runs == 2  # the searches are whole


def test_what_was_trained_whole_beside_a_learned_network_that_was_not_is_named_too():
    runs = [outcome(seed, 0.75, 0.6, {LEARNED: 0.82, "l1_uniform": 0.8}) for seed in range(2)]
    broken = replace(outcome(2, 0.75, 0.6, {"l1_uniform": 0.5}), stopped={LEARNED: 0.4})
    verdict = judge([*runs, broken])
    assert verdict.row("l1_uniform").after.mean == pytest.approx(0.8)
    assert verdict.left_out == LeftOut(stopped=((2, LEARNED),), unpaired=((2, "l1_uniform"),))


def test_fine_tunings_are_averaged_with_those_of_the_same_settings():
    tunings = ("20 epochs", "20 epochs", "5 epochs")
    runs = [
        replace(outcome(seed, 0.75, 0.6, {LEARNED: 0.80 + seed / 100}), tuning=tuning)
        for seed, tuning in enumerate(tunings)
    ]
    verdict = judge(runs)
    assert verdict.row(LEARNED).after.mean == pytest.approx(0.805)
    assert verdict.left_out == LeftOut(tuned_otherwise=(2,))
    assert judge([outcome(9, 0.75, 0.6), *runs]).left_out.tuned_otherwise == (2,)


@pytest.mark.parametrize(
    ("tuned", "is_few"), [((), False), ((0,), True), ((0, 1), True), ((0, 1, 2), False)]
)
def test_fewer_fine_tunings_than_searches_may_be_too_few_for_intervals_over_seeds(tuned, is_few):
    runs = [
        outcome(seed, 0.75 + seed / 100, 0.6, {LEARNED: 0.8} if seed in tuned else None)
        for seed in range(3)
    ]
    assert judge(runs).is_over_seeds
    assert judge(runs).has_few_tuned is is_few
    beside = replace(runs[0], after={LEARNED: 0.8, "l1_uniform": 0.7})
    assert judge([beside, *runs[1:]]).has_few_tuned
    assert not judge(runs[:2]).has_few_tuned


@pytest.mark.parametrize(
    ("tunings", "other"),
    [
        (("20 epochs", "", "20 epochs"), ()),
        (("", "20 epochs", "20 epochs"), ()),
        (("", "20 epochs", "5 epochs"), (2,)),
        (("20 epochs", "", "5 epochs"), (2,)),
    ],
)
def test_settings_that_are_not_known_are_no_other_ones(tunings, other):
    runs = [
        replace(outcome(seed, 0.75, 0.6, {LEARNED: 0.8}), tuning=tuning)
        for seed, tuning in enumerate(tunings)
    ]
    assert judge(runs).left_out == LeftOut(tuned_otherwise=other)


def test_fine_tunings_of_other_seeds_are_kin_and_those_of_other_settings_are_not():
    usual = FinetuneConfig(epochs=20, cutmix=0.0)
    older = {name: value for name, value in asdict(usual).items() if name != "cutmix"}

    def kinship(settings):
        return FinetuneFile(settings=settings).kinship

    same = replace(usual, seed=3, compare="best")
    assert kinship(asdict(usual)) == kinship(asdict(same)) == kinship(older)
    assert kinship(asdict(usual)) != kinship(asdict(replace(usual, epochs=5)))
    assert kinship(None) == ""


def test_criteria_that_were_not_tested_are_told_from_none():
    report = report_of("tiny", 3, 0.75, {"l1_uniform": None})
    assert judge([read_outcome(report, None)]).is_untested
    assert not judge([read_outcome(report_of("tiny", 3, 0.75, {}), None)]).is_untested
    assert not judge([outcome(0, 0.75, 0.6)]).is_untested


def test_criteria_that_only_fine_tuning_tested_are_there_once_and_last():
    after = {LEARNED: 0.82, "l1_uniform": 0.76, "obs_global": 0.8}
    known = Outcome(0, 1000, {LEARNED: 0.75, UNPRUNED: 0.92}, after, {}, is_untested=True)
    verdict = judge([known, replace(known, seed=1)])
    assert [row.name for row in verdict.rows] == [LEARNED, UNPRUNED, "obs_global", "l1_uniform"]
    assert verdict.row("obs_global").before is None
    assert verdict.best_criterion(is_after=False) is None
    assert verdict.best_criterion(is_after=True).lead_after.mean == pytest.approx(0.02)


def test_nothing_is_no_verdict():
    with pytest.raises(ValueError, match="nothing to judge"):
        judge([])


def test_a_report_and_its_fine_tuning_become_an_outcome():
    networks = (
        FinetunedNetwork("learned", after=TestScore(0.82)),
        FinetunedNetwork("l1_uniform"),
        FinetunedNetwork("obs_bn_uniform", after=TestScore(0.7), is_stopped=True),
    )
    made = read_outcome(
        report_of("tiny", 3, 0.75, {"l1_uniform": 0.6}), FinetuneFile(networks=networks)
    )
    assert made.seed == 3
    assert made.test_images == 1000
    assert made.before == {LEARNED: 0.75, UNPRUNED: 0.92, "l1_uniform": 0.6}
    assert made.after == {LEARNED: 0.82}
    assert made.stopped == {"obs_bn_uniform": 0.7}
    assert made.macs_kept == {LEARNED: 0.498, UNPRUNED: 1.0, "l1_uniform": 0.495}


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"pruned": 3, "criteria": []},
        {"pruned": {"accuracy": None}, "images": {"test": 5}},
        {"pruned": {"accuracy": 7.0}, "images": {"test": 5}},
        {"pruned": {"accuracy": 0.5}, "images": {"test": 0}},
    ],
)
def test_a_run_whose_test_images_were_not_read_has_no_outcome(report):
    assert read_outcome(report, None) is None
