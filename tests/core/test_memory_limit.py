"""A real limit of the process's memory: the allocators of PyTorch refuse, and Espalier goes on."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import json, resource, sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from core.errors import MemoryShortage
from core.events import NoticeRaised
from core.evaluation import read_part

torch.set_num_threads(1)
network = nn.Sequential(
    nn.Conv2d(3, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    nn.Linear(64, 4),
).eval()


class Part:
    images = torch.zeros(int(sys.argv[2]), 3, int(sys.argv[3]), int(sys.argv[3]))

    def __len__(self):
        return len(self.images)

    def batch(self, indices):
        return self.images[indices], torch.zeros(len(indices), dtype=torch.int64)


def read():
    events = read_part({"a": network}, Part(), device=torch.device("cpu"), batch_size=256)
    said = []
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            return said, end.value["a"].images
        if isinstance(event, NoticeRaised):
            said.append(event.message)


with torch.no_grad():
    network(torch.zeros(2, 3, 64, 64))  # what oneDNN and the threads need is there now
np.random.default_rng(0)
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + int(sys.argv[1]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    said, images = read()
    sys.stdout.write(json.dumps({"said": said, "images": images}))
except MemoryShortage as error:
    sys.stdout.write(json.dumps({"refused": str(error)}))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc and RLIMIT_AS")
@pytest.mark.parametrize(
    ("megabytes", "count", "side", "is_enough"),
    [
        (160, 256, 64, True),  # activations of 256 images take 268 MB, those of 128 take 134
        (40, 2, 512, False),  # those of a single one take 67 MB
    ],
)
def test_a_process_with_little_memory_goes_on_in_smaller_batches(megabytes, count, side, is_enough):
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(megabytes), str(count), str(side)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    told = json.loads(ran.stdout)
    if is_enough:
        assert told["images"] == 256
        assert "128 images are computed at once from now on, not 256" in told["said"][0]
    else:
        assert told["refused"].startswith("Memory ran out while reading images (")
