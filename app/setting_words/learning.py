"""Words about how the policy learns: PPOConfig."""

from app.setting_words.words import PAPER_OUR_NUMBER, QT_TRANSLATE_NOOP, Words

WORDS: dict[str, Words] = {
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
            "How far an update may move the probability of an action: its ratio to the old one is "
            "clipped to 1 minus and 1 plus this number.",
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
    "search.ppo.layer_offset_rate": Words(
        QT_TRANSLATE_NOOP("explanations", "Layer offset rate"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Adam's step size for the number that each layer has of its own; 0: layers have none.",
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
            "explanations", "How much reward there is for a policy that stays undecided."
        ),
        source=PAPER_OUR_NUMBER,
    ),
}
