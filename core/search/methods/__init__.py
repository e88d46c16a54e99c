"""Who proposes the masks of a search: METHODS lists the choices.

A method is asked for some masks at a time, all within the budget, and is told what each earned.
Everything else - criteria, images, scoring, health, checkpoints, the choice of the winner - is
the same for all of them, so that they compare. A criterion is a method too: its mask alone, with
no evaluation at all; and so is the proposal of an agent that was trained on other networks.
"""

from collections.abc import Callable, Mapping

from core.events import BoolArray
from core.pruning.criteria import CRITERIA
from core.rl.observation import Observation
from core.search.agent import make_agent
from core.search.bench import Bench
from core.search.methods.evolution import Evolution
from core.search.methods.gates import Gates
from core.search.methods.layer_ratios import LayerRatios
from core.search.methods.method import Method
from core.search.methods.random_search import RandomSearch
from core.search.methods.terrain import Terrain
from core.search.tournament import PROPOSAL, SHOWN_FIRST, competitor_names, split_name

__all__ = [
    "METHODS",
    "ONE_SHOT",
    "Method",
    "is_one_shot",
    "make_method",
    "method_names",
    "one_shot_mask_of",
]


def make_method(bench: Bench, observation: Observation) -> Method:
    """Make the method that the settings name."""
    return METHODS[bench.config.method](bench, observation)


def method_names() -> tuple[str, ...]:
    """All that a search may be told to do: the methods, then the criteria without a search.

    A criterion's name alone means its best allocation by the reward images.
    """
    return tuple(dict.fromkeys((*METHODS, *ONE_SHOT, *competitor_names())))


def is_one_shot(method: str) -> bool:
    """Whether a method of `method_names` proposes a single mask, without a search."""
    return method not in METHODS


def one_shot_mask_of(method: str, criteria: Mapping[str, BoolArray]) -> BoolArray:
    """Find the mask (C,) of a criterion in its best allocation, or of a competitor itself.

    criteria: by "<criterion>_<allocation>", as SearchFinished has them.
    """
    if method in criteria:
        return criteria[method]
    own = {name: mask for name, mask in criteria.items() if split_name(name)[0] == method}
    if len(own) > 1:  # l1_uniform is always there
        own.pop(SHOWN_FIRST, None)
    return next(iter(own.values()))


def _make_agent(bench: Bench, observation: Observation) -> Method:
    return make_agent(bench, observation)


def _make_random(bench: Bench, observation: Observation) -> Method:
    own, seed = bench.config.baselines, bench.config.seed
    return RandomSearch(Terrain.of(bench, observation), own.random_by, own.flipped_share, seed)


def _make_evolution(bench: Bench, observation: Observation) -> Method:
    return Evolution(Terrain.of(bench, observation), bench.config.baselines, bench.config.seed)


def _make_layer_ratios(bench: Bench, observation: Observation) -> Method:
    return LayerRatios(Terrain.of(bench, observation), bench.config.baselines, bench.config.seed)


def _make_gates(bench: Bench, observation: Observation) -> Method:
    return Gates(bench, Terrain.of(bench, observation), bench.config.baselines)


METHODS: dict[str, Callable[[Bench, Observation], Method]] = {
    "agent": _make_agent,
    "random": _make_random,
    "evolution": _make_evolution,
    "layer_ratios": _make_layer_ratios,
    "gates": _make_gates,
}
CHANCE = "random_uniform"  # the criterion; "random" is the search
ONE_SHOT = (*(name for name in CRITERIA if name != "random"), SHOWN_FIRST, CHANCE, PROPOSAL)
