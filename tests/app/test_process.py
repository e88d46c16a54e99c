"""What is set for the libraries, and memory that goes back to the system."""

import subprocess
import sys

import pytest

from app.process import give_back_memory

BLOCKS = """
import ctypes, resource
from app.process import give_back_memory, prepare_process
prepare_process()
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
blocks = [bytes(50_000) for _ in range(2_000)]  # too small for mappings of their own
last = bytes(50_000)  # on top of the heap, so that what is below cannot just shrink it
del blocks
before = resident()
assert give_back_memory()
print(before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is asked")
def test_freed_memory_goes_back_to_the_system() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKS], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > 50_000_000  # of the 100 MB that were freed


def test_elsewhere_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not give_back_memory()
