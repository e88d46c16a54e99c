"""Whatever hangs together in whatever way is searched, adapted, fine-tuned and cut to the end."""

import dataclasses

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from core.config import FinetuneConfig, RunConfig, SearchConfig
from core.config.baselines import BaselineConfig
from core.errors import NetworkError
from core.events import NetworkAdapted, SearchFinished
from core.export.pruned import cut_network
from core.finetuning.loop import finetune
from core.pruning.surgery import network_state
from core.runs.adapted import with_weights
from core.search import run_search
from tests.core.tiny import finish, open_tiny
from tests.networks import EXACT, Chain, Normalised
from tests.unusual_networks import UNUSUAL, TiedConvolutions

EVERY = {**EXACT, "normalised": Normalised, **UNUSUAL}
CPU = torch.device("cpu")
SHORT = SearchConfig(
    macs_budget=0.97,
    evaluations=8,
    samples_per_update=4,
    reward_images=8,
    adaptation_steps=2,
    distillation_batch=8,
    distillation_steps=1,
    threads=1,
)
REFITTED = dataclasses.replace(SHORT, reward="staged")


def search(opened, config: SearchConfig) -> tuple[SearchFinished, NetworkAdapted | None]:
    events = list(run_search(opened, config))
    adapted = [event for event in events if isinstance(event, NetworkAdapted)]
    finished = events[-1]
    assert isinstance(finished, SearchFinished)
    assert finished.evaluations == 8
    assert finished.macs_kept <= config.macs_budget + 1e-9
    assert not finished.keep.all()
    return finished, adapted[-1] if adapted else None


@pytest.mark.parametrize("name", EVERY)
def test_every_network_adapts_while_it_is_pruned_and_is_fine_tuned(name):
    opened = open_tiny(EVERY[name])
    finished, adapted = search(opened, SHORT)
    assert adapted is not None
    before = network_state(opened.network.module)
    assert any((adapted.weights[key] != value.numpy()).any() for key, value in before.items())
    start = cut_network(with_weights(opened, adapted.weights), finished.keep, CPU)
    config = RunConfig(search=SHORT, finetune=FinetuneConfig(epochs=1, batch_size=8))
    _, tuned = finish(finetune(opened, finished.keep, config, start=start))
    images = opened.images.test.images
    answers = tuned.module(images)
    logits = answers["logits"] if isinstance(answers, dict) else answers
    logits = logits[0] if isinstance(logits, tuple) else logits
    assert logits.shape == (len(images), 4)
    assert logits.isfinite().all()


@pytest.mark.parametrize("name", EVERY)
def test_every_network_is_refitted_and_distilled_in_a_search(name):
    finished, adapted = search(open_tiny(EVERY[name]), REFITTED)
    assert adapted is None
    assert 0 <= finished.accuracy <= 1


@pytest.mark.parametrize("trains_weights", [True, False])
def test_gates_open_for_all_names_of_a_tied_weight(trains_weights):
    gates = BaselineConfig(gates_train_weights=trains_weights)
    search(open_tiny(TiedConvolutions), dataclasses.replace(SHORT, method="gates", baselines=gates))


def test_checkpoints_that_cannot_be_differentiated_are_told_with_the_remedy():
    class Reentrant(Chain):
        def forward(self, x):
            x = self.first(x)
            if torch.is_grad_enabled():
                return self.head(checkpoint(self.second, x, use_reentrant=True).mean((2, 3)))
            return self.head(self.second(x).mean((2, 3)))

    with pytest.raises(NetworkError, match="Write use_reentrant=False"):
        list(run_search(open_tiny(Reentrant), SHORT))
