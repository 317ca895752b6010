from pathlib import Path

import pytest

from talking_heads.errors import UserError
from talking_heads.training import tracking
from talking_heads.training.tracking import check_tensorboard, event_writer


def read(folder: Path, name: str) -> list[tuple[int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def test_numbers_by_step_and_name(tmp_path: Path) -> None:
    with event_writer(tmp_path, 0) as record:
        for step in range(4):
            record(step, {"loss/loss": 4.0 - step, "rate": 0.5})
    assert read(tmp_path, "loss/loss") == [(0, 4.0), (1, 3.0), (2, 2.0), (3, 1.0)]
    # A run that was killed at step 3 and goes on from step 2.
    with event_writer(tmp_path, 2) as record:
        record(2, {"loss/loss": 7.0})
    assert read(tmp_path, "loss/loss") == [(0, 4.0), (1, 3.0), (2, 7.0)]


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=r"Cannot write to the folder .*file: File exists"),
        event_writer(tmp_path / "file", 0),
    ):
        pass


def test_no_folder_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda name: None)
    with event_writer(None, 0) as record:
        record(0, {"loss": 1.0})
    with pytest.raises(UserError, match=r"talking-heads\[tensorboard\]"):
        check_tensorboard()
