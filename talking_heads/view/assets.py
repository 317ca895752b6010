"""The browser side as one string: small modules joined, and their style sheet.

Neither anywidget nor a page opened from disk can import one file from another, so the modules are
joined here: their imports of one another are dropped, for all names then stand in one module.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "static"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./\w+\.js";\n', re.MULTILINE)


@cache
def script() -> str:
    """Return the player as one JavaScript module."""
    parts = ("turning", "motion", "scene", "clock", "theme", "life", "still", "player")
    return "\n".join(_IMPORT.sub("", _read(part)) for part in parts)


@cache
def cover_script() -> str:
    """Return the widget without a picture of its own, which only hides a still while it lives."""
    return _read("still") + _read("cover")


def _read(part: str) -> str:
    return (_FOLDER / f"{part}.js").read_text("utf-8")


@cache
def style() -> str:
    """Return the player's style sheet."""
    return (_FOLDER / "player.css").read_text("utf-8")
