"""Which module of a network runs now."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


class ModulePlace:
    """Follows a network while it runs; `path` is the innermost module's, "" the network's own."""

    def __init__(self, network: nn.Module) -> None:
        self.path = ""
        self._network = network
        self._stack: list[str] = []

    @property
    def module(self) -> nn.Module:
        """The module that runs."""
        return self._network.get_submodule(self.path)

    @property
    def is_leaf(self) -> bool:
        """Whether a module runs that holds no others."""
        return bool(self._stack) and not any(True for _ in self.module.children())

    @contextmanager
    def follow(self) -> Iterator[None]:
        """Watch every module's call; after an error `path` still says where it was."""
        names = {id(m): name for name, m in self._network.named_modules()}

        def enter(module: nn.Module, args: Any) -> None:
            self._stack.append(self.path)
            self.path = names.get(id(module), self.path)

        def leave(module: nn.Module, args: Any, out: Any) -> None:
            self.path = self._stack.pop()

        handles = []
        for module in self._network.modules():
            handles.append(module.register_forward_pre_hook(enter))
            handles.append(module.register_forward_hook(leave))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
