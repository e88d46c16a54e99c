"""Marks of modules whose widths a cut may change beyond their weights."""


class FollowsWeights:
    """Marks modules whose own attributes must be brought in line with their weights."""

    def fit(self) -> None:
        """Read widths off the weights, after every cut."""
        raise NotImplementedError


class LosesHeads(FollowsWeights):
    """Marks modules in which a view that splits channels into heads lets whole heads go."""
