"""Players, sliders, stills and heat maps.

The names below are imported when they are first used, so that writing a page from the command
line does not wait for the notebook's widgets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from talking_heads.view.explorer import Explorer, explore
    from talking_heads.view.inspector import Inspection, inspect
    from talking_heads.view.player import Player, play
    from talking_heads.view.raster import render, still

__all__ = ["Explorer", "Inspection", "Player", "explore", "inspect", "play", "render", "still"]

_HOMES = {
    "Explorer": "explorer",
    "explore": "explorer",
    "Inspection": "inspector",
    "inspect": "inspector",
    "Player": "player",
    "play": "player",
    "render": "raster",
    "still": "raster",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
