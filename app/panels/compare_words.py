"""What criteria are called on the screen."""

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

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


def criterion_words(name: str) -> str:
    """Say a criterion's key for people: "bn_scale" is "BN scale"."""
    if name in CRITERION_WORDS:
        return QCoreApplication.translate("criteria", CRITERION_WORDS[name])
    return name.replace("_", " ")
