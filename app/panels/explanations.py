"""One sentence about every setting: what it is, its unit, its default."""

from dataclasses import dataclass

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication


@dataclass(frozen=True)
class Explanation:
    """What a setting is called and one sentence about it."""

    label: str
    sentence: str


def explanation(setting: str) -> Explanation:
    """Return the translated words about a setting; KeyError if there are none."""
    label, sentence = _WORDS[setting]
    source = _translate(_SOURCES.get(setting, _OURS))
    return Explanation(_translate(label), f"{_translate(sentence)} {source}")


def all_explanations() -> tuple[Explanation, ...]:
    """Return the words about every setting, in the order in which they are shown."""
    return tuple(explanation(setting) for setting in _WORDS)


def _translate(text: str) -> str:
    return QCoreApplication.translate("explanations", text)


_OURS = QT_TRANSLATE_NOOP("explanations", "Source: ours.")
# What follows Balemans et al. 2025 (arXiv 2509.10526); all other settings are ours.
_SOURCES: dict[str, str] = {
    "macs_budget": QT_TRANSLATE_NOOP(
        "explanations", "Source: the constraint of Balemans et al. 2025 (arXiv 2509.10526)."
    ),
    "reward": QT_TRANSLATE_NOOP(
        "explanations",
        "Source: self_competition is that of Balemans et al. 2025 (arXiv 2509.10526); the others "
        "are ours.",
    ),
    "constraint": QT_TRANSLATE_NOOP(
        "explanations",
        "Source: a cost in the reward is that of Balemans et al. 2025 (arXiv 2509.10526); the "
        "projection is ours.",
    ),
}


_WORDS: dict[str, tuple[str, str]] = {
    "network": (
        QT_TRANSLATE_NOOP("explanations", "Network"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The trained network to prune: the demo, a CIFAR network, any torchvision classifier, "
            "timm:NAME, or the path of a .py, .pt2 or .onnx file. Default: demo.",
        ),
    ),
    "factory": (
        QT_TRANSLATE_NOOP("explanations", "Factory"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The function or class in the Python file that makes the network, called with the "
            "number of classes and channels if it takes them. Default: the only one there is.",
        ),
    ),
    "checkpoint": (
        QT_TRANSLATE_NOOP("explanations", "Checkpoint"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "A state-dict file with the network's trained weights, or 'published' for those that "
            "torchvision or timm publish. Default: empty, the weights that it comes with.",
        ),
    ),
    "data": (
        QT_TRANSLATE_NOOP("explanations", "Images"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The images that masks are scored on: a dataset by name, a .npz file, or a folder "
            "with train and test inside. Default: digits.",
        ),
    ),
    "normalisation": (
        QT_TRANSLATE_NOOP("explanations", "Normalisation"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The mean and standard deviation per channel, for pixels of 0 to 1, that the network "
            "was trained with; auto takes the images' own, or those of published weights. "
            "Default: auto.",
        ),
    ),
    "input_shape": (
        QT_TRANSLATE_NOOP("explanations", "Input shape"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Channels, height and width in pixels to which images from a folder are brought, "
            "such as 3x224x224. Default: empty, what the network was made for.",
        ),
    ),
    "consent": (
        QT_TRANSLATE_NOOP("explanations", "Download if it is not here yet"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Images and published weights come from their authors' sites, only if you tick this; "
            "CIFAR is about 170 MB. Default: off.",
        ),
    ),
    "macs_budget": (
        QT_TRANSLATE_NOOP("explanations", "MACs budget"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The share of the network's multiply-accumulates that may be kept, in percent. "
            "Default: 50 %.",
        ),
    ),
    "preset": (
        QT_TRANSLATE_NOOP("explanations", "Preset"),
        QT_TRANSLATE_NOOP(
            "explanations", "How long to search: a usual number of evaluations. Default: Quick."
        ),
    ),
    "evaluations": (
        QT_TRANSLATE_NOOP("explanations", "Evaluations"),
        QT_TRANSLATE_NOOP(
            "explanations", "How many masks are scored on images, a number. Default: 300."
        ),
    ),
    "reward": (
        QT_TRANSLATE_NOOP("explanations", "Reward"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "What the agent is rewarded for: little cross-entropy, closeness to the unpruned "
            "network (teacher, needs no labels), or beating its own past. Default: cross_entropy.",
        ),
    ),
    "constraint": (
        QT_TRANSLATE_NOOP("explanations", "Constraint"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "How the budget is held: every mask is projected onto it, or exceeding it costs "
            "reward. Default: projection.",
        ),
    ),
    "streams": (
        QT_TRANSLATE_NOOP("explanations", "Streams"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Whether the channels of residual streams are pruned too; auto prunes them only if "
            "the budget needs it. Default: auto.",
        ),
    ),
    "groups": (
        QT_TRANSLATE_NOOP("explanations", "Groups"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Whether channels may go where the cut network differs a little from the masked one, "
            "as with LayerNorm; exact keeps them all. Default: approximate.",
        ),
    ),
    "seed": (
        QT_TRANSLATE_NOOP("explanations", "Seed"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The number that all chance comes from: the same seed gives the same search. "
            "Default: 0.",
        ),
    ),
    "device": (
        QT_TRANSLATE_NOOP("explanations", "Device"),
        QT_TRANSLATE_NOOP(
            "explanations", "What computes: auto takes a GPU if there is one. Default: auto."
        ),
    ),
    "threads": (
        QT_TRANSLATE_NOOP("explanations", "Threads"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Processor threads for computing; auto leaves one core free. Default: auto.",
        ),
    ),
    "runs_folder": (
        QT_TRANSLATE_NOOP("explanations", "Runs folder"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Where each search makes a folder with its masks, exports and report. Default: "
            "empty, the user's data folder.",
        ),
    ),
    "finetune_epochs": (
        QT_TRANSLATE_NOOP("explanations", "Epochs"),
        QT_TRANSLATE_NOOP(
            "explanations", "How often all training images are seen, a number. Default: 20."
        ),
    ),
    "finetune_rate": (
        QT_TRANSLATE_NOOP("explanations", "Learning rate"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The highest learning rate, after the warm-up; from there it falls along a cosine. "
            "Default: 0.02.",
        ),
    ),
    "finetune_distillation": (
        QT_TRANSLATE_NOOP("explanations", "Distillation"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "How much of the loss comes from the unpruned network's answers, in percent; the "
            "rest comes from the labels. Default: 70 %.",
        ),
    ),
    "finetune_compare": (
        QT_TRANSLATE_NOOP("explanations", "Compare with"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Criteria whose networks get the same fine-tuning, one after the other; each takes "
            "as long as the learned one. Default: nothing.",
        ),
    ),
    "finetune_data": (
        QT_TRANSLATE_NOOP("explanations", "Images"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Other images of the same classes to train on: a .npz file, or a folder with a "
            "folder per class. Default: empty, the run's reward images.",
        ),
    ),
}
