"""All that reproduces a run."""

import math
import re
from dataclasses import dataclass, field

from core.config.checks import check_fields, shown
from core.config.declaring import path
from core.config.finetuning import FinetuneConfig
from core.config.searching import SearchConfig
from core.errors import ConfigError

INPUT_SHAPE = re.compile(r"[1-9]\d{0,3}(x[1-9]\d{0,4}){2}")
VALUES_MOST = 100_000_000  # of one image: 400 MB as float32


@dataclass(frozen=True)
class RunConfig:
    """All that reproduces a run: where the network and images come from, and the search."""

    network: str = "demo"
    data: str = "digits"
    checkpoint: str = path()  # empty: the source's own weights; "published": those it publishes
    normalisation: str = "auto"  # of the images: "auto" or a key of NORMALISATIONS
    input_shape: str = ""  # "3x32x32", for networks that do not say what images they take
    refit: bool = False  # the pruned network makes up for what it lost, for want of fine-tuning
    test_criteria: bool = True  # the criteria's networks see the test images too
    latency: bool = True  # measured at the end of a run, which takes some ten seconds
    exports: bool = True  # the pruned network is written; off where only its scores matter
    export_half: bool = False  # pruned_float16.onnx too, if it is near enough to float32
    search: SearchConfig = field(default_factory=SearchConfig)
    finetune: FinetuneConfig = field(default_factory=FinetuneConfig)

    def __post_init__(self) -> None:
        check_fields(self)
        if self.input_shape and not INPUT_SHAPE.fullmatch(self.input_shape):
            raise ConfigError(
                "Setting 'input_shape' must be channels, height and width such as 3x32x32, "
                f"not {shown(self.input_shape)}."
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
