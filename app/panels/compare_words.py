"""What criteria are called on the screen, and a comparison in sentences."""

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from app.panels.compare_facts import Compared
from app.words import percent_text
from core.comparison_rows import BOTH, ONLY_LEARNED, Stretch

# Of criteria that are called otherwise than their key.
CRITERION_WORDS = {
    "l1": QT_TRANSLATE_NOOP("criteria", "L1"),
    "l2": QT_TRANSLATE_NOOP("criteria", "L2"),
    "fpgm": QT_TRANSLATE_NOOP("criteria", "FPGM"),
    "bn_scale": QT_TRANSLATE_NOOP("criteria", "BN scale"),
    "taylor": QT_TRANSLATE_NOOP("criteria", "Taylor"),
    "obs": QT_TRANSLATE_NOOP("criteria", "OBS"),
    "obs_bn": QT_TRANSLATE_NOOP("criteria", "OBS, BN-scaled"),
    "obs_per_mac": QT_TRANSLATE_NOOP("criteria", "OBS per MAC"),
}
OF_WEIGHTS = {"l1", "l2"}  # low scores are low weights


def criterion_words(name: str) -> str:
    """Say a criterion's key for people: "bn_scale" is "BN scale"."""
    if name in CRITERION_WORDS:
        return QCoreApplication.translate("criteria", CRITERION_WORDS[name])
    return name.replace("_", " ")


def tr(text: str) -> str:
    """Translate a text of this module."""
    return QCoreApplication.translate("compare", text)


def say_comparison(compared: Compared) -> str:
    """What a person wants to know: where the masks differ, and whether by more than chance."""
    result = compared.result
    if result.likeness == "same":
        if not result.total.kept_learned < sum(result.total.counts):
            return tr("Every channel is kept, so there is nothing to compare.")
        return tr("{} keeps exactly the channels that {} would keep.").format(
            _capital(_who(compared)), criterion_words(compared.criterion)
        )
    first = _say_counts(compared) if compared.mode == "count" else _say_shift(compared)
    return f"{first} {_say_likeness(compared)}"


def say_masks(compared: Compared) -> str:
    """Name the two masks."""
    criterion = criterion_words(compared.criterion)
    mask = compared.mask
    upper = tr("{} ({} of MACs)").format(mask.name, percent_text(mask.macs_kept))
    if compared.other is None:
        lower = tr("{}, keeping as many channels in each layer").format(criterion)
    else:
        lower = compared.other.name
        if compared.other.macs_kept is not None:
            share = percent_text(compared.other.macs_kept)
            lower = tr("{} ({} of MACs)").format(lower, share)
    return tr("Above: {}. Below: {}.").format(upper, lower)


def say_layers(stretch: Stretch, count: int) -> str:
    """Say where some of all `count` layers are: "In the first 5 layers"."""
    length = stretch.stop - stretch.first
    if length == count:
        one, more = tr("In the only layer"), tr("Over all {} layers")
    elif stretch.first == 0:
        one, more = tr("In the first layer"), tr("In the first {} layers")
    elif stretch.stop == count:
        one, more = tr("In the last layer"), tr("In the last {} layers")
    else:
        one, more = tr("In the middle layer"), tr("In the middle {} layers")
    return one if length == 1 else more.format(length)


def _say_counts(compared: Compared) -> str:
    """Which low-scored channels the mask keeps, where most of them are."""
    result, criterion = compared.result, criterion_words(compared.criterion)
    clearest = result.clearest_difference()
    part = clearest or result.total
    alone = part.counts[ONLY_LEARNED]
    low = tr("low-weight") if compared.criterion in OF_WEIGHTS else tr("low-scored")
    if compared.criterion == "random":
        text = tr("{} {} keeps {:,} of {:,} channels that chance would remove").format(
            say_layers(part, len(result.rows)), _who(compared), alone, part.kept_learned
        )
    else:
        channels = tr("1 {} channel") if alone == 1 else tr("{count:,} {} channels")
        text = tr("{} {} keeps {} that {} would remove, of {:,} that it keeps").format(
            say_layers(part, len(result.rows)),
            _who(compared),
            channels.format(low, count=alone),
            criterion,
            part.kept_learned,
        )
    if clearest is None:
        return f"{text}."
    rest = result.total.kept_learned - clearest.kept_learned
    rest_alone = result.total.counts[ONLY_LEARNED] - alone
    return tr("{}; in the others {:,} of {:,}.").format(text, rest_alone, rest)


def _say_shift(compared: Compared) -> str:
    """Where the two masks put their channels."""
    result, criterion = compared.result, criterion_words(compared.criterion)
    shift = result.largest_shift()
    if shift is None:
        return tr("{} and {} keep as many channels early, in the middle and late.").format(
            _capital(_who(compared)), criterion
        )
    more = shift.kept_learned - shift.kept_criterion
    text = (
        tr("{} {} keeps {:,} channels more than {}")
        if more > 0
        else tr("{} {} keeps {:,} channels fewer than {}")
    )
    text = text.format(say_layers(shift, len(result.rows)), _who(compared), abs(more), criterion)
    return tr("{}: {:,} against {:,} of {:,}.").format(
        text, shift.kept_learned, shift.kept_criterion, sum(shift.counts)
    )


def _say_likeness(compared: Compared) -> str:
    result = compared.result
    shared, kept = result.total.counts[BOTH], result.total.kept_learned
    mean, _ = result.chance_shared
    numbers = tr("they share {:,} kept channels of {:,}, random masks would share {:,.0f}").format(
        shared, kept, mean
    )
    match result.likeness:
        case "more":
            text = tr("The two are more alike than chance: {}.")
        case "less":
            text = tr("The two are less alike than chance: {}.")
        case "chance":
            text = tr("The two are no more alike than chance: {}.")
        case _:
            text = tr("With so many channels kept the two cannot differ more: {}.")
    return text.format(numbers)


def _who(compared: Compared) -> str:
    return tr("the agent") if compared.is_agents else tr("the mask")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
