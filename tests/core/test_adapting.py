"""Steps through masks are kept in the weights that all masks share."""

import numpy as np
import pytest
import torch

from core.adapting import SharedWeights
from core.distillation import Lesson, lesson_loss
from core.evaluation import class_logits, use_batch_statistics
from core.memory import ImagesAtOnce
from core.pruning.surgery import NetworkShell, network_state, prune_network
from tests.core.tiny import open_tiny
from tests.networks import EXACT, Chain, Flattened, Residual, build


class _Nothing:
    def __enter__(self):
        return None

    def __exit__(self, *_):
        return None


def begin(opened):
    module = opened.network.module.eval()
    state = {key: value.clone() for key, value in network_state(module).items()}
    return SharedWeights(opened.analysis.plan, state), NetworkShell(module)


def lesson_of(opened):
    images, labels = opened.images.reward.batch(np.arange(12))
    with torch.no_grad():
        answers = class_logits(opened.network.module.eval()(images))
    return Lesson(images, labels, answers)


def step(weights, shell, keep, lesson, rate=0.1, at_once=0):
    images = ImagesAtOnce("adapting")
    images.most = at_once
    return weights.learn(
        shell, keep, lesson, rate=rate, temperature=4.0, autocast=_Nothing(), at_once=images
    )


@pytest.mark.parametrize("kind", [Chain, Residual])
def test_a_step_is_sgds_on_the_cut_network_and_leaves_the_rest(kind):
    opened = open_tiny(kind)
    plan, lesson = opened.analysis.plan, lesson_of(opened)
    keep = np.arange(plan.channel_count) % 3 != 1
    weights, shell = begin(opened)
    before = {key: value.clone() for key, value in weights.state.items()}
    loss = step(weights, shell, keep, lesson)
    by_hand = prune_network(opened.network.module, plan, keep).eval()
    use_batch_statistics(by_hand)
    expected = lesson_loss(class_logits(by_hand(lesson.images)), lesson, 4.0)
    assert loss == pytest.approx(float(expected.detach()), rel=1e-4)
    expected.backward()
    for key, parameter in by_hand.named_parameters():
        # the first step of Nesterov's momentum: the gradient and 0.9 of it
        wanted = parameter.detach() - 0.1 * 1.9 * parameter.grad
        dims = plan.owners.get(key, {})
        kept = [
            np.flatnonzero(np.append(keep, True)[dims[d]]) if d in dims else np.arange(size)
            for d, size in enumerate(before[key].shape)
        ]
        place = tuple(torch.from_numpy(index) for index in np.ix_(*kept))
        torch.testing.assert_close(weights.state[key][place], wanted, rtol=1e-3, atol=1e-5)
        untouched = torch.ones_like(before[key], dtype=torch.bool)
        untouched[place] = False
        assert torch.equal(weights.state[key][untouched], before[key][untouched])
    for key in set(before) - dict(by_hand.named_parameters()).keys():
        assert torch.equal(weights.state[key], before[key])  # running statistics
    assert weights.version == 1


@pytest.mark.parametrize("kind", EXACT.values(), ids=EXACT)
def test_many_steps_through_many_masks_bring_the_network_closer(kind):
    module = build(kind).eval()
    from core.pruning.verification import analyse_exactly
    from tests.core.tiny import TinyPart
    from tests.networks import example_images

    plan = analyse_exactly(module, example_images()).plan
    part = TinyPart(module, 1)
    with torch.no_grad():
        lesson = Lesson(part.images, part.labels, class_logits(module(part.images)))
    state = {key: value.clone() for key, value in network_state(module).items()}
    weights, shell = SharedWeights(plan, state), NetworkShell(module)
    random = np.random.default_rng(0)
    masks = [random.random(plan.channel_count) < 0.8 for _ in range(2)]
    for keep in masks:
        keep[:: max(1, plan.channel_count // 8)] = True
    losses = [step(weights, shell, masks[n % 2], lesson, 0.02) for n in range(16)]
    assert np.isfinite(losses).all()
    assert sum(losses[-2:]) < sum(losses[:2])


def test_a_step_in_parts_is_the_same_step_where_no_norm_sees_the_parts():
    opened = open_tiny(Flattened)
    count, lesson = opened.analysis.plan.channel_count, lesson_of(opened)
    keep = np.arange(count) % 3 != 1
    (whole, shell), (parted, other_shell) = begin(opened), begin(opened)
    losses = [
        step(whole, shell, keep, lesson),
        step(parted, other_shell, keep, lesson, at_once=5),
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for key, value in whole.state.items():
        torch.testing.assert_close(parted.state[key], value, rtol=1e-4, atol=1e-6)


def test_steps_go_on_to_the_bit_after_a_break():
    opened = open_tiny(Residual)
    lesson, count = lesson_of(opened), opened.analysis.plan.channel_count
    masks = [np.arange(count) % n != 1 for n in (2, 3)]
    weights, shell = begin(opened)
    for keep in masks:
        step(weights, shell, keep, lesson)
    again, other_shell = begin(opened)
    again.load_state_dict(weights.state_dict())
    for one, its_shell in ((weights, shell), (again, other_shell)):
        step(one, its_shell, masks[0], lesson)
    assert all(torch.equal(weights.state[key], again.state[key]) for key in weights.state)
    assert weights.version == again.version == 3
    fresh = begin(opened)[0]
    assert fresh.state_dict() == {}
    fresh.load_state_dict({})
    assert fresh.version == 0


def test_a_loss_that_is_no_number_changes_nothing():
    opened = open_tiny(Chain)
    lesson = lesson_of(opened)
    weights, shell = begin(opened)
    before = dict(weights.state)
    bad = Lesson(lesson.images * torch.nan, lesson.labels, lesson.answers)
    assert not np.isfinite(step(weights, shell, np.ones(14, dtype=np.bool_), bad))
    assert weights.version == 0
    assert all(weights.state[key] is before[key] for key in before)
