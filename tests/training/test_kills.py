import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

RUN = str(Path(__file__).parent / "killed_run.py")
SAME = {"same losses": True, "same figures": True, "same weights": True, "left over": []}


def killed(folder: Path, how: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, RUN, str(folder), how], capture_output=True, text=True, timeout=1500
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_killed_at_the_worst_places(tmp_path: Path) -> None:
    """In the middle of a state, after one, between the checkpoint's files, before the results."""
    assert killed(tmp_path, "places") == {"kills": 4, "torn": 1, **SAME}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_times(seed: int, tmp_path: Path) -> None:
    found = killed(tmp_path, str(seed))
    assert found.pop("kills") >= 5
    # Some of them while a state was written.
    assert found.pop("torn") >= 1
    assert found == SAME
