"""What is done with a mask before it is scored, against the same done by hand."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core.distillation import Lesson, lesson_loss
from core.evaluation import RotatingImages, class_logits, use_batch_statistics
from core.pruning.refit_measuring import measure_refit
from core.pruning.surgery import prune_network
from core.scoring import GLANCED_IMAGES, MaskScorer, Measure
from tests.core.tiny import TinyPart, finish, open_tiny
from tests.networks import Chain, Residual

CPU = torch.device("cpu")
REFITTED = Measure(2.0, is_refitted=True)


@pytest.fixture(scope="module", params=[Chain, Residual])
def opened(request):
    return open_tiny(request.param)


@pytest.fixture
def keep(opened):
    return np.arange(opened.analysis.plan.channel_count) % 3 != 1


@pytest.fixture
def refit(opened):
    module, reward = opened.network.module, opened.images.reward
    return finish(measure_refit(module, opened.analysis, reward, device=CPU))[1]


@pytest.fixture
def scorer(opened, refit):
    module, plan = opened.network.module, opened.analysis.plan
    made = MaskScorer(module, plan, CPU, teacher_temperature=2.0)
    made.use_refit(refit, REFITTED)
    return made


def refitted_network(opened, refit, keep):
    network = prune_network(opened.network.module, opened.analysis.plan, keep).eval()
    with torch.no_grad():
        for key, value in refit.refit(keep).state.items():
            network.get_parameter(key).copy_(value)
    use_batch_statistics(network)
    return network


def divergence(said, taught, temperature=2.0):
    said, taught = (one.div(temperature).log_softmax(1) for one in (said, taught))
    return float(temperature**2 * (taught.exp() * (taught - said)).sum(1).mean())


def test_the_refitted_network_is_scored(opened, refit, scorer, keep):
    images, labels = opened.images.held_out.batch(np.arange(12))
    with torch.no_grad():
        said = class_logits(refitted_network(opened, refit, keep)(images))
        taught = class_logits(opened.network.module.eval()(images))
    score = scorer.score(keep, images, labels)
    assert score.teacher_kl == pytest.approx(divergence(said, taught), rel=1e-3)
    assert score.cross_entropy == pytest.approx(float(F.cross_entropy(said, labels)), rel=1e-3)
    assert score.loss == score.teacher_kl


def test_a_refits_error_needs_no_more_than_a_glance_at_images(opened, refit, scorer, keep):
    error = scorer.measuring(Measure(2.0, is_refitted=True, is_refit_error=True))
    part = TinyPart(opened.network.module, 5, count=2 * GLANCED_IMAGES)
    score = error.score(keep, *part.batch(np.arange(len(part))))
    assert score.loss == score.refit_error == refit.refit(keep).error
    assert score.images == GLANCED_IMAGES
    assert score.teacher_kl is None


def test_distillation_is_sgd_with_a_falling_rate(opened, refit, scorer, keep):
    learning = scorer.measuring(Measure(2.0, is_refitted=True, steps=2, batch=8, rate=0.1))
    learning.take_training(RotatingImages(opened.images.reward, 4, seed=0))
    images, labels = opened.images.held_out.batch(np.arange(12))
    score = learning.score(keep, images, labels)
    network, teacher = refitted_network(opened, refit, keep), opened.network.module.eval()
    velocity = {key: torch.zeros_like(p) for key, p in network.named_parameters()}
    rotating = RotatingImages(opened.images.reward, 4, seed=0)
    for rate, (seen, right) in zip((0.1, 0.05), rotating.next_batches(2, 8), strict=True):
        with torch.no_grad():
            answers = class_logits(teacher(seen))
        for parameter in network.parameters():
            parameter.requires_grad_().grad = None
        logits = class_logits(network(seen))
        said, taught = logits.div(2).log_softmax(1), answers.div(2).log_softmax(1)
        distance = 4 * (taught.exp() * (taught - said)).sum(1).mean()
        (0.7 * distance + 0.3 * F.cross_entropy(logits, right)).backward()
        with torch.no_grad():
            for key, parameter in network.named_parameters():
                velocity[key] = 0.9 * velocity[key] + parameter.grad
                parameter -= rate * (parameter.grad + 0.9 * velocity[key])  # Nesterov's
    with torch.no_grad():
        said, taught = class_logits(network(images)), class_logits(teacher(images))
    assert score.teacher_kl == pytest.approx(divergence(said, taught), rel=1e-3)


def test_masks_of_one_update_learn_from_the_same_images_and_change_nothing(opened, scorer, keep):
    before = {key: value.clone() for key, value in opened.network.module.state_dict().items()}
    learning = scorer.measuring(Measure(2.0, is_refitted=True, steps=2, batch=8))
    images = RotatingImages(opened.images.reward, 4, seed=0)
    batch = opened.images.held_out.batch(np.arange(12))
    learning.take_training(images)
    first, other = learning.score(keep, *batch), learning.score(~keep | keep, *batch)
    assert learning.score(keep, *batch) == first != other
    learning.take_training(images)
    assert learning.score(keep, *batch) != first
    assert scorer.score(keep, *batch) == scorer.measuring(REFITTED).score(keep, *batch)
    for key, value in opened.network.module.state_dict().items():
        assert torch.equal(value, before[key])


def test_with_images_of_its_own_a_network_is_trained_once(opened, scorer, keep, monkeypatch):
    training = RotatingImages(opened.images.reward, 8, seed=0).next_batches(2, 8)
    judge = scorer.measuring(Measure(2.0, is_refitted=True, steps=2, batch=8), training)
    trained: list[int] = []
    once = MaskScorer._train
    monkeypatch.setattr(
        MaskScorer, "_train", lambda self, *given: trained.append(1) or once(self, *given)
    )
    batches = [opened.images.held_out.batch(np.arange(low, low + 12)) for low in (0, 12)]
    first = judge.score(keep, *batches[0])
    assert judge.score(keep, *batches[1]) != first
    assert judge.score(keep, *batches[0]) == first
    assert len(trained) == 1


def test_a_score_that_is_known_is_given_on_its_images_only(opened, scorer, keep):
    images, labels = opened.images.held_out.batch(np.arange(12))
    own = scorer.score(keep, images, labels)
    known = scorer.score(~keep | keep, images, labels)
    scorer.remember(images, {keep.tobytes(): known})
    assert scorer.score(keep, images, labels) is known
    assert scorer.score(keep, images.clone(), labels) == own
    scorer.take_training(RotatingImages(opened.images.reward, 4, seed=0))
    assert scorer.score(keep, images, labels) == own


def test_what_is_missing_is_said(opened, scorer, keep):
    module, plan = opened.network.module, opened.analysis.plan
    bare = MaskScorer(module, plan, CPU)
    with pytest.raises(RuntimeError, match="teacher"):
        bare.measuring(Measure(2.0))
    with pytest.raises(RuntimeError, match="no refit"):
        bare.measuring(Measure(is_refitted=True))
    with pytest.raises(RuntimeError, match="take_training"):
        scorer.measuring(Measure(2.0, steps=2)).score(
            keep, *opened.images.reward.batch(np.arange(4))
        )


def test_a_lessons_loss_by_hand():
    """Answers 3:1 at T = 1, a pupil that says 1:1, and a label that it finds as likely as not."""
    lesson = Lesson(torch.zeros(1), torch.tensor([0]), torch.tensor([[math.log(3.0), 0.0]]))
    loss = lesson_loss(torch.zeros(1, 2), lesson, 1.0)
    distance = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert float(loss) == pytest.approx(0.7 * distance + 0.3 * math.log(2.0))
