"""What a comparison calls by a name: a method, with the network's weights fixed or adapting.

The agent does as the settings say. The other searches leave the weights alone, as they are known
for; NAME_adapting lets their masks train the network as the agent's do, and agent_frozen is the
agent without. Needs no torch.
"""

import dataclasses

from core.config import SearchConfig
from core.config.searching import GATES, REWARDS_WITH_REFIT
from core.errors import ConfigError

AGENT = "agent"
SEARCHES = (AGENT, "random", "evolution", "layer_ratios", GATES)
ADAPTING, FROZEN = "_adapting", "_frozen"
VARIANTS = (f"{AGENT}{FROZEN}", *(f"{name}{ADAPTING}" for name in SEARCHES if name != AGENT))


def with_method(search: SearchConfig, name: str) -> SearchConfig:
    """Return the settings of a search by a method, a criterion or one of VARIANTS.

    Raises: ConfigError if it shall adapt and the reward looks at a refit.
    """
    if name == AGENT:
        return dataclasses.replace(search, method=name)
    if name.endswith(ADAPTING) and search.reward in REWARDS_WITH_REFIT:
        raise ConfigError(
            f"Method '{name}' cannot adapt the network where 'reward' is {search.reward}: a refit "
            f"says nothing of weights that adapt. Choose {name.removesuffix(ADAPTING)}, or teacher."
        )
    if name == f"{GATES}{ADAPTING}":
        gates = dataclasses.replace(search.baselines, gates_train_weights=True)
        return dataclasses.replace(search, method=GATES, baselines=gates)
    if name.endswith(ADAPTING):
        steps = search.adaptation_steps or SearchConfig().adaptation_steps
        return dataclasses.replace(
            search, method=name.removesuffix(ADAPTING), adaptation_steps=steps
        )
    own = search.baselines
    if name == GATES:
        own = dataclasses.replace(own, gates_train_weights=False)
    return dataclasses.replace(
        search, method=name.removesuffix(FROZEN), adaptation_steps=0, baselines=own
    )
