"""Finding an action by a few letters."""

from app.action_search import Entry, rank

ENTRIES = (
    Entry("Open a network…", "File", "Ctrl+O", "Open a network with its weights"),
    Entry("Save settings…", "File", "Ctrl+S", "Write all settings into a file"),
    Entry("Settings", "View › Panels", "Ctrl+1", "What is searched, and how?"),
    Entry("Stop", "Search", "Ctrl+.", "Finish with the best mask", "Nothing is running."),
    Entry("Start", "Search", "Ctrl+R", "Search a mask"),
)


def found(query: str) -> list[str]:
    return [ENTRIES[place].title for place in rank(query, ENTRIES)]


def test_nothing_typed_lists_everything_that_can_be_done_first():
    assert found("") == ["Open a network…", "Save settings…", "Settings", "Start", "Stop"]


def test_every_word_has_to_fit():
    assert found("save set") == ["Save settings…"]
    assert found("set panels") == ["Settings"]
    assert found("zebra") == []


def test_the_beginning_of_a_word_of_the_title_comes_first():
    assert found("se")[:2] == ["Save settings…", "Settings"]


def test_what_cannot_be_done_now_comes_after_what_can():
    assert found("st")[:2] == ["Start", "Stop"]


def test_letters_in_order_are_enough():
    assert found("svst") == ["Save settings…"]
