"""The settings: what is written in becomes a RunConfig, and back."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel, QScrollArea

from app.jobs import Choices
from app.panels.settings import SettingsPanel
from app.panels.source import SourceForm
from app.selection import Selection
from app.source import Source, guess_network
from core.config import PPOConfig, RunConfig, SearchConfig
from core.config.settings import all_settings
from core.errors import ConfigError

NETWORKS = ("demo", "cifar_resnet20", "cifar_resnet110", "resnet18", "vgg16", "cifar_vgg16_bn")


@pytest.fixture
def panel(qtbot) -> SettingsPanel:
    panel = SettingsPanel(Selection())
    qtbot.addWidget(panel)
    panel.show()
    return panel


def test_untouched_settings_are_the_defaults(panel):
    assert panel.config() == RunConfig()


def test_settings_go_in_and_come_back(panel):
    config = RunConfig(
        network="cifar_resnet20",
        data="images.npz",
        checkpoint="weights.th",
        normalisation="half",
        input_shape="3x48x64",
        search=SearchConfig(
            macs_budget=0.3,
            evaluations=2000,
            seed=7,
            device="cuda:1",
            threads=3,
            reward="self_competition",
            constraint="penalty",
            streams="prune",
            groups="exact",
            reward_images=256,
        ),
    )
    panel.set_config(config)
    assert panel.config() == config


def test_a_budget_between_two_percents_stays_until_the_slider_moves(panel):
    panel.set_config(RunConfig(search=SearchConfig(macs_budget=0.333)))
    assert panel.config().search.macs_budget == 0.333
    panel.budget.slider.setValue(40)
    assert panel.config().search.macs_budget == 0.4


def test_the_slider_and_the_number_move_together(panel):
    panel.budget.spin.setValue(25)
    assert panel.budget.slider.value() == 25
    panel.budget.slider.setValue(75)
    assert panel.budget.spin.value() == 75


@pytest.mark.parametrize(("preset", "evaluations"), [("quick", 300), ("thorough", 2000)])
def test_a_preset_sets_the_evaluations(panel, preset, evaluations):
    panel.evaluations.setValue(5)
    place = panel.preset.findData(preset)
    panel.preset.setCurrentIndex(place)
    panel.preset.activated.emit(place)
    assert panel.config().search.evaluations == evaluations


def test_a_preset_sets_the_method_and_leaves_the_budget(panel):
    panel.budget.set_value(0.3)
    panel.preset.setCurrentIndex(panel.preset.findData("paper"))
    panel.preset.activated.emit(panel.preset.currentIndex())
    search = panel.config().search
    assert (search.reward, search.constraint, search.prior) == (
        "self_competition",
        "penalty",
        "none",
    )
    assert search.macs_budget == 0.3
    assert panel.preset.currentData() == "paper"
    panel.reward.setCurrentText("teacher")
    assert panel.preset.currentText() == "Custom"


def test_other_evaluations_are_called_custom(panel):
    panel.evaluations.setValue(123)
    assert panel.preset.currentText() == "Custom"


def test_a_missing_network_is_said_below_the_settings(panel):
    panel.source.network.setEditText("")
    assert "Choose one from the list" in panel.error.text()
    assert panel.error.isVisible()
    with pytest.raises(ConfigError):
        panel.config()
    panel.source.network.setEditText("demo")
    assert not panel.error.isVisible()


def test_what_is_not_open_yet_is_announced(panel):
    panel.show_opened(panel.config())
    assert not panel.hint.isVisible()
    panel.source.network.setEditText("resnet18")
    assert panel.hint.text() == "Start will open resnet18 first."
    assert panel.hint.isVisible()


def test_choices_are_offered_and_what_was_chosen_stays(panel):
    panel.source.network.setEditText("resnet18")
    panel.set_choices(Choices(NETWORKS, ("digits", "cifar10"), ("a", "teacher"), ("cuda",)))
    assert panel.source.networks == NETWORKS
    assert panel.config().network == "resnet18"
    assert panel.config().search.reward == "teacher"
    assert panel.config().search.device == "auto"


@pytest.mark.parametrize("written", ["3x48x64", " 3 × 48 × 64 ", "3X48X64", "3*48*64"])
def test_a_shape_is_understood_as_people_write_it(panel, written):
    panel.source.input_shape.setText(written)
    assert panel.config().input_shape == "3x48x64"


def test_a_shape_that_is_none_is_said_below_the_settings(panel):
    panel.source.input_shape.setText("48x64")
    assert "channels, height and width such as 3x32x32" in panel.error.text()
    panel.source.input_shape.setText("")
    assert not panel.error.isVisible()


def test_the_numbers_of_a_normalisation_are_shown(panel, tmp_path):
    numbers = panel.source.normalisation.numbers
    panel.source.set_source(Source("demo", "", "digits"))
    assert numbers.text() == "mean 0.305; std 0.376"
    panel.source.set_source(Source("cifar_resnet20", "", "cifar10"))
    assert numbers.text() == "imagenet: mean 0.485, 0.456, 0.406; std 0.229, 0.224, 0.225"
    panel.source.normalisation.choose("half")
    panel.source.look()
    assert numbers.text() == "mean 0.5, 0.5, 0.5; std 0.5, 0.5, 0.5"
    panel.source.set_source(Source("efficientnet_v2_l", "published", "cifar10"))
    assert numbers.text() == "half: mean 0.5, 0.5, 0.5; std 0.5, 0.5, 0.5"


def test_what_a_network_was_made_for_stands_below_it_and_in_the_shape(panel, tmp_path):
    panel.source.set_source(Source("resnet18", "", str(tmp_path)))
    assert panel.source.network_note.text() == "Made for images of 3x224x224."
    assert panel.source.input_shape.placeholderText() == "3x224x224, the network's"
    panel.source.set_source(Source("nets.py:make", "", str(tmp_path)))
    assert panel.source.network_note.text() == ""
    assert panel.source.input_shape.placeholderText() == "needed, such as 3x224x224"
    panel.source.set_source(Source("nets.py:make", "", "cifar10"))
    assert panel.source.input_shape.placeholderText() == "as the images are"


def test_a_running_search_locks_the_settings(panel):
    panel.set_editable(False)
    assert not panel.budget.isEnabled()
    panel.set_editable(True)
    assert panel.budget.isEnabled()


def test_runs_go_where_the_person_says(panel, tmp_path):
    assert panel.runs_folder is None
    panel.set_runs_folder(str(tmp_path))
    assert panel.runs_folder == tmp_path


def test_a_form_that_is_wider_than_its_dock_scrolls(panel):
    panel.resize(200, 600)
    QApplication.processEvents()
    assert panel.findChild(QScrollArea).horizontalScrollBar().maximum() > 0


def test_every_control_has_a_tooltip_and_an_accessible_name(panel):
    controls = (panel.source.network, panel.source.images, panel.budget, panel.evaluations)
    assert all("Default" in control.toolTip() for control in controls)
    for control in (panel.source.network, panel.budget.spin, panel.seed, panel.device):
        assert control.accessibleName()


def test_consent_to_a_download_is_asked_for_cifar_and_published_weights(qtbot):
    form = SourceForm()
    qtbot.addWidget(form)
    form.show()
    assert not form.consent.isVisible()
    form.set_source(Source("cifar_resnet20", "", "cifar10"))
    assert form.consent.isVisible()
    assert not form.may_download
    form.consent.setChecked(True)
    assert form.may_download
    form.set_source(Source("demo", "", "digits"))
    assert not form.may_download
    form.set_source(Source("resnet18", "published", "photos"))
    assert form.may_download


@pytest.mark.parametrize(
    ("file_name", "network"),
    [
        ("resnet20-12fca82f.th", "cifar_resnet20"),
        ("my_resnet110.pt", "cifar_resnet110"),
        ("resnet18-f37072fd.pth", "resnet18"),
        ("cifar_vgg16_bn.pt", "cifar_vgg16_bn"),
        ("weights.pt", ""),
    ],
)
def test_a_checkpoint_names_its_network(file_name, network):
    assert guess_network(file_name, NETWORKS) == network


def test_advanced_settings_unfold_by_keys_and_say_how_many_differ(qtbot, panel):
    row = panel.advanced.disclosure
    clip_coef = panel.fields["search.ppo.clip_coef"]
    assert not clip_coef.isVisible()
    assert (row.text(), row.accessibleDescription()) == ("Advanced", "Press to show.")
    row.setFocus()
    qtbot.keyClick(row, Qt.Key.Key_Space)
    assert clip_coef.isVisible()
    assert row.accessibleDescription() == "Shown below; press to hide."
    clip_coef.setValue(0.1)
    assert row.text() == "Advanced – 1 changed"
    assert panel.config().search.ppo.clip_coef == 0.1
    qtbot.keyClick(row, Qt.Key.Key_Space)
    assert not clip_coef.isVisible()


def test_a_preset_says_what_it_sets_and_custom_what_differs(panel):
    assert panel.preset.note.text() == "300 masks · teacher · projection · 20 epochs of fine-tuning"
    panel.preset.chosen.emit("paper")
    assert "search.policy.embedding = global" in panel.preset.note.toolTip()
    panel.preset.chosen.emit("quick")
    panel.evaluations.setValue(301)
    assert panel.preset.note.text() == "Evaluations differs from Quick"
    panel.fields["search.ppo.clip_coef"].setValue(0.3)
    assert panel.preset.note.text() == "Evaluations, Clip coefficient differ from Quick"


def test_fine_tuning_that_is_set_in_its_panel_counts_for_the_preset(panel):
    panel.set_finetuning(replace(panel.config().finetune, epochs=21))
    assert panel.preset.currentText() == "Custom"
    assert panel.config().finetune.epochs == 21
    panel.set_finetuning(RunConfig().finetune)
    assert panel.preset.currentData() == "quick"


@pytest.mark.parametrize(("before", "steps", "after"), [(0.2, 1, 0.21), (0.0, 1, 0.001)])
def test_numbers_step_by_a_tenth_of_their_magnitude(panel, before, steps, after):
    field = panel.fields["search.ppo.value_coef"]
    field.set_value(before)
    field.stepBy(steps)
    assert field.value() == pytest.approx(after)
    assert field.text() == str(after)


def test_a_number_that_was_loaded_stays_to_the_last_bit(panel):
    exact = 0.1 + 0.2
    search = SearchConfig(ppo=PPOConfig(value_coef=exact, learning_rate=1e-13))
    panel.set_config(RunConfig(search=search))
    assert panel.fields["search.ppo.value_coef"].text() == "0.3"
    assert panel.config().search == search
    panel.fields["search.ppo.value_coef"].setValue(0.4)
    assert panel.config().search.ppo.value_coef == 0.4


def test_the_wheel_scrolls_past_a_number_that_nobody_is_at(panel):
    for name in ("search.seed", "search.ppo.value_coef", "search.reward"):
        field = panel.fields[name]
        before = field.value()
        place, turn = QPointF(5, 5), QPoint(0, -120)
        event = QWheelEvent(
            place,
            place,
            turn,
            turn,
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(field, event)
        assert field.value() == before
        assert not event.isAccepted()


def test_the_table_has_every_setting(panel):
    names = [row[0] for row in panel.table().rows]
    assert names == [setting.name for setting in all_settings()]


@pytest.mark.parametrize("points", [9, 16])
def test_labels_are_wide_enough_for_their_longest_word(qtbot, qapp, points):
    before = qapp.font()
    font = qapp.font()
    font.setPointSize(points)
    qapp.setFont(font)
    try:
        panel = SettingsPanel(Selection())
        qtbot.addWidget(panel)
        labels = [label for label in panel.findChildren(QLabel) if label.buddy() is not None]
        assert len(labels) > 40
        for label in labels:
            metrics = label.fontMetrics()
            widest = max(metrics.horizontalAdvance(word) for word in label.text().split())
            assert widest <= label.minimumWidth(), label.text()
    finally:
        qapp.setFont(before)
