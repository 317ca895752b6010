"""A graded release goes through nbgrader from end to end, as it would at a school."""

import shutil
import sys
from pathlib import Path

import pytest

from talking_heads.course.exercises import make_copies

# nbgrader leaves SQLAlchemy sessions to their own devices.
pytestmark = pytest.mark.filterwarnings("ignore:Object of type")


@pytest.fixture
def course(tmp_path, monkeypatch):
    # nbgrader calls alembic through the shell.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    make_copies("release", ["00"], out=tmp_path)
    return tmp_path


def hand_in(course, student, notebook):
    folder = course / "submitted" / student / "00_welcome"
    folder.mkdir(parents=True)
    shutil.copy(notebook, folder / "00_welcome.ipynb")


def test_solutions_get_all_points_and_stubs_none(course):
    from nbgrader.api import Gradebook
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    config = Config()
    config.CourseDirectory.root = str(course)
    config.ExecutePreprocessor.timeout = 300
    api = NbGraderAPI(config=config)
    made = api.generate_assignment("00_welcome")
    assert made["success"], made
    released = course / "release" / "00_welcome" / "00_welcome.ipynb"
    assert "BEGIN SOLUTION" not in released.read_text()
    assert "BEGIN HIDDEN" not in released.read_text()

    hand_in(course, "solves", course / "source" / "00_welcome" / "00_welcome.ipynb")
    hand_in(course, "skips", released)
    for student in ("solves", "skips"):
        graded = api.autograde("00_welcome", student)
        assert graded["success"], graded
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        full = book.find_assignment("00_welcome").max_score
        assert full > 0
        assert book.find_submission("00_welcome", "solves").score == full
        assert book.find_submission("00_welcome", "skips").score == 0
