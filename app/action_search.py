"""Find actions by a few letters: which entries a query means, best first. No Qt."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Entry:
    """What is known about an action for finding it."""

    title: str  # as in its menu, without "&"
    place: str  # the menus on the way to it: "View › Panels"
    keys: str = ""
    help: str = ""  # one sentence
    why_not: str = ""  # it cannot be done now; "" if it can


def rank(query: str, entries: Sequence[Entry]) -> list[int]:
    """Places of the entries that fit every word of `query`, best first.

    A word fits the beginning of a word of the title best, then any part of the title, then its
    letters in that order in the title, then the sentence or the menu. An empty query fits all.
    """
    words = WORD.findall(query.lower())
    scored = [(_score(words, entry), place) for place, entry in enumerate(entries)]
    found = [(score, place) for score, place in scored if score is not None]
    # What can be done now comes before what cannot, where both fit equally well.
    found.sort(key=lambda one: (-one[0], bool(entries[one[1]].why_not), one[1]))
    return [place for _, place in found]


def _score(words: Sequence[str], entry: Entry) -> int | None:
    scores = [_score_word(word, entry) for word in words]
    return None if 0 in scores else sum(scores)


def _score_word(word: str, entry: Entry) -> int:
    title = entry.title.lower()
    if any(part.startswith(word) for part in WORD.findall(title)):
        return 8
    if word in title:
        return 5
    if word in entry.place.lower():
        return 3
    if any(part.startswith(word) for part in WORD.findall(entry.help.lower())):
        return 2
    letters = iter(title)
    return int(len(word) > 1 and all(letter in letters for letter in word))
