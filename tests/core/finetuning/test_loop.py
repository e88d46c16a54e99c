"""A whole fine-tuning of a tiny network: its events, its best epoch, stopping and resuming."""

import dataclasses

import numpy as np
import pytest
import torch

from core.config import FinetuneConfig, RunConfig, SearchConfig
from core.errors import CheckpointError, RunError
from core.evaluation import class_logits
from core.events import (
    FinetuneAdvanced,
    FinetuneFinished,
    FinetuneScored,
    FinetuneStarted,
    NoticeRaised,
    StageAdvanced,
    StopRequested,
)
from core.export.pruned import cut_network, describe_pruned, refit_for
from core.export.verify import module_reader, relative_difference
from core.finetuning.checkpoint import EpochScore, _changed
from core.finetuning.loop import CheckpointPlace, _epoch_so_far, best_of, finetune
from core.finetuning.training import train_step
from core.pruning.surgery import network_state
from tests.core.tiny import COUNT, finish, open_tiny
from tests.networks import Chain, InvertedResidual, Residual, example_images

CONFIG = RunConfig(
    search=SearchConfig(threads=1, device="cpu"),
    finetune=FinetuneConfig(epochs=3, batch_size=8, learning_rate=0.05, precision="float32"),
)


def tuned(**changes) -> RunConfig:
    return dataclasses.replace(CONFIG, finetune=dataclasses.replace(CONFIG.finetune, **changes))


def half(opened) -> np.ndarray:
    keep = np.ones(opened.analysis.plan.channel_count, dtype=np.bool_)
    for group in opened.analysis.groups.groups:
        keep[group.start : group.start + len(group) // 2] = False
    return keep


def without_seconds(events):
    return [
        {k: v for k, v in vars(event).items() if k not in ("seconds", "handle")} for event in events
    ]


def test_events_come_in_their_order():
    opened = open_tiny(Chain)
    events, finetuned = finish(finetune(opened, half(opened), CONFIG))
    kinds = [type(e) for e in events if type(e).__name__.startswith("Finetune")]
    per_epoch = [FinetuneAdvanced] * 3 + [FinetuneScored]
    assert kinds == [FinetuneStarted, *per_epoch * 3, FinetuneFinished]
    assert events[-1].handle is finetuned
    started = next(e for e in events if isinstance(e, FinetuneStarted))
    assert (started.epochs, started.steps) == (3, 3 * (COUNT // 8))
    assert [e.step for e in events if isinstance(e, FinetuneAdvanced)] == [*range(1, 10)]


def test_the_best_epoch_comes_back_and_fits_its_score():
    opened = open_tiny(Chain)
    _, finetuned = finish(finetune(opened, half(opened), CONFIG))
    best = best_of(finetuned.history, len(opened.images.held_out))
    assert (best.epoch, best.accuracy) == (finetuned.epoch, finetuned.score.accuracy)
    part = opened.images.held_out
    with torch.no_grad():
        answers = class_logits(finetuned.module(part.images)).argmax(1)
    assert float((answers == part.labels).float().mean()) == pytest.approx(best.accuracy)


def test_training_makes_a_cut_network_better():
    opened = open_tiny(Residual)
    _, finetuned = finish(finetune(opened, half(opened), tuned(epochs=20)))
    assert finetuned.epoch > 0
    assert finetuned.score.accuracy > finetuned.history[0].accuracy + 0.3
    assert finetuned.history[-1].loss < finetuned.history[1].loss


def test_training_in_bfloat16_is_nearly_that_in_float32_and_its_weights_are_float32():
    opened = open_tiny(Residual)
    keep, course = half(opened), {}
    for precision in ("float32", "bfloat16"):
        events, finetuned = finish(finetune(opened, keep, tuned(precision=precision, epochs=2)))
        losses = [event.loss for event in events if isinstance(event, FinetuneAdvanced)]
        course[precision] = np.array(losses)
        assert {one.dtype for one in finetuned.module.parameters()} == {torch.float32}
    assert np.isfinite(course["bfloat16"]).all()
    assert not np.array_equal(course["float32"], course["bfloat16"])
    assert np.allclose(course["float32"], course["bfloat16"], rtol=0.05)


def test_the_same_seed_gives_the_same_events():
    opened = open_tiny(InvertedResidual)
    first, _ = finish(finetune(opened, half(opened), CONFIG))
    again, _ = finish(finetune(opened, half(opened), CONFIG))
    other, _ = finish(finetune(opened, half(opened), tuned(seed=1)))
    assert without_seconds(first) == without_seconds(again)
    assert without_seconds(first) != without_seconds(other)


def test_half_of_a_batch_is_mixed(monkeypatch):
    opened = open_tiny(Chain)

    def seen(share):
        batches = []

        def see(module, optimizer, batch, *others):
            batches.append(batch)
            return train_step(module, optimizer, batch, *others)

        monkeypatch.setattr("core.finetuning.loop.train_step", see)
        finish(finetune(opened, half(opened), tuned(epochs=1, cutmix=share)))
        return batches

    for (mixed, shares), (plain, labels) in zip(seen(0.5), seen(0.0), strict=True):
        assert shares.shape == (8, opened.network.class_count)
        assert labels.shape == (8,)
        assert not torch.equal(mixed[::2], plain[::2])
        assert torch.equal(mixed[1::2], plain[1::2])


def test_neither_held_out_nor_test_images_are_trained_on():
    opened = open_tiny(Chain)
    module = opened.network.module
    before = {key: value.clone() for key, value in network_state(module).items()}
    finish(finetune(opened, half(opened), CONFIG))
    assert opened.images.test.read == []
    assert len(opened.images.held_out.read) == COUNT * 4  # once before, once for each epoch
    assert all(torch.equal(before[key], value) for key, value in network_state(module).items())


def test_cut_and_masked_network_agree_after_training():
    opened = open_tiny(Residual)
    keep = half(opened)
    _, finetuned = finish(finetune(opened, keep, CONFIG))
    pruned = describe_pruned(opened, keep, finetuned.module, {"macs": 1, "macs_kept": 0.5})
    images = example_images()
    cut, masked = (module_reader(m)(images) for m in (pruned.module, pruned.soft_twin()))
    assert relative_difference(cut, masked) < 1e-5


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([(0.50, 1.0), (0.90, 0.4), (0.95, 0.3)], 2),
        ([(0.90, 0.5), (0.90, 0.4), (0.90, 0.6)], 1),
        ([(0.50, 1.0), (0.91, 0.4), (0.90, 0.3)], 2),  # one of a hundred images is chance
        ([(0.50, 1.0), (0.95, 0.4), (0.90, 0.3)], 1),  # five are none: .95 has an error of .022
        ([(0.90, 0.3), (0.95, 0.4)], 1),
        ([(0.91, 0.5), (0.89, 0.4), (0.87, 0.3)], 1),  # all are held against the highest
        ([(1.0, 0.1), (1.0, 0.2), (0.99, 0.01)], 0),
    ],
)
def test_the_best_epoch_is_the_surest_of_those_that_are_as_accurate_as_any(scores, expected):
    history = [EpochScore(epoch, *score, None) for epoch, score in enumerate(scores)]
    assert best_of(history, 100).epoch == expected


def test_stop_keeps_the_best_so_far():
    opened = open_tiny(Chain)
    events = finetune(opened, half(opened), tuned(epochs=1000))
    seen = []
    for event in events:
        seen.append(event)
        if isinstance(event, FinetuneScored) and event.epoch == 2:
            break
    last, finetuned = stopped(events)
    assert finetuned.is_stopped
    # not a step of the third epoch was trained
    assert [type(event) for event in last] == [FinetuneFinished]
    assert [score.epoch for score in finetuned.history] == [0, 1, 2]
    scores = {e.epoch: (e.accuracy, -e.cross_entropy) for e in seen if hasattr(e, "is_best")}
    assert finetuned.epoch in (0, *scores)


def stopped(events):
    """Throw a stop into a fine-tuning; returns what it still tells, and its result."""
    first = events.throw(StopRequested())
    rest, finetuned = finish(events)
    return [first, *rest], finetuned


@pytest.mark.parametrize(("step", "epoch"), [(1, 0.33), (4, 1.33), (5, 1.67), (6, 2)])
def test_a_broken_off_epoch_counts_for_its_part(step, epoch):
    opened = open_tiny(Chain)  # three steps an epoch
    events = finetune(opened, half(opened), tuned(epochs=3))
    for event in events:
        if isinstance(event, FinetuneAdvanced) and event.step == step:
            break
    last, finetuned = stopped(events)
    [scored] = [event for event in last if isinstance(event, FinetuneScored)]
    assert scored.epoch == finetuned.history[-1].epoch == epoch
    assert scored.is_broken_off == (epoch != 2)
    assert isinstance(scored.epoch, int) == (epoch == 2)
    assert [score.epoch for score in finetuned.history[:-1]] == [*range(1 + (step - 1) // 3)]


def test_a_stop_before_the_first_step_scores_nothing_again():
    opened = open_tiny(Chain)
    events = finetune(opened, half(opened), CONFIG)
    for event in events:
        if isinstance(event, FinetuneStarted):
            break
    next(events)  # the stage that begins
    _, finetuned = stopped(events)
    assert [score.epoch for score in finetuned.history] == [0]


def test_a_part_of_an_epoch_is_never_told_as_a_whole_one():
    assert _epoch_so_far(1, 1, 1000) == 1.01
    assert _epoch_so_far(1, 999, 1000) == 1.99
    assert _epoch_so_far(1, 1000, 1000) == 2


def test_stop_before_anything_was_scored_passes_through():
    opened = open_tiny(Chain)
    events = finetune(opened, half(opened), CONFIG)
    next(events)
    with pytest.raises(StopRequested):
        events.throw(StopRequested())


def test_patience_ends_a_training_that_gets_no_better():
    opened = open_tiny(Chain)
    config = tuned(epochs=50, learning_rate=1e-12, patience=2)
    _, finetuned = finish(finetune(opened, np.ones(14, dtype=np.bool_), config))
    assert finetuned.history[-1].epoch < 50
    assert finetuned.history[-1].epoch == finetuned.epoch + 2


def test_a_training_that_diverges_says_so_and_keeps_what_was_good():
    opened = open_tiny(Flat)
    config = tuned(learning_rate=10.0, momentum=0.999, epochs=100, distillation=0.0)
    events, finetuned = finish(finetune(opened, np.ones(7, dtype=np.bool_), config))
    notices = [event.message for event in events if isinstance(event, NoticeRaised)]
    assert len(notices) == 1
    assert "diverged" in notices[0]
    assert "below 10" in notices[0]
    assert all(torch.isfinite(p).all() for p in finetuned.module.parameters())


class Flat(torch.nn.Module):
    """Two layers without a norm, which diverge readily."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(3 * 8 * 8, 7)
        self.head = torch.nn.Linear(7, 4)

    def forward(self, x):
        return self.head(self.first(x.flatten(1)) ** 2)


def test_a_resumed_training_ends_as_if_nothing_had_happened(tmp_path):
    opened = open_tiny(Residual)
    keep, config = half(opened), tuned(epochs=4)
    whole, uninterrupted = finish(finetune(opened, keep, config))
    path = tmp_path / "deep" / "learned.pt"
    events = finetune(opened, keep, config, checkpoint=CheckpointPlace(path))
    for event in events:
        if isinstance(event, FinetuneAdvanced) and event.epoch > 2:
            break  # two epochs are written, the third has begun
    events.close()
    place = CheckpointPlace(path, resume=True)
    resumed, again = finish(finetune(opened, keep, config, checkpoint=place))
    assert again.history == uninterrupted.history
    assert again.epoch == uninterrupted.epoch
    state, other = network_state(uninterrupted.module), network_state(again.module)
    assert all(torch.equal(state[key], other[key]) for key in state)
    assert [e.epoch for e in resumed if isinstance(e, FinetuneScored)] == [1, 2, 3, 4]
    assert sum(isinstance(e, StageAdvanced) for e in resumed) < sum(
        isinstance(e, StageAdvanced) for e in whole
    )


def test_a_finished_training_is_taken_up_at_once(tmp_path):
    opened = open_tiny(Chain)
    place = CheckpointPlace(tmp_path / "learned.pt")
    _, first = finish(finetune(opened, half(opened), CONFIG, checkpoint=place))
    place = dataclasses.replace(place, resume=True)
    events, again = finish(finetune(opened, half(opened), CONFIG, checkpoint=place))
    assert not any(isinstance(event, FinetuneAdvanced) for event in events)
    assert again.score == first.score


def test_a_checkpoint_from_before_images_were_mixed_is_one_without_mixing():
    saved = dataclasses.asdict(tuned(cutmix=0.0).finetune)
    del saved["cutmix"]
    assert _changed(saved, tuned(cutmix=0.0).finetune) == []
    assert _changed(saved, tuned(cutmix=0.5).finetune) == ["cutmix"]


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    opened = open_tiny(Chain)
    path = tmp_path / "learned.pt"
    place = CheckpointPlace(path, resume=True)
    with pytest.raises(RunError, match="There is no"):
        finish(finetune(opened, half(opened), CONFIG, checkpoint=place))
    finish(finetune(opened, half(opened), CONFIG, checkpoint=CheckpointPlace(path)))
    with pytest.raises(RunError, match=r"other settings \(learning_rate\)"):
        finish(finetune(opened, half(opened), tuned(learning_rate=0.1), checkpoint=place))
    with pytest.raises(RunError, match="another mask"):
        finish(finetune(opened, ~half(opened), CONFIG, checkpoint=place))
    path.write_bytes(b"torn")
    with pytest.raises(CheckpointError, match="no checkpoint of a fine-tuning"):
        finish(finetune(opened, half(opened), CONFIG, checkpoint=place))


def test_a_full_disk_does_not_end_the_training(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.finetuning.loop.write_progress", fail)
    opened = open_tiny(Chain)
    place = CheckpointPlace(tmp_path / "learned.pt")
    events, finetuned = finish(finetune(opened, half(opened), CONFIG, checkpoint=place))
    assert sum(isinstance(event, NoticeRaised) for event in events) == 1
    assert finetuned.history[-1].epoch == 3


@pytest.mark.parametrize("kind", [Chain, Residual])
def test_a_refit_is_where_training_starts(kind):
    opened = open_tiny(kind)
    plain = finish(finetune(opened, half(opened), tuned(refit=False)))[1].history[0]
    refitted = finish(finetune(opened, half(opened), tuned(refit=True)))[1].history[0]
    assert refitted != plain
    device = torch.device("cpu")
    _, refit = finish(refit_for(opened, [half(opened)], device))
    by_hand = cut_network(opened, half(opened), device, refit=refit)
    given = finish(finetune(opened, half(opened), tuned(refit=True), start=by_hand))[1]
    assert given.history[0] == refitted
