"""Fetch published weights into the cache of torch.hub, where torchvision looks for them."""

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Generator, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.request import Request, urlopen

from core.errors import NetworkError, readable
from core.events import Event, StageAdvanced, StageStarted
from core.networks.facts import shorten

PIECE_BYTES = 256 * 2**10
HASH_IN_NAME = re.compile(r"-([a-f0-9]{8,})\.")  # torch.hub's convention
TIMEOUT_SECONDS = 20.0


def fetch(url: str, folder: Path, label: str) -> Generator[Event, None, Path]:
    """Download `url` into `folder` unless it is there; a Stop leaves nothing behind.

    label: what it is, for a person: "the weights of resnet18".
    Yields: a stage, and how many of its pieces have come.
    Returns: the file's path.
    Raises: NetworkError if it cannot be reached or stored, or is not what its name says.
    """
    target = folder / url.rpartition("/")[2]
    if target.is_file():
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _partial_file(folder) as (stream, partial):
            digest = hashlib.sha256()
            request = Request(url, headers={"User-Agent": "espalier"})
            with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                size = int(answer.headers.get("Content-Length") or 0)
                yield StageStarted(f"Downloading {label}", -(-size // PIECE_BYTES))
                done = 0
                while piece := answer.read(PIECE_BYTES):
                    digest.update(piece)
                    stream.write(piece)
                    done += 1
                    yield StageAdvanced(done)
            stream.close()
            _check_hash(url, digest.hexdigest(), label)
            os.replace(partial, target)
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None)
        raise NetworkError(
            f"Cannot download {label} into {readable(folder)}: {reason or shorten(error)}. Check "
            f"the connection and the free space, or put the file {url} there.",
            str(error),
        ) from error
    return target


@contextlib.contextmanager
def _partial_file(folder: Path) -> Iterator[tuple[BinaryIO, str]]:
    handle, partial = tempfile.mkstemp(suffix=".partial", dir=folder)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream, partial
    finally:
        with contextlib.suppress(OSError):  # it has become the file itself
            os.unlink(partial)


def _check_hash(url: str, sha256: str, label: str) -> None:
    expected = HASH_IN_NAME.search(url.rpartition("/")[2])
    if expected and not sha256.startswith(expected.group(1)):
        raise NetworkError(
            f"What came as {label} is damaged: its SHA-256 begins with {sha256[:8]}, but should "
            f"with {expected.group(1)}. Download it again."
        )
