"""Channel labels: an int64 tensor beside every activation that says which channel each value is.

Two values with the same label belong to one channel and go together. Label 0 is frozen: always
kept. Unifying two labels couples their channels (union-find); unifying with 0 freezes them.
Dimensions along which labels do not vary are kept at stride 0, so a label tensor costs about
as much as a vector.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

FROZEN = 0


class ChannelLabels:
    """The union-find over labels, and the questions that operations ask of label tensors."""

    def __init__(self) -> None:
        self._parent = np.zeros(1, dtype=np.int64)
        self._frozen: dict[int, str] = {}  # label -> why its whole class is always kept
        self._classes: Tensor | None = None  # cached: representative of every label
        self._free_classes: Tensor | None = None  # cached: the same, FROZEN where always kept

    def new(self, count: int) -> Tensor:
        """Make `count` fresh labels, shape (count,)."""
        first = len(self._parent)
        self._parent = np.concatenate([self._parent, np.arange(first, first + count)])
        self._forget()
        return torch.arange(first, first + count)

    def classes(self, labels: Tensor) -> Tensor:
        """Replace every label by its class's representative, frozen or not; same shape."""
        if self._classes is None:
            parent = self._parent
            while not np.array_equal(parent[parent], parent):
                parent = parent[parent]
            self._parent = parent
            self._classes = torch.from_numpy(parent)
        return self._classes[labels]

    def canonical(self, labels: Tensor) -> Tensor:
        """Like `classes`, with dimensions at stride 0 left there."""
        return self.classes(collapse(labels)).expand(labels.shape)

    def free_classes(self, labels: Tensor) -> Tensor:
        """Like `classes`, with FROZEN for every class that is always kept."""
        if self._free_classes is None:
            frozen = self.classes(torch.tensor(list(self._frozen), dtype=torch.int64))
            self._free_classes = self.classes(torch.arange(len(self._parent))).clone()
            self._free_classes[torch.isin(self._free_classes, frozen)] = FROZEN
        return self._free_classes[labels]

    def frozen_reason(self, labels: Tensor) -> str | None:
        """Why the first frozen one of these labels is always kept; None if none is."""
        classes = set(self.classes(labels).flatten().tolist())
        for label, reason in self._frozen.items():
            if self._find(label) in classes:
                return reason
        return None

    def unify(self, a: Tensor, b: Tensor) -> Tensor:
        """Couple two label tensors element by element and return their common labels."""
        shape = np.broadcast_shapes(a.shape, b.shape)
        a, b = a.expand(shape), b.expand(shape)
        for dim in range(a.dim()):
            if shape[dim] > 1 and a.stride(dim) == 0 and b.stride(dim) == 0:
                a, b = a.narrow(dim, 0, 1), b.narrow(dim, 0, 1)
        a, b = self.classes(a), self.classes(b)
        differ = a != b
        if differ.any():
            # one number a pair: distinct rows take torch a hundred times longer
            count = len(self._parent)
            coded = torch.unique(a[differ] * count + b[differ])
            left, right = coded // count, coded % count
            is_fixed = (left == FROZEN) | (right == FROZEN)
            self.freeze((left + right)[is_fixed], "it meets channels of fixed width")
            pairs = zip(left[~is_fixed].tolist(), right[~is_fixed].tolist(), strict=True)
            for one, other in pairs:
                self._union(one, other)
        return torch.where(b == FROZEN, b, a).expand(shape)

    def freeze(self, labels: Tensor, reason: str) -> None:
        """Keep these labels' channels always, and remember why."""
        for label in torch.unique(self.classes(collapse(labels))).tolist():
            if label != FROZEN:
                self._frozen.setdefault(label, reason)
                self._free_classes = None

    def along(self, labels: Tensor, dim: int, reason: str) -> Tensor:
        """Return the labels along `dim`, shape (size,); frozen if they vary elsewhere too."""
        rows = collapse(labels, dim).movedim(dim, 0).reshape(labels.shape[dim], -1)
        first = rows[:, 0]
        if not bool((rows == first[:, None]).all()):
            self.freeze(rows, reason)
            return torch.zeros_like(first)
        return first

    def _forget(self) -> None:
        self._classes = self._free_classes = None

    def _find(self, label: int) -> int:
        while self._parent[label] != label:
            label = int(self._parent[label])
        return label

    def _union(self, a: int, b: int) -> None:
        a, b = self._find(a), self._find(b)
        if a != b:
            self._parent[max(a, b)] = min(a, b)
            self._forget()


def collapse(labels: Tensor, keep_dim: int | None = None) -> Tensor:
    """Shrink stride-0 dimensions, except `keep_dim`, to size 1."""
    for dim in range(labels.dim()):
        if dim != keep_dim and labels.shape[dim] > 1 and labels.stride(dim) == 0:
            labels = labels.narrow(dim, 0, 1)
    return labels


def varies(labels: Tensor, dim: int) -> bool:
    """Whether labels change along `dim`, that is, whether it carries channels."""
    if labels.shape[dim] == 1 or labels.stride(dim) == 0:
        return False
    labels = collapse(labels, dim)
    return bool((labels != labels.narrow(dim, 0, 1)).any())


def compressed(labels: Tensor) -> Tensor:
    """Bring dimensions along which labels do not vary to stride 0."""
    shape = labels.shape
    for dim in range(labels.dim()):
        if not varies(labels, dim):
            labels = labels.narrow(dim, 0, 1)
    return labels.expand(shape)


def spread(channels: Tensor, shape: torch.Size | tuple[int, ...], dim: int) -> Tensor:
    """Lay a vector of labels along `dim` of `shape`, every other dimension at stride 0."""
    view = [1] * len(shape)
    view[dim] = len(channels)
    return channels.view(view).expand(tuple(shape))


def frozen_labels(shape: torch.Size | tuple[int, ...]) -> Tensor:
    """Labels of a tensor that carries no channels, or only ones that are always kept."""
    return torch.full((), FROZEN, dtype=torch.int64).expand(tuple(shape))


def reshaped(labels: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Reshape labels; runs of dimensions that do not vary stay at stride 0."""
    if 0 in shape:
        return labels.reshape(shape)
    target: list[int] = []
    for before, after in aligned_runs(tuple(labels.shape), shape):
        wide = [d for d in before if labels.shape[d] > 1]
        if all(labels.stride(d) == 0 for d in wide):
            for d in wide:
                labels = labels.narrow(d, 0, 1)
            target += [1] * len(after)
        else:
            target += [shape[d] for d in after]
    return labels.reshape(target).expand(shape)


def aligned_runs(
    before: tuple[int, ...], after: tuple[int, ...]
) -> Iterator[tuple[list[int], list[int]]]:
    """Pair the shortest runs of dimensions that hold the same numbers before and after a view."""
    i = 0
    j = 0
    while j < len(after):
        first_i, first_j = i, j
        old, new = 1, after[j]
        j += 1
        while old != new:
            if old < new:
                old *= before[i]
                i += 1
            else:
                new *= after[j]
                j += 1
        yield list(range(first_i, i)), list(range(first_j, j))
