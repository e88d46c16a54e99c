"""finetune.json: what fine-tuning made of the learned network and of those it is compared with.

Needs no torch, so that the window can show it at once. Old and half-written files are read as
far as they go: what is missing or of a wrong kind is None.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.config.finetuning import BEFORE_MIXING
from core.runs.files import FINETUNE_FILE

FORMAT = "espalier.finetune"
FORMAT_VERSION = 1
OWN_SETTINGS = ("seed", "compare")  # what fine-tunings may differ in that are averaged


@dataclass(frozen=True)
class TestScore:
    """How one network does on the test images."""

    __test__ = False  # not a test, whatever pytest thinks of the name

    accuracy: float | None = None  # 0-1
    cross_entropy: float | None = None  # nats per image
    kl: float | None = None  # nats per image, from the unpruned network's answers to these


@dataclass(frozen=True)
class EpochLine:
    """One epoch; scores are on the held-out images."""

    epoch: float  # 0: before the first step; a fraction where a stop broke one off
    accuracy: float | None = None
    cross_entropy: float | None = None
    loss: float | None = None  # mean over the epoch's steps


@dataclass(frozen=True)
class FinetunedNetwork:
    """One mask's network, before and after."""

    name: str  # "learned" or a criterion such as "l1_uniform"
    macs_kept: float | None = None  # 0-1
    before: TestScore = TestScore()
    after: TestScore = TestScore()
    best_epoch: float | None = None
    epochs: float | None = None  # done; a fraction if the last one was broken off
    seconds: float | None = None
    is_stopped: bool = False
    history: tuple[EpochLine, ...] = ()


@dataclass(frozen=True)
class FinetuneFile:
    """All of finetune.json; networks come in the order in which they were trained."""

    network: str = ""
    dataset: str = ""
    training: str = ""  # the images that were trained on
    training_images: int | None = None
    test_images: int | None = None
    macs_budget: float | None = None
    unpruned: TestScore = TestScore()
    networks: tuple[FinetunedNetwork, ...] = ()
    settings: Mapping[str, Any] | None = None  # of FinetuneConfig
    parity: Mapping[str, float] | None = None  # of the exported network, the learned one
    export_error: str | None = None
    # of the exported network, with the names of report.json: latency, sizes, memory, float16
    measured: Mapping[str, Any] | None = None
    environment: Mapping[str, str] | None = None

    @property
    def kinship(self) -> str:
        """Equal for fine-tunings that differ in their seed alone; "" if it is not known."""
        if self.settings is None:
            return ""
        known = {**BEFORE_MIXING, **self.settings}
        shared = {name: value for name, value in known.items() if name not in OWN_SETTINGS}
        return json.dumps(shared, sort_keys=True, default=str)

    def find(self, name: str) -> FinetunedNetwork | None:
        """Return the network of that name, or None."""
        return next((one for one in self.networks if one.name == name), None)


def file_contents(file: FinetuneFile) -> dict[str, Any]:
    """Turn it into what finetune.json holds."""
    return {"format": FORMAT, "version": FORMAT_VERSION, **asdict(file)}


def read_finetune_file(folder: Path) -> FinetuneFile | None:
    """Read finetune.json in a run's folder; None if there is none that can be read."""
    try:
        values = json.loads((folder / FINETUNE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return parse_finetune_file(values)


def parse_finetune_file(values: object) -> FinetuneFile | None:
    """Read what finetune.json holds; None if it is of another format or a later version."""
    if not isinstance(values, Mapping) or values.get("format") != FORMAT:
        return None
    version = values.get("version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        return None
    return FinetuneFile(
        network=_text(values.get("network")),
        dataset=_text(values.get("dataset")),
        training=_text(values.get("training")),
        training_images=_count(values.get("training_images")),
        test_images=_count(values.get("test_images")),
        macs_budget=_number(values.get("macs_budget")),
        unpruned=_score(values.get("unpruned")),
        networks=tuple(map(_network, _mappings(values.get("networks")))),
        settings=_mapping(values.get("settings")),
        parity=_mapping(values.get("parity")),
        export_error=_text(values.get("export_error")) or None,
        measured=_mapping(values.get("measured")),
        environment=_mapping(values.get("environment")),
    )


def _network(values: Mapping[str, Any]) -> FinetunedNetwork:
    return FinetunedNetwork(
        name=_text(values.get("name")),
        macs_kept=_number(values.get("macs_kept")),
        before=_score(values.get("before")),
        after=_score(values.get("after")),
        best_epoch=_epoch(values.get("best_epoch")),
        epochs=_epoch(values.get("epochs")),
        seconds=_number(values.get("seconds")),
        is_stopped=values.get("is_stopped") is True,
        history=tuple(map(_line, _mappings(values.get("history")))),
    )


def _line(values: Mapping[str, Any]) -> EpochLine:
    return EpochLine(
        _epoch(values.get("epoch")) or 0,
        _share(values.get("accuracy")),
        _number(values.get("cross_entropy")),
        _number(values.get("loss")),
    )


def _score(values: object) -> TestScore:
    known = _mapping(values) or {}
    return TestScore(
        _share(known.get("accuracy")),
        _number(known.get("cross_entropy")),
        _number(known.get("kl")),
    )


def _mappings(values: object) -> list[Mapping[str, Any]]:
    listed = values if isinstance(values, list | tuple) else []
    return [value for value in listed if isinstance(value, Mapping)]


def _mapping(value: object) -> Mapping[str, Any] | None:
    return value if isinstance(value, Mapping) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type]


def _share(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and 0 <= number <= 1 else None


def _epoch(value: object) -> float | None:
    """A whole number stays one, for it is shown as it is."""
    count = _count(value)
    return _number(value) if count is None else count


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
