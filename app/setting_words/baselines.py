"""Words about the searches that the agent is compared with: BaselineConfig."""

from app.setting_words.words import QT_TRANSLATE_NOOP, Words

WORDS: dict[str, Words] = {
    "search.baselines.random_by": Words(
        QT_TRANSLATE_NOOP("explanations", "Random by"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Method random: whether masks come from noise on the criterion's scores, or from "
            "flips of its mask.",
        ),
    ),
    "search.baselines.flipped_share": Words(
        QT_TRANSLATE_NOOP("explanations", "Flipped share"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Method random by flips: the share of the channels that change in a mask.",
        ),
        QT_TRANSLATE_NOOP("explanations", "share of the channels"),
    ),
    "search.baselines.genome": Words(
        QT_TRANSLATE_NOOP("explanations", "Genome"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Method evolution: whether masks are crossed and mutated, or the keep ratios of the "
            "layers.",
        ),
    ),
    "search.baselines.parents": Words(
        QT_TRANSLATE_NOOP("explanations", "Parents"),
        QT_TRANSLATE_NOOP(
            "explanations", "Method evolution: how many of the best masks so far have children."
        ),
        QT_TRANSLATE_NOOP("explanations", "masks"),
    ),
    "search.baselines.mutated_share": Words(
        QT_TRANSLATE_NOOP("explanations", "Mutated share"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Method evolution: the share of a child's channels that change by chance.",
        ),
        QT_TRANSLATE_NOOP("explanations", "share of the channels"),
    ),
    "search.baselines.ratio_spread": Words(
        QT_TRANSLATE_NOOP("explanations", "Ratio spread"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Searches over layer ratios: the standard deviation of the ratios at first.",
        ),
    ),
    "search.baselines.elite_share": Words(
        QT_TRANSLATE_NOOP("explanations", "Elite share"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Cross-entropy method: the share of an update's masks that the next ones follow.",
        ),
        QT_TRANSLATE_NOOP("explanations", "share of the masks"),
    ),
    "search.baselines.smoothing": Words(
        QT_TRANSLATE_NOOP("explanations", "Smoothing"),
        QT_TRANSLATE_NOOP(
            "explanations", "Cross-entropy method: how much of the last mean and spread stays."
        ),
    ),
    "search.baselines.gate_steps": Words(
        QT_TRANSLATE_NOOP("explanations", "Gate steps"),
        QT_TRANSLATE_NOOP(
            "explanations", "Method gates: gradient steps for each mask that is scored."
        ),
        QT_TRANSLATE_NOOP("explanations", "steps"),
    ),
    "search.baselines.gate_rate": Words(
        QT_TRANSLATE_NOOP("explanations", "Gate rate"),
        QT_TRANSLATE_NOOP("explanations", "Method gates: Adam's step size for the gates."),
    ),
    "search.baselines.gates_train_weights": Words(
        QT_TRANSLATE_NOOP("explanations", "Train weights"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Method gates: whether the network's weights learn along with the gates.",
        ),
    ),
    "search.baselines.gate_weight_rate": Words(
        QT_TRANSLATE_NOOP("explanations", "Weight rate"),
        QT_TRANSLATE_NOOP("explanations", "Method gates: SGD's step size for those weights."),
    ),
}
