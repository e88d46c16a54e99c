"""finetune.json as a table of plain text."""

from app.report_table import UNKNOWN, UNREAD, aligned, as_percent, half_lines, latency_lines
from core.runs.finetune_file import FinetunedNetwork, FinetuneFile

HEADER = (
    "",
    "MACs kept",
    "accuracy",
    "tuned",
    "cross-entropy",
    "tuned",
    "KL",
    "tuned",
    "best epoch",
    "time",
)


def finetune_table(file: FinetuneFile, folder: str) -> str:
    """Lay out a fine-tuning for a terminal: each network before and after."""
    unpruned = file.unpruned
    rows = [
        HEADER,
        (
            "unpruned",
            as_percent(1.0),
            as_percent(unpruned.accuracy),
            "",
            _nats(unpruned.cross_entropy),
            *[""] * 5,
        ),
        *map(_row, file.networks),
    ]
    lines = [
        "",
        *aligned(rows),
        UNREAD
        if unpruned.accuracy is None
        else f"On {file.test_images or 0:,} test images, read once. KL: nats per image from the "
        "unpruned network's answers.",
        f"Trained on {file.training_images or 0:,} images: {file.training}.",
        "",
        f"Export of the fine-tuned network: {_export_words(file)}",
        *half_lines(file.measured or {}),
        *latency_lines(file.measured or {}),
        f"Files: {folder}",
        "",
    ]
    return "\n".join(lines)


def _row(network: FinetunedNetwork) -> tuple[str, ...]:
    before, after = network.before, network.after
    return (
        network.name,
        as_percent(network.macs_kept),
        as_percent(before.accuracy),
        as_percent(after.accuracy),
        _nats(before.cross_entropy),
        _nats(after.cross_entropy),
        _nats(before.kl),
        _nats(after.kl),
        f"{_count(network.best_epoch)} of {_count(network.epochs)}",
        UNKNOWN if network.seconds is None else f"{network.seconds:.0f} s",
    )


def _export_words(file: FinetuneFile) -> str:
    if file.export_error:
        return file.export_error
    if not file.parity:
        return "not exported"
    worst = max(file.parity.values())
    return f"every file agrees with it, greatest relative difference {worst:.1g}"


def _nats(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3f}"


def _count(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value}"
