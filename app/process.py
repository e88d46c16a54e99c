"""What the libraries of this process read from its environment; before torch is imported."""

import os

# oneDNN remembers how it computes each shape of convolution, 1,024 of them by itself. Masks have
# ever new shapes, so that most of it is never used again; a pass needs one for each of its layers.
ONEDNN_SHAPES = 512


def prepare_process() -> None:
    """Set what was not set from outside."""
    # Spinning OpenMP threads starve the window on busy cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(ONEDNN_SHAPES))
