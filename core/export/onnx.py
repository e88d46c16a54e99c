"""ONNX: one file with a dynamic batch, and ONNX Runtime to read it back."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor

from core.errors import ExportError
from core.events import FloatArray
from core.export.about import read_about
from core.export.pruned import PrunedNetwork
from core.export.verify import Reader

ONNX_FILE = "pruned.onnx"
HALF_FILE = "pruned_float16.onnx"
INPUT_NAME = "images"
OUTPUT_NAME = "logits"
BATCH_NAME = "batch"


def convert_to_onnx(program: torch.export.ExportedProgram, folder: Path) -> None:
    """Write pruned.onnx into `folder`, with what lies there about the network."""
    _write_onnx(program, folder / ONNX_FILE, read_about(folder))


def convert_to_half_onnx(program: torch.export.ExportedProgram, folder: Path) -> None:
    """Write pruned_float16.onnx from a program in float16, which reads and gives float16."""
    about = read_about(folder)
    if "input" in about:
        about["input"] = about["input"].replace("float32", "float16", 1)
    _write_onnx(program, folder / HALF_FILE, about)


def _write_onnx(
    program: torch.export.ExportedProgram, path: Path, about: Mapping[str, str]
) -> None:
    torch.onnx.export(
        program,
        (),
        str(path),
        dynamo=True,
        external_data=False,
        input_names=[INPUT_NAME],
        output_names=[OUTPUT_NAME],
        verbose=False,
    )
    tidy_onnx(path, about)


def tidy_onnx(path: Path, about: Mapping[str, str]) -> None:
    """Check the file, name its batch, and put what is known of it in the exporter's notes' place.

    The notes hold stack traces with this machine's paths; nobody reads them back.
    Raises: ExportError if the checker refuses the file.
    """
    written = onnx.load(str(path))
    graph = written.graph
    symbols = {_first_symbol(value) for value in [*graph.input, *graph.output]} - {""}
    for value in [*graph.input, *graph.output, *graph.value_info]:
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param in symbols:
                axis.dim_param = BATCH_NAME
        del value.metadata_props[:]
    for item in [written, graph, *graph.node, *graph.initializer]:
        del item.metadata_props[:]
    onnx.helper.set_model_props(written, dict(about))
    onnx.save(written, str(path))
    check_onnx(path)


def check_onnx(path: Path) -> None:
    """Check the file as it was written and infer all its shapes; ExportError if it is refused."""
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(
            "The ONNX checker refuses what the exporter wrote. Export to PyTorch instead.",
            str(error),
        ) from error


def _first_symbol(value: Any) -> str:
    axes = value.type.tensor_type.shape.dim
    return str(axes[0].dim_param) if axes else ""


def written_opset(path: Path) -> int:
    """The opset that the file really has: the exporter may choose another than it was asked."""
    imports = onnx.load(str(path), load_external_data=False).opset_import
    return int(next(entry.version for entry in imports if entry.domain in ("", "ai.onnx")))


def read_metadata(path: Path) -> dict[str, str]:
    """What the file says of the network, by name; see core.export.about."""
    written = onnx.load(str(path), load_external_data=False)
    return {entry.key: entry.value for entry in written.metadata_props}


def open_session(path: Path) -> Any:
    """Open a file with ONNX Runtime on the CPU, with as many threads as PyTorch has."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only: warnings go straight to the terminal
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def onnx_readers(pruned: PrunedNetwork, folder: Path) -> Iterator[Reader]:
    """Read the file with ONNX Runtime on the CPU, and check it as it was written."""
    del pruned
    session = open_session(folder / ONNX_FILE)
    check_onnx(folder / ONNX_FILE)

    def logits(images: Tensor) -> FloatArray:
        output: FloatArray = session.run([OUTPUT_NAME], {INPUT_NAME: images.numpy()})[0]
        return output

    yield logits


def half_reader(path: Path) -> Reader:
    """Read a float16 file with ONNX Runtime on the CPU: float32 images in, float32 logits out."""
    session = open_session(path)

    def logits(images: Tensor) -> FloatArray:
        output = session.run([OUTPUT_NAME], {INPUT_NAME: images.half().numpy()})[0]
        return np.asarray(output, dtype=np.float32)

    return logits
