"""What comes after a search: stored runs, exports, fine-tuning."""

from pathlib import Path

from app import jobs
from app.session_state import SessionState
from core.config import FinetuneConfig, to_toml
from core.events import ExportFinished, StageAdvanced, StopRequested
from tests.app import samples
from tests.app.finetune_samples import finetuning
from tests.app.session.steps import CONFIG, NEVER, reach


def test_export_writes_the_best_mask(qtbot, fakes, searched):
    given = []

    def exporting(*arguments):
        given.extend(arguments)
        yield ExportFinished(("pruned.onnx",), {"onnx": 1e-7})

    fakes.setattr(jobs, "export", exporting)
    with reach(qtbot, searched, SessionState.FINISHED):
        searched.export(Path("out"), ("onnx",))
        assert searched.state is SessionState.EXPORTING
    run_folder = searched.run_folder
    assert given == [CONFIG, samples.BEST, Path("out"), ("onnx",), CONFIG, run_folder]


def replay_tiny(opened, folder):
    yield from samples.search_events()
    yield samples.run_reported(str(folder))


def test_a_stored_run_is_opened_and_shown(qtbot, fakes, session, tmp_path):
    fakes.setattr(jobs, "replay", replay_tiny)
    (tmp_path / "config.toml").write_text(to_toml(CONFIG), encoding="utf-8")
    with reach(qtbot, session, SessionState.FINISHED):
        session.open_run(tmp_path)
    assert session.run_folder == tmp_path
    assert session.opened_config == CONFIG
    assert session.best_keep is samples.BEST


def test_a_folder_without_a_run_is_refused(qtbot, session, tmp_path):
    with qtbot.waitSignal(session.failed) as told:
        session.open_run(tmp_path)
    assert "config.toml" in told.args[0]
    assert session.state is SessionState.EMPTY


def test_a_chosen_mask_is_exported(qtbot, fakes, searched, tmp_path):
    given = []

    def exporting(opened, keep, folder, formats, config, run_folder):
        given.append(keep)
        yield ExportFinished((), {})

    fakes.setattr(jobs, "export", exporting)
    with reach(qtbot, searched, SessionState.FINISHED):
        searched.export(tmp_path, ("onnx",), samples.ALL)
    assert given[0] is samples.ALL


def test_fine_tuning_gets_the_learned_mask_and_the_criteria(qtbot, fakes, searched):
    given = []

    def training(opened, masks, config, folder, *, resume):
        given.extend([masks, config.finetune, folder, resume])
        yield from finetuning("learned", "l1_uniform")

    fakes.setattr(jobs, "finetune", training)
    states = []
    searched.state_changed.connect(states.append)
    with reach(qtbot, searched, SessionState.FINISHED):
        searched.finetune(FinetuneConfig(epochs=3), resume=True)
    (best, criteria), config, folder, resume = given
    assert resume
    assert best is samples.BEST
    assert set(criteria) == {"l1_uniform"}
    assert (config.epochs, folder) == (3, Path("runs/tiny"))
    assert states == [SessionState.FINETUNING, SessionState.FINISHED]


def test_export_writes_the_fine_tuned_network_of_that_mask(qtbot, fakes, searched, tmp_path):
    def training(opened, masks, config, folder, *, resume):
        yield from finetuning("learned", "l1_uniform")

    written = []

    def export_finetuned(opened, finetuned, folder, formats, config):
        written.append(finetuned.name)
        yield ExportFinished((), {})

    def export(opened, keep, folder, formats, config, run_folder):
        written.append("as it was")
        yield ExportFinished((), {})

    fakes.setattr(jobs, "finetune", training)
    fakes.setattr(jobs, "export_finetuned", export_finetuned)
    fakes.setattr(jobs, "export", export)
    assert not searched.is_finetuned()
    with reach(qtbot, searched, SessionState.FINISHED):
        searched.finetune(FinetuneConfig())
    assert searched.is_finetuned()
    assert not searched.is_finetuned(samples.ALL)
    for keep in (None, samples.ALL):
        with reach(qtbot, searched, SessionState.FINISHED):
            searched.export(tmp_path, ("onnx",), keep)
    assert written == ["learned", "as it was"]
    with reach(qtbot, searched, SessionState.FINISHED):
        searched.start(CONFIG)
    assert not searched.is_finetuned()  # it was another search's


def test_a_stopped_fine_tuning_ends_finished(qtbot, fakes, searched):
    def training(opened, masks, config, folder, *, resume):
        try:
            while True:
                NEVER.wait(0.001)
                yield StageAdvanced(0)
        except StopRequested:
            yield from finetuning("learned")

    fakes.setattr(jobs, "finetune", training)
    with qtbot.waitSignal(searched.event_received, timeout=20_000):
        searched.finetune(FinetuneConfig())
    assert searched.state is SessionState.FINETUNING
    with reach(qtbot, searched, SessionState.FINISHED):
        searched.stop()
    assert searched.is_finetuned()
