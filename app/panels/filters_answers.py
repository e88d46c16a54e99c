"""What the filters panel has asked for and what it was answered: the last few of each. No Qt."""

from collections import OrderedDict

from app.selection import LoadedMask
from core.events import ChangedImagesFound, Event, LayerLookedInto, NetworkOpened

REMEMBERED = 24  # layers, and masks


class Answers:
    """Layers that were looked into, and the changed images of masks.

    One request of each kind is open at a time: `layer` and `mask`.
    """

    def __init__(self) -> None:
        self.layer = ""  # that is asked for
        self.mask: LoadedMask | None = None  # that is asked for
        self._looks: OrderedDict[str, LayerLookedInto] = OrderedDict()
        self._changes: OrderedDict[bytes, ChangedImagesFound] = OrderedDict()
        self._failed: set[str | bytes] = set()

    def take(self, event: Event) -> bool:
        """Take an answer, or forget all with another network; says whether it was one."""
        match event:
            case NetworkOpened():
                self._looks.clear()
                self._changes.clear()
                self._failed.clear()
                self.withdraw()
            case LayerLookedInto():
                self._looks[event.layer] = event
                self.layer = ""
            case ChangedImagesFound() if self.mask is not None:
                self._changes[self.mask.keep.tobytes()] = event
                self.mask = None
            case _:
                return False
        for remembered in (self._looks, self._changes):
            while len(remembered) > REMEMBERED:
                remembered.popitem(last=False)
        return True

    def withdraw(self) -> None:
        """Nothing is asked for any more."""
        self.layer, self.mask = "", None

    def fail(self) -> None:
        """What was asked for cannot be answered."""
        if self.layer:
            self._failed.add(self.layer)
        if self.mask is not None:
            self._failed.add(self.mask.keep.tobytes())
        self.withdraw()

    def look_of(self, layer: str) -> LayerLookedInto | None:
        """The last look into a layer."""
        if layer in self._looks:
            self._looks.move_to_end(layer)
        return self._looks.get(layer)

    def changes_of(self, mask: LoadedMask | None) -> ChangedImagesFound | None:
        """The images that a mask changes; masks that keep the same are the same."""
        return None if mask is None else self._changes.get(mask.keep.tobytes())

    def has_failed(self, asked: str | LoadedMask) -> bool:
        """Whether this layer or mask was asked for in vain."""
        return (asked if isinstance(asked, str) else asked.keep.tobytes()) in self._failed
