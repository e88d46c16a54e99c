"""Labels for images that have none: what the unpruned network answers."""

from collections.abc import Generator

import numpy as np
import torch
from torch import nn

from core.data import Images
from core.data.images import ArrayPart
from core.evaluation import limited_threads, read_logits
from core.events import Event, NoticeRaised, StageAdvanced, StageStarted
from core.memory import ImagesAtOnce

BATCH = 128


def label_images(module: nn.Module, images: Images) -> Generator[Event, None, None]:
    """Write the network's answers, in its evaluation mode, into the labels of all parts.

    Yields: StageStarted, StageAdvanced after each batch, and a notice of what that means.
    """
    parts = (images.reward, images.held_out, images.test)
    at_once = ImagesAtOnce("labelling the images")
    yield StageStarted("Labelling the images", total=sum(-(-len(part) // BATCH) for part in parts))
    module, done, cpu = module.eval(), 0, torch.device("cpu")
    for part in parts:
        if not isinstance(part, ArrayPart):
            raise TypeError("only images in memory can be without labels")
        for start in range(0, len(part), BATCH):
            places = np.arange(start, min(start + BATCH, len(part)))
            with limited_threads(0):
                logits = read_logits(module, part.batch(places)[0], cpu, at_once)
            part.labels[part.indices[places]] = logits.argmax(dim=1).numpy()
            done += 1
            yield StageAdvanced(done)
    yield NoticeRaised(
        f"Images '{images.name}' have no labels. The unpruned network's answers stand for them, so "
        "accuracy is how often a network agrees with it."
    )
