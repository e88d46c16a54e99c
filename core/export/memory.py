"""How much memory one forward pass needs, counted from its tensors."""

import weakref
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def peak_activation_bytes(module: nn.Module, input_shape: tuple[int, int, int]) -> int:
    """Return the most bytes that the activations of one image hold at once.

    Counted on the CPU, operation by operation; without the weights, and without what the
    operations need inside.
    """
    image = torch.zeros(1, *input_shape)
    live = _LiveBytes()
    live.add(image)
    with torch.no_grad(), live:
        module(image)
    return live.peak


class _LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the storages that are alive, as operations make and lose them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._now = 0
        self._alive: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._alive:
            return

        def lose(_: object) -> None:
            del self._alive[key]
            self._now -= size

        self._alive[key] = weakref.ref(storage, lose)
        self._now += size
        self.peak = max(self.peak, self._now)

    def __torch_dispatch__(
        self,
        function: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        read = {t.untyped_storage()._cdata for t in tree_leaves(args) if isinstance(t, Tensor)}
        for tensor in tree_leaves(result):
            # what an operation returns of its own arguments (a view, a weight) is not new
            if isinstance(tensor, Tensor) and tensor.untyped_storage()._cdata not in read:
                self.add(tensor)
        return result
