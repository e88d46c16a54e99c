"""Words about FinetuneConfig."""

from app.setting_words.words import QT_TRANSLATE_NOOP, Words

WORDS: dict[str, Words] = {
    "finetune.epochs": Words(
        QT_TRANSLATE_NOOP("explanations", "Epochs"),
        QT_TRANSLATE_NOOP("explanations", "How often all training images are seen."),
        QT_TRANSLATE_NOOP("explanations", "passes"),
    ),
    "finetune.batch_size": Words(
        QT_TRANSLATE_NOOP("explanations", "Batch size"),
        QT_TRANSLATE_NOOP("explanations", "How many images make one step of SGD."),
        QT_TRANSLATE_NOOP("explanations", "images"),
    ),
    "finetune.learning_rate": Words(
        QT_TRANSLATE_NOOP("explanations", "Learning rate"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The highest learning rate, after the warm-up; from there it falls along a cosine. 0: "
            "0.02, and less in fewer than 200 steps, in proportion.",
        ),
    ),
    "finetune.momentum": Words(
        QT_TRANSLATE_NOOP("explanations", "Momentum"),
        QT_TRANSLATE_NOOP(
            "explanations", "How much of the last step SGD goes on with, as Nesterov does."
        ),
    ),
    "finetune.weight_decay": Words(
        QT_TRANSLATE_NOOP("explanations", "Weight decay"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "How strongly weights are drawn towards 0; biases and norms are left alone.",
        ),
    ),
    "finetune.warmup_share": Words(
        QT_TRANSLATE_NOOP("explanations", "Warm-up"),
        QT_TRANSLATE_NOOP(
            "explanations", "The share of all steps in which the learning rate rises from 0."
        ),
        QT_TRANSLATE_NOOP("explanations", "share of all steps"),
    ),
    "finetune.flip": Words(
        QT_TRANSLATE_NOOP("explanations", "Mirror images"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Whether images are flipped left to right by chance; auto spares grey ones, which "
            "often are digits.",
        ),
    ),
    "finetune.crop_share": Words(
        QT_TRANSLATE_NOOP("explanations", "Crop"),
        QT_TRANSLATE_NOOP(
            "explanations", "How far images are moved by chance at most; 0: they are not."
        ),
        QT_TRANSLATE_NOOP("explanations", "share of their side"),
    ),
    "finetune.cutmix": Words(
        QT_TRANSLATE_NOOP("explanations", "Mixed images"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The share of the images that get a rectangle of another one (CutMix), so that the "
            "unpruned network's answers to them tell more than those to images it knows; 0: none.",
        ),
        QT_TRANSLATE_NOOP("explanations", "share of all images"),
    ),
    "finetune.distillation": Words(
        QT_TRANSLATE_NOOP("explanations", "Distillation"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "How much of the loss comes from the unpruned network's answers, in percent in the "
            "window and from 0 to 1 in files; the rest comes from the labels.",
        ),
    ),
    "finetune.temperature": Words(
        QT_TRANSLATE_NOOP("explanations", "Temperature"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "What the networks' answers are divided by in the distillation: more makes small "
            "differences count.",
        ),
    ),
    "finetune.patience": Words(
        QT_TRANSLATE_NOOP("explanations", "Patience"),
        QT_TRANSLATE_NOOP(
            "explanations", "After how many epochs without a better one it ends; 0: never."
        ),
        QT_TRANSLATE_NOOP("explanations", "epochs"),
    ),
    "finetune.precision": Words(
        QT_TRANSLATE_NOOP("explanations", "Precision"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The numbers that the network is trained with; auto takes bfloat16 where the device "
            "is faster with it, float32 elsewhere.",
        ),
    ),
    "finetune.seed": Words(
        QT_TRANSLATE_NOOP("explanations", "Seed"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "The number that the order, flips, crops and mixed rectangles of the images come from: "
            "the same seed gives the same training.",
        ),
    ),
    "finetune.data": Words(
        QT_TRANSLATE_NOOP("explanations", "Images"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Other images of the same classes to train on: a .npz file, or a folder with a "
            "folder per class; empty: the run's reward images.",
        ),
    ),
    "finetune.refit": Words(
        QT_TRANSLATE_NOOP("explanations", "Start from a refit"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Whether training starts from weights that are refitted by least squares to the "
            "unpruned network's outputs.",
        ),
    ),
    "finetune.compare": Words(
        QT_TRANSLATE_NOOP("explanations", "Compare with"),
        QT_TRANSLATE_NOOP(
            "explanations",
            "Criteria whose networks get the same fine-tuning, one after the other: the best "
            "one-shot criterion, L1 and a random mask, or all; each takes as long as the learned "
            "one.",
        ),
    ),
}
