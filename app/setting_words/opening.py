"""Words about what is opened and where runs go: RunConfig's own fields and their helpers."""

from app.setting_words.words import QT_TRANSLATE_NOOP, Words

WORDS: dict[str, Words] = {
    "network": Words(
        QT_TRANSLATE_NOOP("explanations", "Network"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The trained network to prune: the demo, a CIFAR network, any torchvision classifier, "
            "timm:NAME, or the path of a .py, .pt2 or .onnx file.",
        ),
    ),
    "factory": Words(
        QT_TRANSLATE_NOOP("explanations", "Factory"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The function or class in the Python file that makes the network, called with the "
            "number of classes and channels if it takes them. Default: the only one there is.",
        ),
    ),
    "checkpoint": Words(
        QT_TRANSLATE_NOOP("explanations", "Checkpoint"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "A state-dict file with the network's trained weights, or 'published' for those that "
            "torchvision or timm publish; empty: the weights that it comes with.",
        ),
    ),
    "data": Words(
        QT_TRANSLATE_NOOP("explanations", "Images"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The images that masks are scored on: a dataset by name, a .npz file, or a folder "
            "with train and test inside.",
        ),
    ),
    "normalisation": Words(
        QT_TRANSLATE_NOOP("explanations", "Normalisation"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The mean and standard deviation per channel, for pixels of 0 to 1, that the network "
            "was trained with; auto takes the images' own, or those of published weights.",
        ),
    ),
    "input_shape": Words(
        QT_TRANSLATE_NOOP("explanations", "Input shape"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Channels, height and width in pixels to which images from a folder are brought, "
            "such as 3x224x224; empty: what the network was made for.",
        ),
    ),
    "consent": Words(
        QT_TRANSLATE_NOOP("explanations", "Download if it is not here yet"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Images and published weights come from their authors' sites, only if you tick this; "
            "CIFAR is about 170 MB. Default: off.",
        ),
    ),
    "refit": Words(
        QT_TRANSLATE_NOOP("explanations", "Refit"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Whether the layers of the pruned network, and of the criteria's, make up for the "
            "inputs that they lost, by least squares; for networks that are not fine-tuned. A "
            "network that adapts while it is pruned has no need of it and is left as it is.",
        ),
    ),
    "test_criteria": Words(
        QT_TRANSLATE_NOOP("explanations", "Test the criteria"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Whether the networks of the criteria's masks are read on the test images too, for the "
            "report to compare with; off where only the learned mask's score matters.",
        ),
    ),
    "latency": Words(
        QT_TRANSLATE_NOOP("explanations", "Latency"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Whether a run measures at its end how many milliseconds the network takes before and "
            "after pruning, which takes some ten seconds.",
        ),
    ),
    "exports": Words(
        QT_TRANSLATE_NOOP("explanations", "Exports"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Whether a run writes the pruned network in all formats, after the parity gate; off "
            "where only its scores matter.",
        ),
    ),
    "export_half": Words(
        QT_TRANSLATE_NOOP("explanations", "Float16 too"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Whether pruned_float16.onnx is written beside pruned.onnx: half as large, and faster "
            "on hardware that computes in float16; how far it differs is measured in any case.",
        ),
    ),
    "preset": Words(
        QT_TRANSLATE_NOOP("explanations", "Preset"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "How long to search, by what method and how to fine-tune, all at once; network, "
            "images, budget, seed and machine stay. Default: Quick.",
        ),
    ),
    "runs_folder": Words(
        QT_TRANSLATE_NOOP("explanations", "Runs folder"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Where each search makes a folder with its masks, exports and report. Default: "
            "empty, the user's data folder.",
        ),
    ),
}
