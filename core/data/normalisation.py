"""The usual means and standard deviations with which networks were trained."""

from core.errors import ConfigError

Normalisation = tuple[tuple[float, ...], tuple[float, ...]]  # mean, std per channel

AUTO = "auto"  # what the images' source, or the network's published weights, say

IMAGENET: Normalisation = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def choose_normalisation(name: str, channels: int, usual: Normalisation) -> Normalisation:
    """Return mean and std for pixels of 0-1 by a preset's name, or the `usual` ones for "auto".

    For images that have not three channels a preset is averaged over its own.
    Raises: ConfigError if there is no such preset.
    """
    check_normalisation(name)
    if name == AUTO:
        return usual
    mean, std = NORMALISATIONS[name]
    if channels == len(mean):
        return mean, std
    return (sum(mean) / len(mean),) * channels, (sum(std) / len(std),) * channels


def check_normalisation(name: str) -> None:
    """Raise ConfigError if there is no preset of this name."""
    if name != AUTO and name not in NORMALISATIONS:
        raise ConfigError(
            f"Setting 'normalisation' must be one of {', '.join((AUTO, *NORMALISATIONS))}, "
            f"not {name!r}."
        )


NORMALISATIONS: dict[str, Normalisation] = {
    "imagenet": IMAGENET,
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
