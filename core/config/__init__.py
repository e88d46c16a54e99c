"""Settings as frozen values, checked when made, that go to TOML and back unchanged."""

from core.config.finetuning import Compare, FinetuneConfig, Switch
from core.config.learning import PolicyConfig, PPOConfig
from core.config.running import RunConfig
from core.config.searching import (
    Constraint,
    Groups,
    Precision,
    SearchConfig,
    Streams,
)
from core.config.toml import (
    begun_config_from_toml,
    load_begun_config,
    load_run_config,
    load_training_config,
    run_config_from_dict,
    run_config_from_toml,
    to_dict,
    to_toml,
)

__all__ = [
    "Compare",
    "Constraint",
    "FinetuneConfig",
    "Groups",
    "PPOConfig",
    "PolicyConfig",
    "Precision",
    "RunConfig",
    "SearchConfig",
    "Streams",
    "Switch",
    "begun_config_from_toml",
    "load_begun_config",
    "load_run_config",
    "load_training_config",
    "run_config_from_dict",
    "run_config_from_toml",
    "to_dict",
    "to_toml",
]
