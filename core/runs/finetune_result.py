"""What a fine-tuning has made so far, and how it is told in finetune.json."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from torch import nn

from core.config import RunConfig
from core.events import BoolArray
from core.export.half import HalfParity
from core.finetuning.judging import ComparedScore
from core.finetuning.loop import Finetuned
from core.opening import Opened
from core.pruning.macs import MacsModel
from core.runs.finetune_file import EpochLine, FinetunedNetwork, FinetuneFile, TestScore
from core.runs.measuring import Measured
from core.runs.report import environment, half_entries

UNPRUNED = "unpruned"


@dataclass(eq=False)
class FinetuneResult:
    """What is known so far; whatever was not reached stays empty."""

    training_images: int = 0
    befores: dict[str, nn.Module] = field(default_factory=dict)
    finetuned: list[Finetuned] = field(default_factory=list)
    scores: Mapping[str, ComparedScore] = field(default_factory=dict)
    parity: Mapping[str, float] | None = None
    half: HalfParity = field(default_factory=HalfParity)
    opset: int | None = None
    export_error: str | None = None
    file_bytes: Mapping[str, int] = field(default_factory=dict)  # of the weights
    measured: Measured = field(default_factory=Measured)


def describe_result(
    opened: Opened, config: RunConfig, chosen: Mapping[str, BoolArray], result: FinetuneResult
) -> FinetuneFile:
    """Put finetune.json together; `chosen` are the masks (channels,) that were trained."""
    costs = MacsModel(opened.analysis, opened.network.module)
    return FinetuneFile(
        network=opened.network.name,
        dataset=opened.images.name,
        training=config.finetune.data or f"the reward images of {opened.images.name}",
        training_images=result.training_images,
        test_images=len(opened.images.test),
        macs_budget=config.search.macs_budget,
        unpruned=_score(result, UNPRUNED),
        networks=tuple(
            FinetunedNetwork(
                name=one.name,
                macs_kept=float(costs.kept_share(chosen[one.name])),
                before=_score(result, f"before {one.name}"),
                after=_score(result, f"after {one.name}"),
                best_epoch=one.epoch,
                epochs=one.history[-1].epoch,
                seconds=round(one.seconds, 3),
                is_stopped=one.is_stopped,
                history=tuple(EpochLine(**asdict(score)) for score in one.history),
            )
            for one in result.finetuned
        ),
        settings=asdict(config.finetune),
        parity=result.parity,
        export_error=result.export_error,
        measured={
            "file_bytes": dict(result.file_bytes),
            "opset": result.opset,
            **half_entries(result.half),
            **result.measured.as_report(),
        },
        environment=environment(),
    )


def _score(result: FinetuneResult, name: str) -> TestScore:
    score = result.scores.get(name)
    return TestScore() if score is None else TestScore(**asdict(score))
