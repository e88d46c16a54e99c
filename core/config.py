"""Settings as frozen values, checked when made, that go to TOML and back unchanged."""

import dataclasses
import math
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import tomli_w

from core.errors import ConfigError, readable

Constraint = Literal["projection", "penalty"]
Streams = Literal["auto", "keep", "prune"]
Groups = Literal["approximate", "exact"]
Precision = Literal["auto", "float32", "bfloat16"]
Switch = Literal["auto", "on", "off"]
Compare = Literal["none", "best", "all"]
INPUT_SHAPE = re.compile(r"[1-9]\d{0,3}(x[1-9]\d{0,4}){2}")
VALUES_MOST = 100_000_000  # of one image: 400 MB as float32
MULTIPLES = (1, 4, 8, 16)  # of channels, that widths may be rounded to
SHOWN_LETTERS = 60  # of a value in a sentence
FLOAT_MOST = 2**1023
T = TypeVar("T")


@dataclass(frozen=True)
class PPOConfig:
    """How the policy learns from one batch of sampled masks."""

    epochs: int = 4
    clip_coef: float = 0.2
    learning_rate: float = 0.01
    channel_offset_rate: float = 0.3
    layer_offset_rate: float = 0.15
    value_coef: float = 0.5
    entropy_coef: float = 0.0

    def __post_init__(self) -> None:
        _check_range(self, "epochs", 1, 100)
        _check_range(self, "clip_coef", 0.01, 1.0)
        for rate in ("learning_rate", "channel_offset_rate", "layer_offset_rate"):
            _check_range(self, rate, 0.0, 10.0)
        _check_range(self, "value_coef", 0.0, 10.0)
        _check_range(self, "entropy_coef", 0.0, 10.0)


@dataclass(frozen=True)
class SearchConfig:
    """One search: the budget, how long, and the method's parts."""

    macs_budget: float = 0.5  # share of the network's MACs that may be kept, 0-1
    evaluations: int = 300  # masks scored on reward images
    seed: int = 0
    device: str = "auto"
    threads: int = 0  # 0: all cores but one
    precision: Precision = "auto"  # of the scoring passes
    reward: str = "cross_entropy"  # a name in REWARDS
    constraint: Constraint = "projection"
    prior: str = "tournament"  # "tournament", "none" or "<criterion>_<allocation>"
    streams: Streams = "auto"  # whether residual streams are pruned too
    groups: Groups = "approximate"  # or only those whose cut equals their mask exactly
    round_to: int = 1  # the winner's widths to multiples of so many channels; 1: not at all
    reward_images: int = 128  # per evaluation; they rotate
    samples_per_update: int = 16
    pinned_keep: tuple[str, ...] = ()  # channels that always stay: "layer1.0.conv1:0-3,7"
    pinned_removed: tuple[str, ...] = ()  # channels that always go
    ppo: PPOConfig = field(default_factory=PPOConfig)

    def __post_init__(self) -> None:
        _check_range(self, "macs_budget", 0.01, 1.0)
        _check_range(self, "evaluations", 1, 1_000_000)
        _check_range(self, "seed", 0, 2**31 - 1)
        _check_range(self, "threads", 0, 1024)
        _check_range(self, "reward_images", 2, 100_000)
        _check_range(self, "samples_per_update", 2, 1024)
        if self.round_to not in MULTIPLES:
            raise ConfigError(
                f"Setting 'round_to' must be one of {', '.join(map(str, MULTIPLES))}, "
                f"not {_shown(self.round_to)}."
            )
        _check_choice(self, "constraint", typing.get_args(Constraint))
        _check_choice(self, "streams", typing.get_args(Streams))
        _check_choice(self, "groups", typing.get_args(Groups))
        _check_choice(self, "precision", typing.get_args(Precision))
        _check_lines(self, "pinned_keep")
        _check_lines(self, "pinned_removed")


@dataclass(frozen=True)
class FinetuneConfig:
    """How the pruned network is trained after the search, and what it is compared with."""

    epochs: int = 20
    batch_size: int = 128
    learning_rate: float = 0.02  # the highest, after the warm-up
    momentum: float = 0.9  # Nesterov's
    weight_decay: float = 5e-4  # not on norms and biases
    warmup_share: float = 0.05  # of all steps, from 0 linearly
    flip: Switch = "auto"  # of the images left to right; "auto": only if they are in colour
    crop_share: float = 0.125  # of the side, moved at most; 0: no crop
    distillation: float = 0.7  # weight of the unpruned network's answers, 0-1; the rest: labels
    temperature: float = 4.0  # of the answers in the distillation
    patience: int = 0  # epochs without a better one until it ends; 0: never
    precision: Precision = "auto"
    seed: int = 0
    data: str = ""  # other images to train on; empty: the run's reward images
    compare: Compare = "none"  # criteria that get the same fine-tuning

    def __post_init__(self) -> None:
        _check_range(self, "epochs", 1, 10_000)
        _check_range(self, "batch_size", 2, 100_000)
        _check_range(self, "learning_rate", 0.0, 10.0)
        _check_range(self, "momentum", 0.0, 0.999)
        _check_range(self, "weight_decay", 0.0, 1.0)
        _check_range(self, "warmup_share", 0.0, 1.0)
        _check_range(self, "crop_share", 0.0, 0.5)
        _check_range(self, "distillation", 0.0, 1.0)
        _check_range(self, "temperature", 0.1, 100.0)
        _check_range(self, "patience", 0, 10_000)
        _check_range(self, "seed", 0, 2**31 - 1)
        _check_choice(self, "flip", typing.get_args(Switch))
        _check_choice(self, "precision", typing.get_args(Precision))
        _check_choice(self, "compare", typing.get_args(Compare))


@dataclass(frozen=True)
class RunConfig:
    """All that reproduces a run: where the network and images come from, and the search."""

    network: str = "demo"
    data: str = "digits"
    checkpoint: str = ""  # empty: the source's own weights; "published": those it publishes
    normalisation: str = "auto"  # of the images: "auto" or a key of NORMALISATIONS
    input_shape: str = ""  # "3x32x32", for networks that do not say what images they take
    latency: bool = True  # measured at the end of a run, which takes some ten seconds
    search: SearchConfig = field(default_factory=SearchConfig)
    finetune: FinetuneConfig = field(default_factory=FinetuneConfig)

    def __post_init__(self) -> None:
        if self.input_shape and not INPUT_SHAPE.fullmatch(self.input_shape):
            raise ConfigError(
                "Setting 'input_shape' must be channels, height and width such as 3x32x32, "
                f"not {_shown(self.input_shape)}."
            )
        if math.prod(self.image_shape or ()) > VALUES_MOST:
            raise ConfigError(
                f"Setting 'input_shape' must fit into the memory, which images of "
                f"{self.input_shape} do not. Choose smaller ones."
            )

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """`input_shape` as numbers: channels, height, width; None if it is not given."""
        if not self.input_shape:
            return None
        channels, height, width = map(int, self.input_shape.split("x"))
        return channels, height, width


def to_dict(config: Any) -> dict[str, Any]:
    """Turn any configuration into nested plain values."""
    return dataclasses.asdict(config)


def to_toml(config: Any) -> str:
    """Write any configuration as TOML."""
    return tomli_w.dumps(to_dict(config))


def run_config_from_toml(text: str) -> RunConfig:
    """Read a RunConfig from TOML; ConfigError names the setting that does not fit."""
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # TOMLDecodeError, numbers of thousands of digits, brackets in brackets
        reason = readable(str(error)).rstrip(".")
        raise ConfigError(
            f"Cannot read the settings: {reason}. Mend or remove that line."
        ) from error
    return run_config_from_dict(values)


def run_config_from_dict(values: Mapping[str, Any]) -> RunConfig:
    """Make a RunConfig of nested plain values; ConfigError names the setting that does not fit."""
    return _from_dict(RunConfig, values, "")


def load_run_config(path: Path) -> RunConfig:
    """Read a RunConfig from a TOML file; ConfigError if it cannot be read."""
    try:
        return run_config_from_toml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(
            f"Cannot read settings from {readable(path)}: {reason}. Choose another file."
        ) from error


def _from_dict(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    hints = typing.get_type_hints(kind)
    known = {entry.name for entry in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise ConfigError(
                f"Unknown setting '{readable(where + name)[:SHOWN_LETTERS]}'. "
                f"Known here: {', '.join(sorted(known))}."
            )
    return kind(**{k: _convert(hints[k], v, f"{where}{k}") for k, v in values.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ConfigError(f"Setting '{where}' must be a table, not {_shown(value)}.")
        return _from_dict(typing.cast(type, hint), value, f"{where}.")
    if typing.get_origin(hint) in (Literal, types.UnionType):
        return value
    if hint is float and type(value) is int:
        return float(value) if abs(value) < FLOAT_MOST else math.inf if value > 0 else -math.inf
    if typing.get_origin(hint) is tuple:
        return tuple(value) if isinstance(value, list) else value
    if type(value) is not hint:
        raise ConfigError(f"Setting '{where}' must be {hint.__name__}, not {_shown(value)}.")
    return value


def _shown(value: object) -> str:
    """A value for a sentence; hexadecimal has no limit of digits."""
    words = hex(value) if isinstance(value, int) and abs(value) > FLOAT_MOST else repr(value)
    return words if len(words) <= SHOWN_LETTERS else f"{words[: SHOWN_LETTERS - 1]}…"


def _check_range(config: object, name: str, low: float, high: float) -> None:
    value = getattr(config, name)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:
        raise ConfigError(
            f"Setting '{name}' must be between {low} and {high}, not {_shown(value)}."
        )


def _check_choice(config: object, name: str, choices: tuple[str, ...]) -> None:
    value = getattr(config, name)
    if value not in choices:
        raise ConfigError(
            f"Setting '{name}' must be one of {', '.join(choices)}, not {_shown(value)}."
        )


def _check_lines(config: object, name: str) -> None:
    value = getattr(config, name)
    if not isinstance(value, tuple) or not all(isinstance(line, str) for line in value):
        raise ConfigError(f"Setting '{name}' must be a list of texts, not {_shown(value)}.")
