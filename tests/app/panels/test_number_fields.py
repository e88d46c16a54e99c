"""Numbers are typed as people write them, over a word that stands for one, too."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget

from app.panels.fields import PatientSpinBox
from app.panels.setting_fields import RealField


@pytest.fixture
def form(qtbot) -> QWidget:
    form = QWidget()
    qtbot.addWidget(form)
    layout = QVBoxLayout(form)
    form.elsewhere, form.rate, form.threads = QLineEdit(), RealField(0.0, 10.0), PatientSpinBox()
    form.rate.setSpecialValueText("auto")
    form.threads.setSpecialValueText("auto (1)")
    for field in (form.elsewhere, form.rate, form.threads):
        layout.addWidget(field)
    form.show()
    form.elsewhere.setFocus()
    return form


def write(qtbot, field, text: str) -> None:
    """Take the place of what is written, and go on to something else."""
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


@pytest.mark.parametrize(("name", "text", "value"), [("rate", "0.02", 0.02), ("threads", "3", 3)])
def test_a_number_is_typed_over_a_word_that_was_clicked_at(qtbot, form, name, text, value):
    field = getattr(form, name)
    assert field.text().startswith("auto")
    qtbot.mouseClick(field.lineEdit(), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: field.lineEdit().selectedText() == field.text())
    qtbot.keyClicks(field, text)
    assert field.value() == value


def test_a_click_leaves_a_number_unselected(qtbot, form):
    form.rate.set_value(0.02)
    qtbot.mouseClick(form.rate.lineEdit(), Qt.MouseButton.LeftButton)
    QApplication.processEvents()
    assert form.rate.lineEdit().selectedText() == ""


def test_a_word_is_stepped_from_and_typed_again(qtbot, form):
    qtbot.keyClick(form.rate, Qt.Key.Key_Up)
    assert form.rate.text() == "0.001"
    write(qtbot, form.rate, "auto")
    assert (form.rate.text(), form.rate.value()) == ("auto", 0.0)
    write(qtbot, form.rate, "0.5")
    write(qtbot, form.rate, "au")
    assert form.rate.value() == 0.5


@pytest.mark.parametrize(
    ("text", "value"), [("1e-3", 0.001), ("2.5E-2", 0.025), (".5e-1", 0.05), ("1e-300", 0.0)]
)
def test_a_number_may_be_written_with_an_exponent(qtbot, form, text, value):
    write(qtbot, form.rate, text)
    assert form.rate.value() == value
