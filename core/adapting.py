"""The weights of a whole network, trained a little through one mask after the other."""

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.distillation import MOMENTUM, Lesson, lesson_loss
from core.evaluation import class_logits, use_batch_statistics
from core.events import BoolArray
from core.graph.coupling import PruningPlan
from core.layout import place_images
from core.memory import ImagesAtOnce
from core.pruning.surgery import NetworkShell, State, expand_state, slice_state


@dataclass(eq=False)
class SharedWeights:
    """The full-size state that all masks are cut out of.

    A step trains what one mask leaves and writes it back to its places; all else stays. Tensors
    are replaced, never changed, for cut states may hold them.
    """

    plan: PruningPlan
    state: State
    velocity: State = field(default_factory=dict)  # of the same keys, once a step was taken
    version: int = 0  # steps taken
    original: State = field(init=False)  # as it began

    def __post_init__(self) -> None:
        """Remember the weights that it begins with."""
        self.original = dict(self.state)

    def learn(
        self,
        shell: NetworkShell,
        keep: BoolArray,
        lesson: Lesson,
        *,
        rate: float,
        temperature: float,
        autocast: AbstractContextManager[object],
        at_once: ImagesAtOnce,
    ) -> float:
        """Take one step of SGD with Nesterov's momentum through a mask (C,); returns the loss.

        A loss that is no number changes nothing.
        autocast: entered anew for each part of the lesson.
        at_once: adds the gradients of parts up where the lesson does not fit into the memory.
        Raises: MemoryShortage if not even the smallest part fits.
        """
        network = shell.install(slice_state(self.plan, self.state, keep), trainable=True)
        use_batch_statistics(network)
        parameters = [p for p in network.parameters() if p.is_floating_point()]
        device = next(iter(self.state.values())).device
        count = len(lesson.images)

        def differentiate(part: slice) -> tuple[float, list[Tensor | None]]:
            own = lesson.part(part)
            placed = place_images(own.images, network, device, is_learning=True)
            with torch.enable_grad(), autocast:
                logits = class_logits(network(placed))
            loss = len(own.images) / count * lesson_loss(logits.float(), own, temperature)
            gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
            return float(loss.detach()), list(gradients)

        parts = at_once.run(differentiate, count)
        loss = sum(own for own, _ in parts)
        if not math.isfinite(loss):
            return loss
        by_parameter = {
            id(p): sum(given)
            for p, *given in zip(parameters, *(own for _, own in parts), strict=True)
            if given[0] is not None
        }
        named = dict(network.named_parameters(remove_duplicate=False))
        gradients = {key: by_parameter[id(p)] for key, p in named.items() if id(p) in by_parameter}
        self._step(keep, gradients, rate)
        return loss

    def take(self, state: State) -> None:
        """Take weights that were trained elsewhere, of the same keys and shapes."""
        own = {key: value.to(self.state[key].device) for key, value in state.items()}
        self.state.update(_alike(self.state, own))
        self.version += 1

    def mixed(self, share: float) -> State:
        """The weights on the way from those of the beginning, 0, to those of now, 1."""
        between = {
            key: value if value is self.original[key] else self.original[key].lerp(value, share)
            for key, value in self.state.items()
            if value.is_floating_point()
        }
        return _alike(self.state, {**self.state, **between})

    def forget(self) -> None:
        """Go back to the weights that it began with."""
        self.state.update(self.original)
        self.velocity, self.version = {}, 0

    @torch.no_grad()
    def _step(self, keep: BoolArray, gradients: State, rate: float) -> None:
        if not self.velocity:
            self.velocity = _alike(
                self.state, {k: v.new_zeros(v.shape) for k, v in self.state.items()}
            )
        small = slice_state(self.plan, self.state, keep)
        moving = slice_state(self.plan, self.velocity, keep)
        for key, gradient in gradients.items():
            moving[key] = MOMENTUM * moving[key] + gradient
            small[key] = small[key] - rate * (gradient + MOMENTUM * moving[key])
        self.velocity = _alike(self.state, self._written(moving, self.velocity, keep, gradients))
        # in place: those who score masks hold this very dictionary
        self.state.update(_alike(self.state, self._written(small, self.state, keep, gradients)))
        self.version += 1

    def _written(self, small: State, full: State, keep: BoolArray, changed: State) -> State:
        """`full` with the entries of `changed` written back from the cut state."""
        own = PruningPlan(
            {key: dims for key, dims in self.plan.owners.items() if key in changed},
            frozenset(),
            frozenset(),
            self.plan.channel_count,
        )
        part = {key: full[key] for key in changed}
        return {**full, **expand_state(own, small, part, keep)}

    def state_dict(self) -> dict[str, object]:
        """Copy what the steps have changed, for a checkpoint; nothing if there was none."""
        if not self.version:
            return {}
        return {
            "state": {key: value.cpu().clone() for key, value in self.state.items()},
            "velocity": {key: value.cpu().clone() for key, value in self.velocity.items()},
            "version": self.version,
        }

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Go on from what `state_dict` gave."""
        if not state:
            return
        was = dict(self.state)
        device = next(iter(was.values())).device
        kept, moving, version = state["state"], state["velocity"], state["version"]
        if not (isinstance(kept, dict) and isinstance(moving, dict) and isinstance(version, int)):
            raise TypeError("no state of shared weights")
        self.state.update(_alike(was, {key: value.to(device) for key, value in kept.items()}))
        moved = {key: value.to(device) for key, value in moving.items()}
        self.velocity = _alike(was, moved) if moved else {}
        self.version = version


def _alike(like: State, values: State) -> State:
    """`values`, shared between keys where `like` shares its tensors."""
    shared: dict[int, Tensor] = {}
    return {key: shared.setdefault(id(tensor), values[key]) for key, tensor in like.items()}
