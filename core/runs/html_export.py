"""What report.html tells of the files: whether they compute the same, and how to load them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.runs.files import FINETUNED_FOLDER
from core.runs.history import read_json
from core.runs.html_page import code, paragraph, section, table
from core.runs.html_words import count_of, mapping_of, number_of, scientific

CHECKS = {
    "hard_vs_soft": "cut network and masked network",
    "reloaded": "pruned.pt and pruned.pt2, read again, and the cut network",
    "onnx": "pruned.onnx in ONNX Runtime, and the cut network",
}
HALF_CHECKS = {
    "onnx": "pruned_float16.onnx in ONNX Runtime, and the masked network",
    "state": "pruned.pt in float16, and the masked network",
    "program": "pruned.pt2 in float16, and the masked network",
}
PROGRAM = """\
import torch

program = torch.export.load("pruned.pt2").module()  # needs nothing but PyTorch
logits = program(images)  # float32 images, (N, {shape}), {normalised}
"""
STATE = """\
from load_pruned import load_pruned  # the file beside pruned.pt; imports nothing but PyTorch

network = load_pruned(YourNetwork())  # your own code, freshly built at its full width
"""
ONNX = """\
import onnxruntime

session = onnxruntime.InferenceSession("pruned.onnx")
(logits,) = session.run(["logits"], {{"images": images}})  # NumPy, the same images
"""


def parity_section(report: Mapping[str, Any]) -> str:
    """Tell how far what was written is from what was searched."""
    count = mapping_of(report, "thop")
    return section(
        "Parity",
        *parity_parts(report),
        _by_nature(mapping_of(report, "approximate")),
        paragraph(f"MACs counted again by thop: {count_of(count, 'macs')}."),
        _refused(report),
    )


def _refused(report: Mapping[str, Any]) -> str:
    refused = report.get("export_error")
    if isinstance(refused, str):
        return paragraph(f"Not exported: {refused}")
    is_known = any(value is not None for value in mapping_of(report, "parity").values())
    return "" if is_known else paragraph("The run exported nothing.")


def parity_parts(report: Mapping[str, Any]) -> list[str]:
    """The differences of report.json, or of what finetune.json measured: words and tables."""
    parity, half = mapping_of(report, "parity"), mapping_of(report, "parity_float16")
    opset = number_of(report, "opset")
    rows = [(CHECKS.get(name, name), scientific(value)) for name, value in parity.items()]
    parts = [
        paragraph(
            "Largest difference of the outputs relative to their size, on held-out images and on "
            "random numbers, in batches of 1, 7 and 64."
        ),
        table(("between", "in float32"), rows),
    ]
    if half:
        halves = [(HALF_CHECKS.get(name, name), scientific(value)) for name, value in half.items()]
        limit = number_of(report, "parity_float16_limit")
        parts += [
            table(("between", "in float16"), halves),
            paragraph(f"Up to {scientific(limit)} counts as near enough in float16.", "muted"),
        ]
    parts += [
        paragraph(f"Not measured: {HALF_CHECKS.get(name, name)}: {reason}")
        for name, reason in mapping_of(report, "parity_float16_not_measured").items()
    ]
    if opset is not None:
        parts.append(paragraph(f"pruned.onnx is of opset {opset:.0f}; the ONNX checker passes it."))
    return parts


def _by_nature(approximate: Mapping[str, Any]) -> str:
    if not approximate:
        return ""
    reasons = "; ".join(sorted({str(reason) for reason in approximate.values()}))
    return paragraph(
        "Between the cut network and the masked one the difference is measured, not required: "
        f"channels of {', '.join(approximate)} were removed, where they differ by nature "
        f"({reasons})."
    )


def loading_section(folder: Path) -> str:
    """Tell how to use each file that there is without Espalier; empty if there is none."""
    places = folder, folder / FINETUNED_FOLDER
    program, state, onnx, half = (
        any((place / name).is_file() for place in places)
        for name in ("pruned.pt2", "pruned.pt", "pruned.onnx", "pruned_float16.onnx")
    )
    if not (program or state or onnx):
        return ""
    about = read_json(places[0] / "pruned.json") or read_json(places[1] / "pruned.json")
    shape = about.get("input_shape")
    shape_words = ", ".join(map(str, shape)) if isinstance(shape, list) else "C, H, W"
    mean, std = about.get("mean"), about.get("std")
    normalised = (
        f"0-1, minus mean {mean}, divided by std {std}"
        if isinstance(mean, list) and isinstance(std, list)
        else "normalised as for the unpruned network"
    )
    classes = about.get("class_names")
    names = ", ".join(map(str, classes)) if isinstance(classes, list) else ""
    return section(
        "Loading the smaller network",
        code(PROGRAM.format(shape=shape_words, normalised=normalised)) if program else "",
        paragraph("Its weights in your own network, to train or to change them:") if state else "",
        code(STATE) if state else "",
        paragraph("In ONNX Runtime, with a dynamic batch:") if onnx else "",
        code(ONNX.format()) if onnx else "",
        paragraph("pruned_float16.onnx reads and gives float16.") if half else "",
        paragraph(f"Classes: {names}") if names else "",
    )
