"""Fine-tuning whose memory runs out: the same steps in parts, and resumed to the bit."""

import numpy as np
import pytest
import torch
from torch import nn

from core.config import FinetuneConfig
from core.errors import MemoryShortage
from core.events import FinetuneAdvanced, NoticeRaised
from core.finetuning.judging import compare_with_unpruned
from core.finetuning.loop import CheckpointPlace, finetune
from core.finetuning.training import Teacher, make_optimizer, set_training, train_step
from core.layout import TRIED_IMAGES
from core.memory import ImagesAtOnce
from core.pruning.surgery import network_state
from tests.core.finetuning.test_loop import half, tuned, without_seconds
from tests.core.short_memory import REFUSALS, ShortMemory
from tests.core.tiny import TinyPart, finish, open_tiny
from tests.networks import Chain, Residual, build, example_images

CPU = torch.device("cpu")


def without_norms() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 4))


def trained(module: nn.Module, at_once: ImagesAtOnce) -> tuple[float, dict[str, torch.Tensor]]:
    config = FinetuneConfig(distillation=0.5)
    optimizer, batch = make_optimizer(module, config), (example_images(16), torch.arange(16) % 4)
    set_training(module)
    teacher = Teacher(without_norms().eval())
    loss = train_step(module, optimizer, batch, teacher, config, CPU, torch.float32, at_once)
    return loss, network_state(module)


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_step_in_parts_is_the_same_step(kind, monkeypatch):
    loss, expected = trained(without_norms(), ImagesAtOnce("fine-tuning"))
    memory = ShortMemory(monkeypatch, 5, kind)
    at_once = ImagesAtOnce("fine-tuning")
    again, found = trained(without_norms(), at_once)
    assert at_once.most == 4
    assert set(memory.sizes) == {TRIED_IMAGES, 4}
    assert again == pytest.approx(loss, rel=1e-5)
    for key, value in found.items():
        assert torch.allclose(value, expected[key], atol=1e-6)


def test_a_failed_attempt_leaves_no_trace_in_the_norms(monkeypatch):
    class Late(nn.Module):
        """Memory runs out behind the norm, which has seen the whole batch by then."""

        def __init__(self):
            super().__init__()
            self.norm, self.conv = nn.BatchNorm2d(3), nn.Conv2d(3, 4, 8)

        def forward(self, x):
            return self.conv(self.norm(x)).flatten(1)

    ShortMemory(monkeypatch, 8)
    module = Late()
    config = FinetuneConfig(distillation=0.0)
    set_training(module)
    batch = example_images(16), torch.arange(16) % 4
    train_step(module, make_optimizer(module, config), batch, None, config, CPU, torch.float32)
    assert module.norm.num_batches_tracked == 2  # two halves, and not the whole


def test_a_training_in_parts_is_resumed_to_the_bit(monkeypatch, tmp_path):
    opened = open_tiny(Residual)
    ShortMemory(monkeypatch, 5)
    keep, config = half(opened), tuned(epochs=4)
    whole, uninterrupted = finish(finetune(opened, keep, config))
    said = [event.message for event in whole if isinstance(event, NoticeRaised)]
    assert sum("while fine-tuning" in words for words in said) == 1  # 8 to 4
    path = tmp_path / "learned.pt"
    events = finetune(opened, keep, config, checkpoint=CheckpointPlace(path))
    for event in events:
        if isinstance(event, FinetuneAdvanced) and event.epoch > 2:
            break
    events.close()
    resumed, again = finish(
        finetune(opened, keep, config, checkpoint=CheckpointPlace(path, resume=True))
    )
    assert again.history == uninterrupted.history
    state, other = network_state(uninterrupted.module), network_state(again.module)
    assert all(torch.equal(state[key], other[key]) for key in state)
    assert not any("while fine-tuning" in str(one) for one in without_seconds(resumed))


def test_a_training_for_which_memory_never_suffices_ends_in_a_sentence(monkeypatch):
    opened = open_tiny(Chain)
    events = finetune(opened, half(opened), tuned(epochs=1))
    memory = ShortMemory(monkeypatch, 24)
    with pytest.raises(MemoryShortage, match=r"^Memory ran out while fine-tuning \("):
        for event in events:
            if getattr(event, "stage", "").startswith("Fine-tuning"):
                memory.most = 1  # one image has no statistics


def test_test_images_are_compared_in_parts(monkeypatch):
    module = build(Chain)
    part = TinyPart(module, seed=3)
    _, expected = finish(compare_with_unpruned(module, {"a": module}, part, CPU))
    ShortMemory(monkeypatch, 12)
    events, scores = finish(compare_with_unpruned(module, {"a": module}, part, CPU))
    assert scores["a"].accuracy == expected["a"].accuracy
    assert np.isclose(scores["a"].cross_entropy, expected["a"].cross_entropy)
    assert sum(isinstance(event, NoticeRaised) for event in events) == 1
