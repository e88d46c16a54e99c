"""The settings of the agent: what its policy is made of, and how it learns."""

from dataclasses import dataclass
from typing import Literal

from core.config.checks import check_fields
from core.config.declaring import number
from core.errors import ConfigError

Architecture = Literal["auto", "channels", "hierarchical"]
Encoder = Literal["trained", "frozen", "none"]
Embedding = Literal["layers", "global"]
Ratio = Literal["per_channel", "joint"]
Advantage = Literal["normalised", "rank"]
AGENT_FILE = "agent.pt"  # in a run's folder: what SearchConfig.start_from reads


@dataclass(frozen=True)
class PolicyConfig:
    """What the agent's policy is made of."""

    # "channels": each by itself; "hierarchical": Gaussian shifts of layers above the channels;
    # "auto": hierarchical where the network adapts
    architecture: Architecture = "auto"
    encoder: Encoder = "trained"  # "none": every layer is seen by itself, without the graph
    embedding: Embedding = "layers"  # "global": one for the whole network, as in the paper
    pretraining_epochs: int = number(0, 0, 100_000)  # of the encoder, as a graph autoencoder
    offsets: bool = True  # free parameters of every layer and channel; they fit one network only
    decision_steps: int = number(1, 1, 1000)  # parts in which the layers are decided in turn
    rank_scale: float = number(30.0, 0.01, 100.0)  # hierarchical: of the rank within the layer
    shift_deviation: float = number(0.6, 0.01, 10.0)  # hierarchical: of a layer's shift, at first

    def __post_init__(self) -> None:
        check_fields(self)
        if self.embedding == "global" and self.architecture == "hierarchical":
            raise ConfigError(
                "Setting 'embedding' must be layers where 'architecture' is hierarchical: a shift "
                "for each layer needs an embedding of each layer."
            )
        if self.encoder == "none" and self.pretraining_epochs:
            raise ConfigError(
                "Setting 'pretraining_epochs' must be 0 where 'encoder' is none: there is nothing "
                "to pre-train."
            )


@dataclass(frozen=True)
class PPOConfig:
    """How the policy learns from one batch of sampled masks."""

    epochs: int = number(4, 1, 100)
    clip_coef: float = number(0.2, 0.01, 1.0)
    ratio: Ratio = "per_channel"  # what is clipped: each decision's, or that of a whole step
    advantage: Advantage = "normalised"  # or the rank among the masks of an update
    gamma: float = number(1.0, 0.0, 1.0)  # of the reward, for each step that it is away
    gae_lambda: float = number(0.95, 0.0, 1.0)  # matters with more than one decision step
    learning_rate: float = number(0.01, 0.0, 10.0)
    channel_offset_rate: float = number(0.3, 0.0, 10.0)
    credit_rate: float = number(0.3, 0.0, 10.0)  # of the same along each gate's gradient
    layer_offset_rate: float = number(0.15, 0.0, 10.0)
    prior_scale_rate: float = number(0.0, 0.0, 10.0)  # of the log of the prior's scale; 0: fixed
    shift_rate: float = number(0.06, 0.0, 10.0)  # hierarchical: of each layer's mean shift
    deviation_rate: float = number(0.03, 0.0, 10.0)  # hierarchical: of the log of a deviation
    max_grad_norm: float = number(0.0, 0.0, 1000.0)  # of the network; 0: gradients as they are
    value_coef: float = number(0.5, 0.0, 10.0)
    entropy_coef: float = number(0.0, 0.0, 10.0)  # at the beginning of the search
    entropy_final: float = number(0.0, 0.0, 10.0)  # at its end; linear in between
    multiplier_rate: float = number(0.2, 0.0, 100.0)  # lagrange: of the dual ascent

    def __post_init__(self) -> None:
        check_fields(self)
