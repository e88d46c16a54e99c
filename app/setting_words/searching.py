"""Words about SearchConfig's own fields."""

from app.setting_words.words import PAPER, QT_TRANSLATE_NOOP, Words

WORDS: dict[str, Words] = {
    "search.macs_budget": Words(
        QT_TRANSLATE_NOOP("explanations", "MACs budget"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The share of the network's multiply-accumulates that may be kept, in percent in the "
            "window and from 0 to 1 in files.",
        ),
        source=PAPER,
    ),
    "search.params_budget": Words(
        QT_TRANSLATE_NOOP("explanations", "Parameters budget"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The share of the network's parameters that may be kept, beside the MACs budget; "
            "1 sets no limit.",
        ),
    ),
    "search.size_budget": Words(
        QT_TRANSLATE_NOOP("explanations", "File size budget"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The share of the bytes of the weights' file that may be kept, beside the MACs "
            "budget; 1 sets no limit.",
        ),
    ),
    "search.latency_budget": Words(
        QT_TRANSLATE_NOOP("explanations", "Latency budget"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The share of the network's time for one batch that may be kept, predicted from its "
            "layers, which are timed once on this device before the search (about ten seconds); "
            "1 sets no limit and times nothing.",
        ),
    ),
    "search.latency_batch": Words(
        QT_TRANSLATE_NOOP("explanations", "Latency batch"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "How many images at once the latency budget is about; on a GPU a batch of 1 is "
            "hardly ever faster after pruning.",
        ),
        QT_TRANSLATE_NOOP("explanations", "images"),
    ),
    "search.evaluations": Words(
        QT_TRANSLATE_NOOP("explanations", "Evaluations"),
        QT_TRANSLATE_NOOP("explanations", "How many masks are scored on images."),
        QT_TRANSLATE_NOOP("explanations", "masks"),
    ),
    "search.seed": Words(
        QT_TRANSLATE_NOOP("explanations", "Seed"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The number that all chance comes from: the same seed gives the same search.",
        ),
    ),
    "search.device": Words(
        QT_TRANSLATE_NOOP("explanations", "Device"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "What computes: auto takes a GPU if there is one, cpu, cuda or cuda:1 name one.",
        ),
    ),
    "search.threads": Words(
        QT_TRANSLATE_NOOP("explanations", "Threads"),
        QT_TRANSLATE_NOOP(
            "explanations", "Processor threads for computing; 0 (auto) leaves one core free."
        ),
        QT_TRANSLATE_NOOP("explanations", "threads"),
    ),
    "search.precision": Words(
        QT_TRANSLATE_NOOP("explanations", "Precision"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The numbers that masks are scored with; auto takes bfloat16 where the device is "
            "faster with it, float32 elsewhere.",
        ),
    ),
    "search.method": Words(
        QT_TRANSLATE_NOOP("explanations", "Method"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Who proposes the masks: the agent that learns, a search that it is compared with, or, "
            "with no search at all, a criterion or the agent of Start from, else the one that "
            "comes with Espalier (proposal).",
        ),
        source=QT_TRANSLATE_NOOP(
            "explanations",
            "Source: the agent is that of the paper (arXiv 2509.10526), adapted by us.",
        ),
    ),
    "search.reward": Words(
        QT_TRANSLATE_NOOP("explanations", "Reward"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "What the agent is rewarded for: little cross-entropy, closeness to the unpruned "
            "network (teacher, needs no labels), or beating its own past; those with refit and "
            "distillation predict the network after fine-tuning, and staged begins with the "
            "cheaper of them.",
        ),
        source=QT_TRANSLATE_NOOP(
            "explanations",
            "Source: self_competition is that of the paper (arXiv 2509.10526); the others are "
            "ours.",
        ),
    ),
    "search.constraint": Words(
        QT_TRANSLATE_NOOP("explanations", "Constraint"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "How the budget is held: every mask is projected onto it, or exceeding it costs "
            "reward, at a fixed price (penalty) or at one that is learned (lagrange).",
        ),
        source=QT_TRANSLATE_NOOP(
            "explanations",
            "Source: costs in the reward are those of the paper (arXiv 2509.10526); the projection "
            "is ours.",
        ),
    ),
    "search.prior": Words(
        QT_TRANSLATE_NOOP("explanations", "Prior"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Where the agent starts: the best one-shot criterion (tournament), none, or a "
            "criterion with its allocation over layers such as l1_uniform.",
        ),
    ),
    "search.streams": Words(
        QT_TRANSLATE_NOOP("explanations", "Streams"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Whether the channels of residual streams are pruned too; auto prunes them only if "
            "the budget needs it.",
        ),
    ),
    "search.groups": Words(
        QT_TRANSLATE_NOOP("explanations", "Groups"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Whether channels may go where the cut network differs a little from the masked one, "
            "as with LayerNorm; exact keeps them all.",
        ),
    ),
    "search.round_to": Words(
        QT_TRANSLATE_NOOP("explanations", "Round to"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The winner's widths become multiples of so many channels within the budget, which "
            "hardware likes; 1: they stay.",
        ),
        QT_TRANSLATE_NOOP("explanations", "channels"),
    ),
    "search.reward_images": Words(
        QT_TRANSLATE_NOOP("explanations", "Reward images"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "How many images score one mask; they rotate over all that are set aside for it.",
        ),
        QT_TRANSLATE_NOOP("explanations", "images"),
    ),
    "search.samples_per_update": Words(
        QT_TRANSLATE_NOOP("explanations", "Masks per update"),
        QT_TRANSLATE_NOOP(
            "explanations", "How many masks are scored before the policy learns from them."
        ),
        QT_TRANSLATE_NOOP("explanations", "masks"),
    ),
    "search.distillation_steps": Words(
        QT_TRANSLATE_NOOP("explanations", "Distillation steps"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "How many steps each mask's network learns from the unpruned one before it is scored, "
            "where the reward has distillation.",
        ),
        QT_TRANSLATE_NOOP("explanations", "steps"),
    ),
    "search.distillation_batch": Words(
        QT_TRANSLATE_NOOP("explanations", "Distillation batch"),
        QT_TRANSLATE_NOOP(
            "explanations", "How many reward images each of these distillation steps learns from."
        ),
        QT_TRANSLATE_NOOP("explanations", "images"),
    ),
    "search.distillation_rate": Words(
        QT_TRANSLATE_NOOP("explanations", "Distillation rate"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The learning rate of the first of these distillation steps, from which it falls in a "
            "straight line.",
        ),
    ),
    "search.adaptation_steps": Words(
        QT_TRANSLATE_NOOP("explanations", "Adaptation steps"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "How many steps of distillation, through masks that the policy samples, change the "
            "network itself after each update; 0: its weights stay, as they do for rewards with "
            "a refit.",
        ),
        QT_TRANSLATE_NOOP("explanations", "steps"),
    ),
    "search.adaptation_cutmix": Words(
        QT_TRANSLATE_NOOP("explanations", "Mixed images"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The share of the images that the network adapts with which get a rectangle of another "
            "image at the beginning of the search (CutMix); it falls to none at the end. The "
            "unpruned network's answers tell more of mixed images than of those that it was "
            "trained with.",
        ),
    ),
    "search.budget_annealing": Words(
        QT_TRANSLATE_NOOP("explanations", "Budget annealing"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The share of the evaluations over which the budget of MACs falls from the whole "
            "network to the one that is asked for, while the network adapts. 0: it holds from the "
            "first mask on.",
        ),
    ),
    "search.weight_mixing": Words(
        QT_TRANSLATE_NOOP("explanations", "Weight mixing"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Whether the adapted weights are mixed with the original ones in the end, in the share "
            "that suits the winner best on held-out images: what is learned of few images alone "
            "does harm on others.",
        ),
    ),
    "search.stop_on_overfit": Words(
        QT_TRANSLATE_NOOP("explanations", "Stop when it overfits"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Whether the search ends early once its best masks get worse on held-out images while "
            "they get better on those that reward them.",
        ),
    ),
    "search.pinned_keep": Words(
        QT_TRANSLATE_NOOP("explanations", "Always keep"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Channels that stay in every mask, a line for each layer such as "
            "layer1.0.conv1:0-3,7 or layer1.0.conv1:all.",
        ),
    ),
    "search.pinned_removed": Words(
        QT_TRANSLATE_NOOP("explanations", "Always remove"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Channels that go in every mask, a line for each layer such as layer1.0.conv1:0-3,7.",
        ),
    ),
    "search.start_from": Words(
        QT_TRANSLATE_NOOP("explanations", "Start from"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "A run's folder or its agent.pt, whose trained agent begins this search, of whatever "
            "network; nothing is pre-trained then. An agent of train-agent proposes a mask, which "
            "competes with the criteria. Empty: a new one.",
        ),
    ),
}
