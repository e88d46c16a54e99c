"""What report.html tells of the fine-tuned network: how it was trained, and all measured again."""

from core.runs.finetune_file import FinetuneFile, TestScore
from core.runs.html_export import parity_parts
from core.runs.html_latency import latency_parts
from core.runs.html_page import paragraph, section, table
from core.runs.html_words import UNKNOWN, decimal, percent
from core.runs.verdict import Verdict

HEADER = (
    "",
    "accuracy before",
    "after",
    "cross-entropy (nats) before",
    "after",
    "KL (nats) before",
    "after",
    "best epoch",
)


def finetuned_section(file: FinetuneFile | None) -> str:
    """Tell what finetune.json holds; empty if there is none."""
    if file is None or not file.networks:
        return ""
    report = {"parity": file.parity or {}, **(file.measured or {})}
    return section(
        "Fine-tuned network",
        paragraph(_how(file)),
        table(
            HEADER,
            [
                (
                    one.name,
                    *_pair(one.before, one.after),
                    f"{_count(one.best_epoch)} of {_count(one.epochs)}",
                )
                for one in file.networks
            ],
        ),
        paragraph(
            "On the same test images as above. KL is the distance from the unpruned network's "
            f"answers.{_start(file)}",
            "muted",
        ),
        paragraph(f"Not exported: {file.export_error}") if file.export_error else "",
        *(parity_parts(report) if file.parity else []),
        *latency_parts(report),
        paragraph("Its files lie in the folder finetuned, and load as those below.")
        if file.parity
        else "",
    )


def left_out_words(verdict: Verdict) -> str:
    """Say which fine-tunings are not among the results, and why; empty if all are."""
    left_out, said = verdict.left_out, []
    if left_out.is_alone:
        others = ", and those of other seeds are left out" * (len(verdict.seeds) > 1)
        said.append(f"The fine-tuning was stopped early: it is compared with nothing{others}.")
    if left_out.stopped:
        listed = ", ".join(f"{name} of seed {seed}" for seed, name in left_out.stopped)
        said.append(f"Left out after fine-tuning, which was stopped early: {listed}.")
    if left_out.unpaired:
        listed = ", ".join(f"{name} of seed {seed}" for seed, name in left_out.unpaired)
        said.append(f"Left out with the learned network of their run: {listed}.")
    if left_out.tuned_otherwise:
        listed = ", ".join(map(str, left_out.tuned_otherwise))
        said.append(f"Left out after fine-tuning, which had other settings: seed {listed}.")
    return " ".join(said)


def _how(file: FinetuneFile) -> str:
    images = f"{file.training_images:,}" if file.training_images is not None else UNKNOWN
    chosen = ", ".join(f"{name} = {value}" for name, value in (file.settings or {}).items())
    return (
        f"Trained on {images} images ({file.training}); held-out images chose the epoch. "
        f"Settings: {chosen or UNKNOWN}."
    )


def _start(file: FinetuneFile) -> str:
    """What "before" means, where training did not start from the network of the search."""
    is_refitted = (file.settings or {}).get("refit") is True
    words = (
        " Before is what training started from: the weights that adapted in the search, or else "
        "a refit by least squares."
    )
    return words * is_refitted


def _pair(before: TestScore, after: TestScore) -> tuple[str, ...]:
    return (
        percent(before.accuracy),
        percent(after.accuracy),
        decimal(before.cross_entropy),
        decimal(after.cross_entropy),
        decimal(before.kl),
        decimal(after.kl),
    )


def _count(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value}"
