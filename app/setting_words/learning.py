"""Words about the agent: PolicyConfig and PPOConfig."""

from app.setting_words.words import PAPER_OUR_NUMBER, QT_TRANSLATE_NOOP, Words

WORDS: dict[str, Words] = {
    "search.policy.architecture": Words(
        QT_TRANSLATE_NOOP("explanations", "Architecture"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Whether the policy decides each channel by itself, or shifts how much of each "
            "layer is kept and lets the channels follow their rank (hierarchical). Auto: "
            "hierarchical while the network adapts.",
        ),
    ),
    "search.policy.encoder": Words(
        QT_TRANSLATE_NOOP("explanations", "Encoder"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Whether the graph network (GATv2) that sees the layers is trained with the policy, "
            "stays as it is (frozen), or is left out (none).",
        ),
        source=QT_TRANSLATE_NOOP(
            "explanations", "Source: the encoder is that of the paper (arXiv 2509.10526)."
        ),
    ),
    "search.policy.embedding": Words(
        QT_TRANSLATE_NOOP("explanations", "Embedding"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "What the policy decides from: a vector for each layer, or one for the whole "
            "network (global), which cannot be joined with the hierarchical architecture.",
        ),
        source=QT_TRANSLATE_NOOP(
            "explanations",
            "Source: global is that of the paper (arXiv 2509.10526); layers is ours.",
        ),
    ),
    "search.policy.pretraining_epochs": Words(
        QT_TRANSLATE_NOOP("explanations", "Pre-training"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "How long the encoder learns to draw the graph again (graph autoencoder) before the "
            "search; 0: not at all.",
        ),
        QT_TRANSLATE_NOOP("explanations", "epochs"),
        PAPER_OUR_NUMBER,
    ),
    "search.policy.offsets": Words(
        QT_TRANSLATE_NOOP("explanations", "Offsets"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Whether every layer and channel has a number of its own beside what the encoder "
            "says, which fits this network only.",
        ),
    ),
    "search.policy.decision_steps": Words(
        QT_TRANSLATE_NOOP("explanations", "Decision steps"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "In how many parts the layers are decided, each seeing what the parts before it keep.",
        ),
        QT_TRANSLATE_NOOP("explanations", "steps"),
        PAPER_OUR_NUMBER,
    ),
    "search.policy.rank_scale": Words(
        QT_TRANSLATE_NOOP("explanations", "Rank scale"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Hierarchical only: how sharply a layer's channels are told apart by their rank: by "
            "obs_bn's, or by that of a criterion that is named as the prior.",
        ),
    ),
    "search.policy.shift_deviation": Words(
        QT_TRANSLATE_NOOP("explanations", "Shift deviation"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Hierarchical only: the standard deviation of a layer's shift when the search "
            "begins, in logits.",
        ),
    ),
    "search.ppo.epochs": Words(
        QT_TRANSLATE_NOOP("explanations", "Epochs"),
        QT_TRANSLATE_NOOP(
            "explanations", "How often the policy goes over the masks of one update."
        ),
        QT_TRANSLATE_NOOP("explanations", "passes"),
        PAPER_OUR_NUMBER,
    ),
    "search.ppo.clip_coef": Words(
        QT_TRANSLATE_NOOP("explanations", "Clip coefficient"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "How far an update may move the probability of an action: its ratio to the old one "
            "is clipped to 1 minus and 1 plus this number.",
        ),
        source=PAPER_OUR_NUMBER,
    ),
    "search.ppo.ratio": Words(
        QT_TRANSLATE_NOOP("explanations", "Ratio"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "What is clipped: the ratio of each channel's decision, or that of all decisions of "
            "a step together (joint).",
        ),
    ),
    "search.ppo.advantage": Words(
        QT_TRANSLATE_NOOP("explanations", "Advantage"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "How rewards of an update are compared: brought to mean 0 and deviation 1, or by "
            "their rank among the masks.",
        ),
    ),
    "search.ppo.gamma": Words(
        QT_TRANSLATE_NOOP("explanations", "Discount"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "What a reward is multiplied by for each decision step that it is away; matters "
            "with more than one step.",
        ),
        source=PAPER_OUR_NUMBER,
    ),
    "search.ppo.gae_lambda": Words(
        QT_TRANSLATE_NOOP("explanations", "GAE lambda"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Between the critic's guess (0) and what was really earned (1) when a step is "
            "judged; matters with more than one decision step.",
        ),
        source=PAPER_OUR_NUMBER,
    ),
    "search.ppo.learning_rate": Words(
        QT_TRANSLATE_NOOP("explanations", "Learning rate"),
        QT_TRANSLATE_NOOP(
            "explanations", "Adam's step size for the encoder and the heads of the policy."
        ),
        source=PAPER_OUR_NUMBER,
    ),
    "search.ppo.channel_offset_rate": Words(
        QT_TRANSLATE_NOOP("explanations", "Channel offset rate"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Adam's step size for the number that each channel has of its own; 0: channels have "
            "none.",
        ),
    ),
    "search.ppo.credit_rate": Words(
        QT_TRANSLATE_NOOP("explanations", "Credit rate"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "How far that number moves in an update along the gradient of the loss in the "
            "channel's gate, relative to the mean over all channels; 0: not at all. It does not "
            "apply where masks are refitted, or the network adapts.",
        ),
    ),
    "search.ppo.layer_offset_rate": Words(
        QT_TRANSLATE_NOOP("explanations", "Layer offset rate"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Adam's step size for the number that each layer has of its own; 0: layers have none.",
        ),
    ),
    "search.ppo.prior_scale_rate": Words(
        QT_TRANSLATE_NOOP("explanations", "Prior scale rate"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Adam's step size for how much the prior counts, on a logarithmic scale; 0: it stays.",
        ),
    ),
    "search.ppo.shift_rate": Words(
        QT_TRANSLATE_NOOP("explanations", "Shift rate"),
        QT_TRANSLATE_NOOP(
            "explanations", "Hierarchical only: Adam's step size for the mean shift of each layer."
        ),
    ),
    "search.ppo.deviation_rate": Words(
        QT_TRANSLATE_NOOP("explanations", "Deviation rate"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Hierarchical only: Adam's step size for the deviation of the shifts, on a "
            "logarithmic scale.",
        ),
    ),
    "search.ppo.max_grad_norm": Words(
        QT_TRANSLATE_NOOP("explanations", "Gradient norm"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Gradients of the encoder and the heads are shortened to this length; 0: they stay "
            "as they are.",
        ),
    ),
    "search.ppo.value_coef": Words(
        QT_TRANSLATE_NOOP("explanations", "Value coefficient"),
        QT_TRANSLATE_NOOP(
            "explanations", "The weight of the critic's loss beside that of the policy."
        ),
        source=PAPER_OUR_NUMBER,
    ),
    "search.ppo.entropy_coef": Words(
        QT_TRANSLATE_NOOP("explanations", "Entropy coefficient"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "How much reward there is for a policy that stays undecided, when the search begins.",
        ),
        source=PAPER_OUR_NUMBER,
    ),
    "search.ppo.entropy_final": Words(
        QT_TRANSLATE_NOOP("explanations", "Final entropy coefficient"),
        QT_TRANSLATE_NOOP(
            "explanations", "The same when the search ends; in between it goes in a straight line."
        ),
    ),
    "search.ppo.multiplier_rate": Words(
        QT_TRANSLATE_NOOP("explanations", "Multiplier rate"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Constraint lagrange only: how fast the price of exceeding the budget follows how "
            "much it is exceeded (dual ascent).",
        ),
        source=PAPER_OUR_NUMBER,
    ),
}
