"""What an exported file says about itself, so that it can be understood on its own."""

import json
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from core.export.pruned import PrunedNetwork

ABOUT_FILE = "about.json"  # of a stage: what the converters write into their files
FINETUNED_FOLDER = "finetuned"


def about_pruned(pruned: PrunedNetwork, folder: Path) -> dict[str, str]:
    """Tell where a pruned network in `folder` comes from and how to feed it, as texts by name.

    Numbers and lists are JSON. The accuracy is absent if the test images were not read.
    """
    images, network = pruned.images, pruned.network
    about = {
        "espalier_version": _version(),
        "run": run_name(folder),
        "network": network.name,
        "macs": str(pruned.macs),
        "macs_kept": f"{pruned.macs_kept:.6g}",
        "input": f"float32 (batch, {', '.join(map(str, network.input_shape))}): "
        "values 0-1, minus mean, divided by std",
        "mean": json.dumps(list(images.mean)),
        "std": json.dumps(list(images.std)),
        "class_names": json.dumps(list(images.class_names), ensure_ascii=False),
    }
    if pruned.accuracy is not None:
        about["accuracy"] = f"{pruned.accuracy:.6g}"
        about["accuracy_images"] = f"the {len(images.test)} test images of {images.name}"
    return about


def run_name(folder: Path) -> str:
    """Return a run's name: its folder's, without the place on this machine."""
    folder = folder.absolute()
    if folder.name == FINETUNED_FOLDER:
        return f"{folder.parent.name}/{folder.name}"
    return folder.name


def write_about(about: Mapping[str, str], stage: Path) -> None:
    """Leave it in a stage for the converters."""
    (stage / ABOUT_FILE).write_text(json.dumps(about), encoding="utf-8")


def read_about(stage: Path) -> dict[str, str]:
    """Return what `write_about` left; nothing if it left nothing."""
    path = stage / ABOUT_FILE
    if not path.is_file():
        return {}
    about: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return about


def _version() -> str:
    try:
        return metadata.version("espalier")
    except metadata.PackageNotFoundError:
        return "unknown"
