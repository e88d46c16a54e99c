"""Scores, statistics and images against numbers by hand."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from core.errors import ConfigError
from core.evaluation import (
    CachedPart,
    RotatingImages,
    Score,
    class_logits,
    limited_threads,
    mean_score,
    read_part,
    recalibrate_norms,
    resolve_device,
    resolve_precision,
    score_logits,
    use_batch_statistics,
)
from core.events import StageAdvanced, StageStarted
from core.pruning.surgery import prune_network
from core.pruning.verification import analyse_exactly
from core.scoring import MaskScorer
from tests.core.tiny import TinyPart, finish
from tests.networks import EXACT, Chain, Residual, build, example_images

CPU = torch.device("cpu")


def test_a_device_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(ConfigError, match=r"'cuda:99' is not there.*cpu"):
        resolve_device("cuda:99")
    assert resolve_device("cpu") == CPU
    assert resolve_device("auto").type in ("cpu", "cuda")


def test_precision_can_be_asked_for():
    assert resolve_precision("float32", CPU) == torch.float32
    assert resolve_precision("bfloat16", CPU) == torch.bfloat16
    assert resolve_precision("auto", CPU) in (torch.float32, torch.bfloat16)


def test_threads_are_given_back():
    before = torch.get_num_threads()
    with limited_threads(2):
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == before


def test_score_of_two_images_by_hand():
    logits = torch.tensor([[0.0, 0.0], [0.0, math.log(3.0)]])
    score = score_logits(logits, torch.tensor([1, 1]))
    assert score.accuracy == 0.5  # a tie goes to the first class
    assert score.cross_entropy == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)


def test_scores_are_averaged_over_their_images():
    assert mean_score([Score(1.0, 0.2, 30), Score(0.0, 1.0, 10)]) == Score(0.75, 0.4, 40)


def test_distances_to_the_teacher_are_averaged_too_if_all_are_there():
    with_teacher = [Score(1.0, 0.2, 30, 0.4), Score(0.0, 1.0, 10, 0.8)]
    assert mean_score(with_teacher).teacher_kl == pytest.approx(0.5)
    assert mean_score([*with_teacher, Score(0.0, 1.0, 10)]).teacher_kl is None
    assert with_teacher[0].loss == 0.4
    assert Score(0.0, 1.0, 10).loss == 1.0


def test_the_scorer_measures_the_distance_to_the_unpruned_network():
    module = build(Chain)
    plan = analyse_exactly(module, example_images()).plan
    images, labels = example_images(6), torch.zeros(6, dtype=torch.int64)
    keep = np.arange(plan.channel_count) % 2 == 0
    score = MaskScorer(module, plan, CPU, teacher_temperature=2.0).score(keep, images, labels)
    pruned = prune_network(module, plan, keep)
    use_batch_statistics(pruned)
    with torch.no_grad():
        said, taught = (m(images).div(2).softmax(1) for m in (pruned, module))
    by_hand = 4 * (taught * (taught / said).log()).sum(1).mean()
    assert score.teacher_kl == pytest.approx(float(by_hand), rel=1e-3)
    assert MaskScorer(module, plan, CPU).score(keep, images, labels).teacher_kl is None


def test_the_first_tensor_of_an_output_is_its_logits():
    logits = torch.zeros(1, 2)
    assert class_logits({"out": (logits, torch.ones(1))}) is logits


class CountingPart(TinyPart):
    def __init__(self):
        super().__init__(build(Chain), seed=3, count=10)


def test_cached_images_are_read_once():
    part = CountingPart()
    cached = CachedPart(part)
    first, labels = cached.batch(np.array([1, 2, 2]))
    again, _ = cached.batch(np.array([2, 3]))
    assert sorted(part.read) == [0, 1, 2, 3]  # 0 to learn the shape
    assert torch.equal(first, part.images[[1, 2, 2]])
    assert torch.equal(again, part.images[[2, 3]])
    assert torch.equal(labels, part.labels[[1, 2, 2]])


def test_images_beyond_the_cache_are_read_each_time():
    part = CountingPart()
    cached = CachedPart(part, cache_bytes=2 * 4 * 3 * 8 * 8)
    for _ in range(2):
        assert torch.equal(cached.batch(np.array([5]))[0], part.images[[5]])
    assert part.read.count(5) == 2


def test_rotating_images_go_through_all_of_them_before_any_again():
    part = CountingPart()
    rotating = RotatingImages(part, 5, seed=0)
    for _ in range(4):
        rotating.next()
    assert sorted(part.read[:10]) == list(range(10))
    assert sorted(part.read[10:]) == list(range(10))
    assert part.read[:10] != part.read[10:]


def test_more_images_than_there_are_is_all_of_them():
    assert len(RotatingImages(CountingPart(), 64, seed=0).next()[1]) == 10


@pytest.mark.parametrize("kind", EXACT.values(), ids=EXACT)
def test_the_scorer_is_the_cut_network_with_batch_statistics(kind):
    module = build(kind)
    analysis = analyse_exactly(module, example_images())
    before = {key: value.clone() for key, value in module.state_dict().items()}
    keep = np.arange(analysis.plan.channel_count) % 3 != 1
    images, labels = TinyPart(module, seed=1).batch(np.arange(16))
    scorer = MaskScorer(module, analysis.plan, CPU)
    scorer.score(np.ones_like(keep), images, labels)  # the shell is used again
    score = scorer.score(keep, images, labels)
    pruned = prune_network(module, analysis.plan, keep)
    use_batch_statistics(pruned)
    with torch.no_grad():
        expected = score_logits(class_logits(pruned(images)), labels)
    assert score.cross_entropy == pytest.approx(expected.cross_entropy, rel=1e-4)
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())
    assert not any(part.training for part in module.modules())


def test_batch_statistics_are_those_of_training():
    norm = nn.BatchNorm2d(3)
    images = 5 + 2 * example_images()
    expected = norm(images)
    norm = nn.BatchNorm2d(3).eval()
    use_batch_statistics(norm)
    assert torch.allclose(norm(images), expected)
    assert norm.running_mean.tolist() == [0.0, 0.0, 0.0]
    assert norm.num_batches_tracked == 0


def test_recalibration_measures_mean_and_variance_over_all_batches():
    module = nn.Sequential(nn.BatchNorm2d(3, momentum=0.3), nn.Flatten(), nn.Linear(192, 4)).eval()
    part = TinyPart(module, seed=1)
    recalibrate_norms(module, part, images=24, batch_size=12, device=CPU)
    assert module[0].running_mean.tolist() == pytest.approx(
        part.images.mean((0, 2, 3)).tolist(), abs=1e-5
    )
    spread = part.images.var((0, 2, 3)).tolist()
    assert module[0].running_var.tolist() == pytest.approx(spread, rel=0.01)
    assert module[0].momentum == 0.3
    assert not module[0].training


def test_one_pass_reads_each_image_once_for_all_networks():
    module = build(Residual)
    part = TinyPart(module, seed=1)
    events, scores = finish(
        read_part({"a": module, "b": build(Chain)}, part, device=CPU, batch_size=10)
    )
    assert sorted(part.read) == list(range(24))
    assert scores["a"].accuracy == 1.0
    assert scores["a"].images == scores["b"].images == 24
    with torch.no_grad():
        expected = score_logits(module(part.images), part.labels)
    assert scores["a"].cross_entropy == pytest.approx(expected.cross_entropy, rel=1e-5)
    assert events[0] == StageStarted("Reading the images", total=6)
    assert events[1:] == [StageAdvanced(done) for done in range(1, 7)]


def test_a_limit_reads_only_so_many():
    part = TinyPart(build(Chain), seed=1)
    _, scores = finish(read_part({"a": build(Chain)}, part, device=CPU, limit=7))
    assert scores["a"].images == len(part.read) == 7
