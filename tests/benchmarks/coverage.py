"""Which networks Espalier understands, and how well: one line per torchvision classifier.

python -m tests.benchmarks.coverage [NAME ...] [--csv FILE [--resume]] [--onnx]

Each network is untrained, with random BN statistics, at its own input size, in a process of its
own, so that memory comes back and a crash costs one line. Columns:

trace_s, proof_s: seconds of the one-pass analysis, and of it and the proof by trial together;
groups, channels, frozen, approximate: what can go, and how many layers and groups are marked;
difference: cut against masked network, a random half of the exact groups' channels;
reloaded, onnx: files written and read back, against the same cut network (ONNX only with --onnx,
    for the smallest network of each family; `approximate` groups are cut there too);
kept_macs, counted: the share of MACs left, and an independent count over the closed form;
torch_pruning: with Torch-Pruning installed (the extra `compare`) its own cut of half of all
    channels: the share of MACs that it leaves if the result runs, or why not;
reasons: why layers are frozen and groups approximate, most frequent first.
All differences are relative to the greatest output.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

COLUMNS = (
    *("network", "trace_s", "proof_s", "groups", "channels", "frozen", "approximate"),
    *("difference", "reloaded", "onnx", "kept_macs", "counted", "torch_pruning", "reasons"),
)
SMALLEST = (
    *("alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s"),
    *("googlenet", "inception_v3", "maxvit_t", "mnasnet0_5", "mobilenet_v2"),
    *("mobilenet_v3_small", "regnet_y_400mf", "resnet18", "resnet50", "resnext50_32x4d"),
    *("shufflenet_v2_x0_5", "squeezenet1_0", "swin_t", "swin_v2_t", "vgg11_bn", "vit_b_32"),
)
MEASURE_TIMEOUT_S = 900
OTHERS_TIMEOUT_S = 120  # for Torch-Pruning, which searches some graphs without end
WORKER = "tests.benchmarks.coverage_worker"


def line_of(name: str, *, with_onnx: bool) -> dict[str, Any]:
    """One line of the table in any case: the reason stands where the numbers would."""
    part = "measure_with_onnx" if with_onnx and name in SMALLEST else "measure"
    line = {"network": name, **_work(part, name, MEASURE_TIMEOUT_S)}
    if "failure" in line:
        line["difference"] = line["failure"]
    other = _work("torch_pruning", name, OTHERS_TIMEOUT_S)
    return line | {"torch_pruning": other.get("torch_pruning") or other["failure"]}


def _work(part: str, name: str, timeout_s: int) -> dict[str, Any]:
    """Let a process of its own measure; its answer is the last line that it writes."""
    command = [sys.executable, "-W", "ignore", "-m", WORKER, part, name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return {"failure": f"no end after {timeout_s} s"}
    try:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        said = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
        return {"failure": f"ends with {done.returncode}: {said}"[:160]}
    return answer


def lines_of(
    names: list[str], known: dict[str, dict[str, Any]], *, with_onnx: bool
) -> Iterator[dict[str, Any]]:
    """The lines that are known, and then one after the other those that are not."""
    for name in names:
        yield known[name] if name in known else line_of(name, with_onnx=with_onnx)


def read_lines(path: Path) -> dict[str, dict[str, Any]]:
    """The lines of an earlier table by network, without those that failed."""
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {line["network"]: line for line in csv.DictReader(file) if line["groups"]}


def write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    """Write the table anew, so that it is whole after every line."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", restval="")
        writer.writeheader()
        writer.writerows(lines)


def main() -> None:
    """Measure the networks named, or all of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*")
    parser.add_argument("--csv", type=Path, help="write the table there after every line")
    parser.add_argument("--resume", action="store_true", help="keep the lines that --csv has")
    parser.add_argument("--onnx", action="store_true", help="export the smallest of each family")
    arguments = parser.parse_args()
    if arguments.resume and not arguments.csv:
        parser.error("--resume needs --csv")
    import torch
    import torchvision

    names = arguments.names or torchvision.models.list_models(module=torchvision.models)
    sys.stdout.write(f"{os.cpu_count()} cores, torch {torch.__version__.split('+')[0]}\n")
    sys.stdout.write("  ".join(f"{column:>11}" for column in COLUMNS) + "\n")
    known = read_lines(arguments.csv) if arguments.resume else {}
    shown: list[dict[str, Any]] = []
    for line in lines_of(names, known, with_onnx=arguments.onnx):
        shown.append(line)
        sys.stdout.write("  ".join(f"{line.get(column, '')!s:>11}" for column in COLUMNS) + "\n")
        sys.stdout.flush()
        if arguments.csv:
            write_lines(arguments.csv, shown)


if __name__ == "__main__":
    main()
