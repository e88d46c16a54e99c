"""The proof by trial: what breaks is found, kept and named, and what is left is right together."""

import torch
from torch import Tensor, nn

from core.events import StageAdvanced, StageStarted
from core.pruning.surgery import prune_network, soft_prune_network
from core.pruning.verification import (
    analyse_exactly,
    analysis_events,
    random_keep,
    relative_difference,
)
from tests.networks import Chain, HardCoded, build, example_images


class Together(nn.Module):
    """Two branches, either of which may be narrow, but not both."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Conv2d(3, 8, 1)
        self.right = nn.Conv2d(3, 8, 1)
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        left, right = self.left(x), self.right(x)
        if left.shape[1] + right.shape[1] < 12:
            raise ValueError("both are narrow")
        return self.head(torch.cat([left, right], 1).mean((2, 3)))


def test_groups_that_are_right_alone_and_wrong_together_are_told_apart():
    module, x = build(Together), example_images()
    analysis = analyse_exactly(module, x)
    assert [group.name for group in analysis.groups.groups] == ["left"]
    frozen = {entry.layer: entry.reason for entry in analysis.groups.frozen}
    assert frozen["right"] == "its width is written into the code (both are narrow)"
    keep = random_keep(analysis)
    with torch.no_grad():
        cut = prune_network(module, analysis.plan, keep)(x)
        masked = soft_prune_network(module, analysis.plan, keep)(x)
    assert relative_difference(masked, cut) < 1e-5


def test_the_proof_tells_its_progress_and_ends_at_its_total():
    for kind in (Chain, HardCoded):
        events = list(analysis_events(build(kind), example_images()))
        proof = next(e for e in events if isinstance(e, StageStarted) and "Proving" in e.stage)
        told = [event.done for event in events if isinstance(event, StageAdvanced)]
        assert proof.total == max(told) > 0


def test_a_stop_between_two_trials_ends_the_proof():
    events = analysis_events(build(Chain), example_images())
    assert isinstance(next(events), StageStarted)
    events.close()
    assert list(events) == []
